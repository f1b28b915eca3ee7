"""Why a person is not asked, in the words that are kept with a decision and shown on their record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from nps.asking import Circumstances, Suppression, SuppressionReason

WHY_SUPPRESSED: dict[SuppressionReason, str] = {
    SuppressionReason.UNSUBSCRIBE: "this person unsubscribed",
    SuppressionReason.STOP: "this person wants no text messages (STOP)",
    SuppressionReason.OBJECTION: "this person objected to being asked",
    SuppressionReason.BOUNCE: "messages to this address come back",
    SuppressionReason.COMPLAINT: "this person marked a message as spam",
    SuppressionReason.CRM_OPT_OUT: "the CRM says that this person opted out",
    SuppressionReason.ERASED: "this person's data was erased",
}
NO_CONSENT = "this person has not consented to be asked"
SHORTEST = 100
"""Characters a field needs that is to hold a reason: the longest of one suppression, with its source and day."""


def told_by(suppression: Suppression, zone: ZoneInfo) -> str:
    """The sentence of a suppression, with who says so and since when."""
    since = f"{suppression.at.astimezone(zone):%Y-%m-%d}"
    source = f"{suppression.source}, " if suppression.source else ""
    return f"{WHY_SUPPRESSED[suppression.reason]} ({source}{since})"


def forbidden_by(condition: str) -> str:
    return f"never_ask: {condition}"


def lasting(known: Circumstances, zone: ZoneInfo) -> str:
    """All that speaks for good against asking this person, by some channel or by any; "" when nothing does. What
    passes by itself (a rest, a cap, a quiet hour) is none of it."""
    return "; ".join(_lasting(known, zone))


def _lasting(known: Circumstances, zone: ZoneInfo) -> Iterator[str]:
    of_reason: dict[SuppressionReason, Suppression] = {}
    for one in sorted(known.suppressions, key=_first_told):
        of_reason.setdefault(one.reason, one)  # the same one is known under every name of the person
    yield from (told_by(one, zone) for one in of_reason.values())
    if known.opted_out and SuppressionReason.CRM_OPT_OUT not in of_reason:
        yield WHY_SUPPRESSED[SuppressionReason.CRM_OPT_OUT]
    if known.consent is False:
        yield NO_CONSENT
    if known.never:
        yield forbidden_by(known.never)


def _first_told(one: Suppression) -> tuple[datetime, str, str]:
    return one.at, one.reason, one.source
