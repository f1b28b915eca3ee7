"""What `report:` says about other parts of the file: surveys that exist, and accounts that can be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from npsync.config.crosscheck import Known
from npsync.config.problems import Path, meant_or_known
from npsync.config.wording import Found


def reportcheck(known: Known) -> Iterator[Found]:
    report = known.section("report")
    yield from _targets(known, report.get("targets"))
    by = report.get("by")
    given: dict[Path, object] = {("report", "amount"): report.get("amount")}
    given |= {
        ("report", "by", str(name)): each for name, each in (by if isinstance(by, dict) else {}).items()
    }
    for place, path in given.items():
        if isinstance(path, dict):
            yield from _each(known, place, path)
        elif _is_of_account(path) and not any(
            _has_account(each) for each in known.section("people").values()
        ):
            yield Found(
                place,
                "no_account",
                f'"{path}" needs an account, and no people block says how a record leads to one (account:)',
            )


def _each(known: Known, place: Path, paths: Mapping[object, object]) -> Iterator[Found]:
    """A name for each connection: those that exist, and lead to an account where they say so."""
    people = known.section("people")
    for connection, path in paths.items():
        if connection not in people:
            message = f'there is no people block "{connection}"{meant_or_known(str(connection), people)}'
            yield Found((*place, str(connection)), "unknown_people", message)
        elif _is_of_account(path) and not _has_account(people[str(connection)]):
            message = (
                f'"{path}" needs an account, and people.{connection} does not say how a record leads to one'
            )
            yield Found((*place, str(connection)), "no_account", f"{message} (account:)")


def _targets(known: Known, targets: object) -> Iterator[Found]:
    surveys = known.section("surveys")
    for name in targets if isinstance(targets, dict) else ():
        place = ("report", "targets", str(name))
        if name not in surveys:
            message = f'there is no survey "{name}"{meant_or_known(str(name), surveys)}'
            yield Found(place, "unknown_survey", message)
        elif isinstance(surveys[name], dict) and surveys[name].get("metric", "nps") != "nps":
            message = f'the survey "{name}" measures {surveys[name]["metric"]}: a target is an NPS'
            yield Found(place, "other_metric", message)


def _is_of_account(path: object) -> bool:
    return isinstance(path, str) and path.startswith("account.")


def _has_account(people: object) -> bool:
    return isinstance(people, dict) and bool(people.get("account"))
