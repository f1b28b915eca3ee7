"""What `history:` and `follow_up:` say that takes more than one key to see: connections that can do it, names that are
known, owners that are named, and syncs that would get in each other's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from connectors import registry
from connectors.contract import Creates
from mapping.cel_text import ExpressionProblem
from mapping.expressions import Expressions
from mapping.lint import problems_of_expression, problems_of_fields
from mapping.spec import FieldMapping
from mapping.templates import TemplateProblem, names_of, parse_template
from npsync.config.crosscheck import Known, unknown
from npsync.config.fieldcheck import unavailable, valid_fields
from npsync.config.problems import Path
from npsync.config.wording import Found
from sync.outbox.spec import BRIEFING

_CANNOT = {
    Creates.HISTORY: "keep answers as records of their own",
    Creates.TASKS: "give tasks",
    Creates.LISTS: "put records on lists",
}


def aftercheck(known: Known) -> Iterator[Found]:
    for name, given in known.section("sync").items():
        if not isinstance(given, dict):
            continue
        path: Path = ("sync", name)
        if isinstance(given.get("history"), dict):
            yield from _history(known, given, given["history"], (*path, "history"))
        rules = given.get("follow_up")
        for at, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict):
                yield from _rule(known, given, rule, (*path, "follow_up", at))
        if "follow_up_since" in given and not rules:
            message = "says from when on answers are followed up, and there is no follow_up"
            yield Found((*path, "follow_up_since"), "nothing_to_follow_up", message)
    yield from _kept_twice(known)


def _history(
    known: Known, sync: Mapping[str, Any], history: Mapping[str, Any], path: Path
) -> Iterator[Found]:
    yield from _can(known, sync, Creates.HISTORY, path)
    fields = valid_fields(history.get("fields"))
    for problem in problems_of_fields(fields):
        yield Found((*path, *problem.path), problem.code, problem.message)
    for name, mapping in fields.items():
        yield from unavailable(known, sync, mapping, (*path, "fields", name))
        yield from _no_overwriting(mapping, (*path, "fields", name))
    key = history.get("key")
    if isinstance(key, str) and key in fields:
        message = "holds npsync's key of the answer; take it out of the fields"
        yield Found((*path, "fields", key), "the_key", message)


def _no_overwriting(mapping: FieldMapping, path: Path) -> Iterator[Found]:
    """These records are ours: there is nobody else's value to keep."""
    for key in ("overwrite", "newer_than"):
        if mapping.says(key):
            message = "is of no use here: a kept answer always shows what the answer says"
            yield Found((*path, key), "no_overwriting", message)


def _rule(known: Known, sync: Mapping[str, Any], rule: Mapping[str, Any], path: Path) -> Iterator[Found]:
    where = rule.get("where")
    if isinstance(where, str):
        for problem in problems_of_expression(where, (*path, "where")):
            yield Found(problem.path, problem.code, problem.message)
        yield from _names(
            known, sync, lambda: Expressions(ZoneInfo("UTC")).compile(where).names, (*path, "where")
        )
    if isinstance(task := rule.get("task"), dict):
        yield from _can(known, sync, Creates.TASKS, (*path, "task"))
        yield from _owner(known, sync, task, (*path, "task"))
        for key in ("subject", "body"):
            yield from _text(known, sync, task.get(key), (*path, "task", key))
    if isinstance(rule.get("add_to"), dict):
        yield from _can(known, sync, Creates.LISTS, (*path, "add_to"))
    if isinstance(notify := rule.get("notify"), dict):
        yield from _teller(known, notify.get("connection"), (*path, "notify", "connection"))
        yield from _text(known, sync, notify.get("text"), (*path, "notify", "text"))


def _can(known: Known, sync: Mapping[str, Any], what: Creates, path: Path) -> Iterator[Found]:
    name = _connection(sync)
    connector = known.connectors.get(name)
    if connector is not None and connector.destination is not None and what not in connector.creates:
        yield Found(path, f"no_{what.value}", f'"{name}" ({connector.title}) cannot {_CANNOT[what]}')


def _owner(known: Known, sync: Mapping[str, Any], task: Mapping[str, Any], path: Path) -> Iterator[Found]:
    people = known.section("people").get(_connection(sync)) if not isinstance(sync.get("to"), dict) else {}
    owned = not isinstance(people, dict) or "owner" in people
    if owned or "owner" in task or task.get("otherwise"):
        if isinstance(owner := task.get("owner"), str):
            yield from _names(known, sync, lambda: (owner,), (*path, "owner"))
        return
    message = (
        f"nobody would get it: name the owner's field in people.{_connection(sync)}.owner, or say owner or otherwise"
        if not isinstance(sync.get("to"), dict)
        else "nobody would get it: say owner (record.FIELD) or otherwise"
    )
    yield Found(path, "no_owner", message)


def _teller(known: Known, name: Any, path: Path) -> Iterator[Found]:
    if not isinstance(name, str) or not known.is_set(path):
        return
    if name not in known.section("connections"):
        yield unknown("connection", name, known.section("connections"), path)
        return
    connector = known.connectors.get(name)
    if connector is not None and connector.alerter is None:
        said = f'"{name}" ({connector.title}) cannot tell anybody anything'
        yield Found(path, "no_alerts", f"{said}; these types can: {', '.join(registry.tellers())}")


def _text(known: Known, sync: Mapping[str, Any], text: Any, path: Path) -> Iterator[Found]:
    if isinstance(text, str):
        also = BRIEFING if path[-1] == "body" else ()
        yield from _names(
            known, sync, lambda: tuple({*names_of(parse_template(text, also))} - {*BRIEFING}), path
        )


def _names(
    known: Known, sync: Mapping[str, Any], names: Callable[[], tuple[str, ...]], path: Path
) -> Iterator[Found]:
    """Names that are known, and say nothing for this sync."""
    try:
        yield from unavailable(known, sync, names(), path)
    except (ExpressionProblem, TemplateProblem):
        return  # told where it was parsed


def _connection(sync: Mapping[str, Any]) -> str:
    to = sync.get("to")
    return str(to.get("connection") if isinstance(to, dict) else to)


def _kept_twice(known: Known) -> Iterator[Found]:
    """An answer has one key: two syncs that keep it in one object would overwrite each other for ever."""
    first: dict[tuple[str, str, str], Path] = {}
    for name, given in known.section("sync").items():
        history = given.get("history") if isinstance(given, dict) else None
        if not isinstance(history, dict) or not isinstance(history.get("object"), str):
            continue
        path: Path = ("sync", name, "history")
        kept = (str(given.get("survey")), _connection(given), history["object"].lower())
        if (rival := first.setdefault(kept, path)) is not path:
            line = known.document.place(rival).line
            message = f"{rival[1]} (line {line}) keeps these answers in {history['object']} already; keep one"
            yield Found(path, "kept_twice", message)


def followed_twice(known: Known) -> Iterator[Found]:
    """Two syncs of one survey that both give tasks or tell people: a warning."""
    first: dict[str, Path] = {}
    for name, given in known.section("sync").items():
        rules = given.get("follow_up") if isinstance(given, dict) else None
        tells = isinstance(rules, list) and any(
            isinstance(rule, dict) and ("task" in rule or "notify" in rule) for rule in rules
        )
        if not tells:
            continue
        path: Path = ("sync", name, "follow_up")
        if (rival := first.setdefault(str(given.get("survey")), path)) is not path:
            line = known.document.place(rival).line
            message = (
                f"{rival[1]} (line {line}) follows up answers to {given.get('survey')} as well: whoever has both "
                f"records is called twice"
            )
            yield Found(path, "followed_twice", message)
