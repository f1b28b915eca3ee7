"""What the commands about asking print: invitations, who was left out, and what arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from nps.asking import Invitation
from npsync.asking.invited import About, Arrivals
from npsync.cli import output
from npsync.words.asking_text import (
    about_as_json,
    arrival_rows,
    as_json,
    elsewhere_rows,
    event_rows,
    funnel_rows,
    invitation_lines,
    moment,
    step_rows,
    suppression_rows,
    verdict_rows,
)
from store.api import Verdict


def links(found: Sequence[tuple[Invitation, str]], zone: ZoneInfo, *, json: bool) -> None:
    if json:
        output.say_json({"links": [{**as_json(one), "link": link} for one, link in found]})
        return
    if not found:
        output.say("No link waits for somebody to send it.")
        return
    for one, link in found:
        until = f" (to be answered by {moment(one.expires_at, zone)})" if one.expires_at else ""
        output.say(f"{one.object}/{one.record_id}: {one.survey}{until}")
        output.say(f"  {link}")


def invitations(
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
        output.table(["trigger", "in the last 30 days", "people"], funnel_rows(counted))
        output.say()
    for line in invitation_lines(found, zone):
        output.say(line)


def about(story: About, who: str, zone: ZoneInfo, *, json: bool) -> None:
    if json:
        output.say_json(about_as_json(story))
    elif story.found:
        asked(story, zone)
    else:
        output.say(f"{who} was never asked, and nothing happened that would have asked them.")


def asked(story: About, zone: ZoneInfo) -> None:
    """One person's invitations, one invitation's messages, and what asked them nothing."""
    if story.invitations:
        output.say("Invitations:")
        for line in invitation_lines(story.invitations, zone):
            output.say(line)
    if story.steps:
        output.say("\nMessages:")
        output.table(["number", "kind", "due", "state", "why"], step_rows(story.steps, zone))
    if story.not_asked:
        output.say(("\n" if story.invitations else "") + "Not asked:")
        output.table(["when", "trigger", "record", "what", "why"], verdict_rows(story.not_asked, zone))

    if story.suppressions:
        output.say("\nMust not be asked:")
        output.table(["since", "why", "channel", "said by"], suppression_rows(story.suppressions, zone))
    if story.elsewhere:
        output.say("\nAsked by other tools:")
        output.table(["when", "tool", "survey", "what"], elsewhere_rows(story.elsewhere, zone))


def not_asked(found: Sequence[Verdict], zone: ZoneInfo, *, json: bool) -> None:
    if json:
        output.say_json({"not_asked": [msgspec.to_builtins(one) for one in found]})
    elif not found:
        output.say("Nobody was left out.")
    else:
        output.table(["when", "trigger", "record", "what", "why"], verdict_rows(found, zone))


def arrivals(found: Arrivals, zone: ZoneInfo, *, json: bool) -> None:
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
            ["event", "when", "connection", "what", "about", "what became of it"], event_rows(found, zone)
        )
    if found.pushed:
        output.say("\nPushed to /hooks:")
        columns = ["number", "when", "connection", "what", "about", "what became of it"]
        output.table(columns, arrival_rows(found.pushed, zone))
