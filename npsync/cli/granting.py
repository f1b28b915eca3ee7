"""`npsync connect`: what to grant, whether it is granted, and what is granted for nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from connectors.contract import Grant, Verdict
from npsync import opening
from npsync.checking import access
from npsync.cli import output
from npsync.cli.choosing import connection_named
from npsync.config import Config
from npsync.operating import calls
from npsync.words import quota_text

Opening = Callable[..., AbstractContextManager[opening.Opened]]

_MARKS = {
    Verdict.OK: "ok",
    Verdict.MISSING: "MISSING",
    Verdict.EXCESS: "not needed",
    Verdict.UNTESTED: "not testable",
}


def show(config: Config, name: str, *, as_json: bool, opened: Opening = opening.opened) -> int:
    """Prints what to grant even when the vendor then can't be asked; returns 1 when something is missing."""
    connection_named(config, name)
    if not as_json:
        _tell_what_to_grant(config, name)
    quota = None
    with calls.books(config) as store:
        with opened(config, books=store) as connections:
            tested = access.try_out(config, name, connections)
        if store is not None:
            [quota] = calls.quotas(config, store, connections.clock.now(), [name])
    if as_json:
        output.say_json(
            {
                "connection": name,
                "enough": tested.is_enough,
                "to_grant": list(tested.to_grant),
                "to_provision": list(access.to_provision(config, name)),
                "grants": [_facts(grant) for grant in tested.grants],
                "quota": None if quota is None else quota_text.facts(quota),
            }
        )
    else:
        _tell_result(tested)
        for line in quota_text.lines(quota, config.time_zone) if quota is not None else ():
            output.say(line)
    return output.SUCCEEDED if tested.is_enough else output.FAILED


def _tell_what_to_grant(config: Config, name: str) -> None:
    connection = config.connections[name]
    output.say(f"{name} ({connection.connector.title}) needs exactly this:")
    for line in access.to_grant(config, name):
        output.say_wrapped(line, indent="  - ", then="    ")
    if lines := access.to_provision(config, name):
        output.say(f"Only for the time that npsync provision {name} takes:")
        for line in lines:
            output.say_wrapped(line, indent="  - ", then="    ")
    output.say()


def _tell_result(tested: access.Tested) -> None:
    output.table(
        ("tested", "permission", "why", "what the vendor said"),
        [(_MARKS[each.verdict], each.permission, each.why, each.detail) for each in tested.grants],
    )
    output.say()
    excess = [each.permission for each in tested.grants if each.verdict is Verdict.EXCESS]
    if excess:
        output.say(f"Granted, and npsync needn't it: {', '.join(excess)}")
    if tested.is_enough:
        output.say("Everything needed is there. Next: npsync check")
    else:
        output.say(f"Something is missing. Grant it, then: npsync connect {tested.connection}")


def _facts(grant: Grant) -> dict[str, str]:
    return {
        "permission": grant.permission,
        "why": grant.why,
        "verdict": grant.verdict.value,
        "detail": grant.detail,
    }
