"""What asking looks like in plain text: a turn of the triggers, invitations, events, and why somebody was not asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from mapping.problems import did_you_mean
from nps.asking import Invitation, InvitationState, Past, Step, Suppression
from nps.errors import ConfigError
from npsync.asking.invited import About, Arrivals
from npsync.cli import output
from store.api import ArrivalRow, Verdict
from triggers.report import Round

if TYPE_CHECKING:
    from npsync.config import Config

WORDS: Mapping[str, str] = {
    "accepted": "sent",
    "unknown": "sent perhaps: npsync was interrupted, and it is not repeated",
    "suppressed_by_vendor": "refused by the vendor's own rule",
    "put_off": "put off",
    "waits": "waiting for a better hour",
    "retried": "to be tried again",
    "taken_over": "taken over by another process",
    "queued": "to be asked",
    "shadow": "would be asked (shadow)",
    "not_meant": "not meant",
    "no_person": "about nobody",
    "unknown_person": "about somebody without a record",
    "no_channel": "not to be reached",
    "read": "read again",
    "cancelled": "cancelled",
    "failed": "failed",
}


def round_lines(done: Round) -> Iterator[str]:
    for name in done.begun:
        yield f"{name} is followed from now on: what happened while it was not in the YAML asks nobody."
    if done.events:
        yield f"Events: {done.events} new."
    yield from _counted("Arrived", done.arrivals, "")
    yield from _counted("Decided", done.said, "not asked: ")
    yield from _counted("Messages", done.steps, "not sent: ")
    for why, count in done.retrying.most_common():
        yield from wrap(f"  tried again later ({count}): {why}", output.WIDTH, subsequent_indent="    ")
    if done.expired:
        yield f"{done.expired} invitations were not answered in time."
    for problem in done.problems:
        yield from wrap(f"! {problem}", output.WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _counted(title: str, counts: Counter[str], no: str) -> Iterator[str]:
    """What has no word of its own is a reason against it."""
    if told := [f"{n} {WORDS.get(code, no + _plain(code))}" for code, n in counts.most_common() if n]:
        yield f"{title}: {' · '.join(told)}."


def _plain(code: str) -> str:
    return code.replace("_", " ")


def state_named(word: str | None) -> InvitationState | None:
    """The state a person typed. Raises ConfigError."""
    if word is None:
        return None
    try:
        return InvitationState(word)
    except ValueError:
        known = ", ".join(InvitationState)
        hint = did_you_mean(word, list(InvitationState))
        raise ConfigError(f'there is no state "{word}"{hint or f"; the states are {known}"}') from None


def refuse_unknown_trigger(config: Config, name: str) -> None:
    if name not in config.triggers:
        raise ConfigError(f'{config.file}: there is no trigger "{name}"{did_you_mean(name, config.triggers)}')


# ------------------------------------------------------------ invitations


def tell_links(found: Sequence[tuple[Invitation, str]], zone: ZoneInfo, *, json: bool) -> None:
    if json:
        output.say_json({"links": [{**as_json(one), "link": link} for one, link in found]})
        return
    if not found:
        output.say("No link waits for somebody to send it.")
        return
    for one, link in found:
        until = f" (to be answered by {_moment(one.expires_at, zone)})" if one.expires_at else ""
        output.say(f"{one.object}/{one.record_id}: {one.survey}{until}")
        output.say(f"  {link}")


def tell_invitations(
    found: Sequence[Invitation],
    funnel: Mapping[tuple[str, str], int],
    zone: ZoneInfo,
    *,
    trigger: str | None,
    json: bool,
) -> None:
    counted = {key: count for key, count in funnel.items() if trigger in (None, key[0])}
    if json:
        told = [
            {"trigger": name, "code": code, "count": count} for (name, code), count in sorted(counted.items())
        ]
        output.say_json({"last_30_days": told, "invitations": [as_json(one) for one in found]})
        return
    if not counted and not found:
        output.say("Nobody was asked yet, and nothing happened that asks. npsync events shows what arrived.")
        return
    if counted:
        output.table(["trigger", "in the last 30 days", "people"], _funnel_rows(counted))
        output.say()
    for line in _invitation_lines(found, zone):
        output.say(line)


def tell_about(story: About, who: str, zone: ZoneInfo, *, json: bool) -> None:
    if json:
        output.say_json(about_as_json(story))
    elif story.found:
        tell_asked(story, zone)
    else:
        output.say(f"{who} was never asked, and nothing happened that would have asked them.")


def tell_asked(story: About, zone: ZoneInfo) -> None:
    """One person's invitations, one invitation's messages, and what asked them nothing."""
    if story.invitations:
        output.say("Invitations:")
        for line in _invitation_lines(story.invitations, zone):
            output.say(line)
    if story.steps:
        output.say("\nMessages:")
        output.table(["number", "kind", "due", "state", "why"], _step_rows(story.steps, zone))
    if story.not_asked:
        output.say(("\n" if story.invitations else "") + "Not asked:")
        output.table(["when", "trigger", "record", "what", "why"], verdict_rows(story.not_asked, zone))

    if story.suppressions:
        output.say("\nMust not be asked:")
        output.table(["since", "why", "channel", "said by"], _suppression_rows(story.suppressions, zone))
    if story.elsewhere:
        output.say("\nAsked by other tools:")
        output.table(["when", "tool", "survey", "what"], _elsewhere_rows(story.elsewhere, zone))


def _suppression_rows(found: Sequence[Suppression], zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    """One line for each reason, though it is kept under every name of the person."""
    seen = set()
    for one in found:
        row = (
            f"{one.at.astimezone(zone):%Y-%m-%d}",
            one.reason.value.replace("_", " "),
            one.channel.value if one.channel else "all",
            " ".join(filter(None, (one.source, one.detail))),
        )
        if row not in seen:
            seen.add(row)
            yield row


def _elsewhere_rows(found: Sequence[Past], zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    for one in found:
        when = f"{one.at.astimezone(zone):%Y-%m-%d %H:%M}"
        yield (when, one.source, one.survey or one.metric or one.kind, one.what.value)


def about_as_json(story: About) -> dict[str, Any]:
    return {
        "invitations": [as_json(one) for one in story.invitations],
        "messages": [msgspec.to_builtins(one) for one in story.steps],
        "not_asked": [msgspec.to_builtins(one) for one in story.not_asked],
        "suppressions": [msgspec.to_builtins(one) for one in story.suppressions],
        "elsewhere": [msgspec.to_builtins(one) for one in story.elsewhere],
    }


def tell_not_asked(found: Sequence[Verdict], zone: ZoneInfo, *, json: bool) -> None:
    if json:
        output.say_json({"not_asked": [msgspec.to_builtins(one) for one in found]})
    elif not found:
        output.say("Nobody was left out.")
    else:
        output.table(["when", "trigger", "record", "what", "why"], verdict_rows(found, zone))


def as_json(one: Invitation) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    return told


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _invitation_lines(found: Sequence[Invitation], zone: ZoneInfo) -> Iterator[str]:
    """An id stays in one piece, to be copied; why stands below."""
    rows = [
        (
            _moment(one.answered_at or one.sent_at or one.due_at, zone),
            f"{one.state} by {one.via}" if one.via else str(one.state),
            one.record_id,
            one.trigger,
        )
        for one in found
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for one, row in zip(found, rows, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join((*cells, one.id))
        if why := one.reason or _plain(one.code):
            yield f"  {why}"


def _step_rows(steps: Iterable[Step], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in steps:
        delivered = "delivered" if one.delivered_at else ""
        yield [
            str(one.number),
            str(one.kind),
            _moment(one.due_at, zone),
            str(one.state),
            one.reason or delivered,
        ]


def verdict_rows(found: Iterable[Verdict], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found:
        yield [_moment(one.at, zone), one.trigger, one.record_id or "", _plain(one.code), one.reason]


def _funnel_rows(funnel: Mapping[tuple[str, str], int]) -> Iterator[list[str]]:
    for (trigger, code), count in sorted(funnel.items()):
        yield [trigger, _plain(code), str(count)]


# ------------------------------------------------------------ events


def tell_arrivals(found: Arrivals, zone: ZoneInfo, *, json: bool) -> None:
    if json:
        events = [
            msgspec.to_builtins(one)
            | {"said": [msgspec.to_builtins(each) for each in found.said.get(one.number, ())]}
            for one in found.events
        ]
        output.say_json({"events": events, "pushed": [msgspec.to_builtins(one) for one in found.pushed]})
        return
    if not found.events and not found.pushed:
        output.say(
            "Nothing arrived yet. npsync serve, or npsync run, asks for what happened since it first asked."
        )
        return
    if found.events:
        output.table(
            ["event", "when", "connection", "what", "about", "what became of it"], _event_rows(found, zone)
        )
    if found.pushed:
        output.say("\nPushed to /hooks:")
        columns = ["number", "when", "connection", "what", "about", "what became of it"]
        output.table(columns, _arrival_rows(found.pushed, zone))


def _event_rows(found: Arrivals, zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found.events:
        said = "; ".join(_said(each, found.invitations) for each in found.said.get(one.number, ()))
        became = said or ("no trigger asks about it" if one.decided else "not looked at yet")
        when = _moment(one.occurred_at, zone)
        yield [str(one.number), when, one.connection, _plain(one.kind), one.subject, became]


def _said(one: Verdict, invitations: Mapping[str, Invitation]) -> str:
    """What a trigger said, or what became of the invitation since."""
    invitation = invitations.get(one.invitation or "")
    if invitation is not None:
        why = f" ({invitation.reason})" if invitation.reason else ""
        return f"{one.trigger}: {invitation.state}{why}"
    return f"{one.trigger}: {one.reason or WORDS.get(one.code, _plain(one.code))}"


def _arrival_rows(found: Iterable[ArrivalRow], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found:
        fine = {"new": "not looked at yet", "settled": "done"}.get(one.state, one.state)
        became = fine if one.state == "new" else one.reason or _plain(one.code) or fine
        yield [str(one.number), _moment(one.at, zone), one.connection, _plain(one.kind), one.subject, became]
