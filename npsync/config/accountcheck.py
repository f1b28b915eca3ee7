"""What `sync.*.account` needs of the rest of the file: people whose accounts are known, and a survey that is an NPS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from mapping.lint import problems_of_fields
from mapping.spec import AccountMapping, FieldMapping
from npsync.config.crosscheck import Known
from npsync.config.problems import Path
from npsync.config.wording import Found


def accountcheck(known: Known) -> Iterator[Found]:
    for name, given in known.section("sync").items():
        if not isinstance(given, dict) or not isinstance(given.get("account"), dict):
            continue
        path: Path = ("sync", name, "account")
        yield from _accounts_known(known, given.get("to"), path)
        yield from _is_an_nps(known, given.get("survey"), path)
        for problem in problems_of_fields(_valid(given["account"].get("fields"))):
            yield Found((*path, *problem.path), problem.code, problem.message)


def _accounts_known(known: Known, to: Any, path: Path) -> Iterator[Found]:
    if isinstance(to, dict):
        message = "accounts are rolled up of people: write `to:` the name of a people block with account: {object, by}"
        yield Found(path, "no_account", message)
        return
    people = known.section("people").get(str(to))
    if isinstance(people, dict) and "account" not in people:
        message = f"needs to know whose account a person is: add account: {{object, by}} to people.{to}"
        yield Found(path, "no_account", message)


def _is_an_nps(known: Known, survey: Any, path: Path) -> Iterator[Found]:
    asked = known.section("surveys").get(str(survey))
    metric = asked.get("metric", "nps") if isinstance(asked, dict) else "nps"
    if metric in ("csat", "ces"):
        message = (
            f'the survey "{survey}" measures {metric}, which has no promoters and detractors: an account shows an NPS. '
            f"Leave account: out here; a {metric} score belongs in the person's `fields`"
        )
        yield Found(path, "other_metric", message)


def _valid(given: Any) -> dict[str, FieldMapping]:
    """The fields that are valid by themselves; what is wrong with the others has been told."""
    found: dict[str, FieldMapping] = {}
    for name, raw in given.items() if isinstance(given, dict) else ():
        try:
            found[str(name)] = AccountMapping.model_validate(raw)
        except ValidationError:
            continue
    return found
