"""What `report:` says about other parts of the file: surveys that exist, and accounts that can be found."""

from __future__ import annotations

from collections.abc import Iterator

from npsync.config.crosscheck import Known
from npsync.config.problems import Path, did_you_mean
from npsync.config.wording import Found


def reportcheck(known: Known) -> Iterator[Found]:
    report = known.section("report")
    yield from _targets(known, report.get("targets"))
    by, amount = report.get("by"), report.get("amount")
    paths: list[tuple[Path, object]] = [(("report", "amount"), amount)]
    paths += (
        [(("report", "by", str(name)), path) for name, path in by.items()] if isinstance(by, dict) else []
    )
    for place, path in paths:
        if isinstance(path, str) and path.startswith("account.") and not _has_accounts(known):
            message = (
                f'"{path}" needs an account, and no people block says how a record leads to one (account:)'
            )
            yield Found(place, "no_account", message)


def _targets(known: Known, targets: object) -> Iterator[Found]:
    surveys = known.section("surveys")
    for name in targets if isinstance(targets, dict) else ():
        place = ("report", "targets", str(name))
        if name not in surveys:
            message = f'there is no survey "{name}"{did_you_mean(str(name), surveys)}'
            yield Found(place, "unknown_survey", message)
        elif isinstance(surveys[name], dict) and surveys[name].get("metric", "nps") != "nps":
            message = f'the survey "{name}" measures {surveys[name]["metric"]}: a target is an NPS'
            yield Found(place, "other_metric", message)


def _has_accounts(known: Known) -> bool:
    return any(isinstance(given, dict) and given.get("account") for given in known.section("people").values())
