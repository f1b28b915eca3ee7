"""What triggers, surveys and the contact policy say that works, and may not be what was meant.

For a file without problems: those are `askcheck`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from nps.asking import Channel, StepKind
from nps.durations import duration
from nps.sending import Message, Recipient
from npsync.config.askcheck import Trigger, ways_of
from npsync.config.crosscheck import Known
from npsync.config.wording import Found


def warnings(known: Known) -> Iterator[Found]:
    yield from _ignored_wording(known)
    yield from _no_opposite(known)
    yield from _texts_at_night(known)
    yield from _same_event_twice(known)
    yield from _ledger_without_field(known)
    yield from _never_too_late(known)
    yield from _late_reminders(known)
    yield from _remarks(known)


def _ignored_wording(known: Known) -> Iterator[Found]:
    for name, survey in known.section("surveys").items():
        if not isinstance(survey, dict):
            continue
        owners = [way["use"] for _, way, sends in ways_of(known, survey) if sends.words == "vendor"]
        for key in ("ask", "then"):
            if owners and survey.get(key):
                message = f"ignored by {', '.join(dict.fromkeys(owners))}: the wording is set in that tool"
                yield Found(("surveys", name, key), "wording_ignored", message)
        for _, way, sends in ways_of(known, survey):
            if survey.get("remind") and not sends.can_remind:
                message = f"{way['use']} sends no reminders for npsync"
                yield Found(("surveys", name, "remind"), "no_reminders", message)


def _late_reminders(known: Known) -> Iterator[Found]:
    """Of a reminder planned for when the invitation is over, nobody ever hears."""
    for name, survey in known.section("surveys").items():
        remind = survey.get("remind") if isinstance(survey, dict) else None
        if not isinstance(remind, list) or not isinstance(survey.get("expires"), str):
            continue
        over = duration(survey["expires"])
        for at, after in enumerate(remind):
            if duration(after) >= over:
                message = f"never sent: the invitation is over after {survey['expires']} (expires)"
                yield Found(("surveys", name, "remind", at), "late_reminder", message)


_LINK = "/s/" + "x" * 22  # as long as a real one


def _remarks(known: Known) -> Iterator[Found]:
    """What a connector says about a message with this question, were one sent."""
    for name, survey in known.section("surveys").items():
        if not isinstance(survey, dict) or not isinstance(survey.get("ask"), str):
            continue
        for _, way, _ in ways_of(known, survey):
            remarks = known.connectors[way["use"]].remarks
            if remarks is None:
                continue
            example = Message(
                invitation="",
                step=0,
                kind=StepKind.ASK,
                to=Recipient(connection="", object="", record_id=""),
                survey=name,
                metric=str(survey.get("metric", "nps")),
                ask=survey["ask"],
                link=f"{str(known.document.value.get('public_url', '')).rstrip('/')}{_LINK}",
            )
            for remark in remarks(known.settings[way["use"]], example):
                yield Found(("surveys", name, "ask"), "remark", f"{way['use']}: {remark}")


def _no_opposite(known: Known) -> Iterator[Found]:
    for name, given in known.section("triggers").items():
        trigger = Trigger(known, name, given) if isinstance(given, dict) else None
        if trigger is None or trigger.connector is None or given.get("cancel_on"):
            continue
        kind = next((k for k in trigger.connector.event_kinds if k.name == trigger.event.get("kind")), None)
        if kind is not None and kind.opposite is not None:
            message = (
                f"a {kind.opposite} does not take the ask back; did you mean cancel_on: {kind.opposite}?"
            )
            yield Found(("triggers", name), "no_cancel_on", message)


def _texts_at_night(known: Known) -> Iterator[Found]:
    if known.section("contact_policy").get("quiet_hours"):
        return
    for name, survey in known.section("surveys").items():
        for at, way, sends in ways_of(known, survey) if isinstance(survey, dict) else ():
            if sends.channel is Channel.SMS:
                message = f"{way['use']} would send text messages at night: add quiet_hours to contact_policy"
                yield Found(("surveys", name, "through", at, "use"), "no_quiet_hours", message)


def _same_event_twice(known: Known) -> Iterator[Found]:
    """Two triggers that ask one survey about one event: the second one's ask always comes too soon."""
    first: dict[tuple[str, str], str] = {}
    for name, given in known.section("triggers").items():
        if not isinstance(given, dict) or given.get("paused") is True or given.get("where"):
            continue
        event = repr(sorted(given["event"].items(), key=str)) if isinstance(given.get("event"), dict) else ""
        if not event:
            continue
        rival = first.setdefault((event, str(given.get("survey"))), name)
        if rival != name:
            line = known.document.place(("triggers", rival)).line
            message = (
                f"{rival} (line {line}) asks the same survey about the same event; one of them asks nobody"
            )
            yield Found(("triggers", name), "asked_twice", message)


def _ledger_without_field(known: Known) -> Iterator[Found]:
    on = [name for name, given in known.section("triggers").items() if _is_on(given)]
    if on and not known.section("contact_policy").get("ledger_field"):
        message = "contact_policy has no ledger_field: with a lost store nobody could tell who was asked when"
        yield Found(("triggers", on[0], "mode"), "no_ledger_field", message)


def _never_too_late(known: Known) -> Iterator[Found]:
    for name, given in known.section("triggers").items():
        if _is_on(given) and given.get("event") and not given.get("stale_after"):
            message = (
                "without stale_after it is never too late: after a long stop people are asked about what happened "
                "weeks ago; add stale_after, like 3 days"
            )
            yield Found(("triggers", name, "event"), "never_stale", message)


def _is_on(given: object) -> bool:
    return isinstance(given, dict) and given.get("mode") == "on"
