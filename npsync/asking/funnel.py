"""How far our own invitations get, and why others are not asked: added up for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nps.asking import InvitationState, SuppressionReason

if TYPE_CHECKING:
    from store.api.figures import Funnelled

_WAIT, _SHADOW = InvitationState.QUEUED, InvitationState.SHADOW


@dataclass(frozen=True)
class Stretch:
    """Invitations of one trigger and survey, or all of them: how many were decided on, and how far they got."""

    trigger: str = ""
    survey: str = ""
    decided: int = 0
    waiting: int = 0
    sent: int = 0
    delivered: int = 0  # as far as a channel told
    answered: int = 0
    ended: Mapping[InvitationState, int] = field(default_factory=dict)  # without having been sent

    @property
    def left(self) -> int:
        """How many never left, and never will."""
        return sum(self.ended.values())


@dataclass(frozen=True)
class Funnel:
    """`shadow` is what triggers in shadow mode would have asked: nothing of it was sent, or will be."""

    whole: Stretch
    parts: Sequence[Stretch]
    shadow: Sequence[Stretch]


def funnel(rows: Iterable[Funnelled], *, trigger: str = "", survey: str = "") -> Funnel:
    """Of this trigger and this survey, or of all."""
    wanted = [one for one in rows if trigger in ("", one.trigger) and survey in ("", one.survey)]
    names = dict.fromkeys((one.trigger, one.survey) for one in wanted)
    live = [one for one in wanted if one.state is not _SHADOW]
    would = [one for one in wanted if one.state is _SHADOW]
    return Funnel(
        whole=_stretch(live),
        parts=[part for name in names if (part := _stretch(live, *name)).decided],
        shadow=[part for name in names if (part := _stretch(would, *name)).decided],
    )


def _stretch(rows: Iterable[Funnelled], trigger: str = "", survey: str = "") -> Stretch:
    its = [one for one in rows if trigger in ("", one.trigger) and survey in ("", one.survey)]
    ended: dict[InvitationState, int] = {}
    for one in its:
        unsent = one.invitations - one.sent
        if one.state not in (_WAIT, _SHADOW) and unsent:
            ended[one.state] = ended.get(one.state, 0) + unsent
    return Stretch(
        trigger=trigger,
        survey=survey,
        decided=sum(one.invitations for one in its),
        waiting=sum(one.invitations - one.sent for one in its if one.state is _WAIT),
        sent=sum(one.sent for one in its),
        delivered=sum(one.delivered for one in its),
        answered=sum(one.answered for one in its),
        ended=ended,
    )


# ------------------------------------------------------------ why not, and what to do about it


@dataclass(frozen=True)
class WhyNot:
    """Why people are not asked, in words, and what somebody can do about it ("" where it is as it should be)."""

    said: str
    do: str = ""


_OTHERWISE = WhyNot("another reason", "see the list: each says its own")
_WHY: Mapping[str, WhyNot] = {
    "rest": WhyNot(
        "asked not long ago", "as it should be; contact_policy.rest says how long people are left alone"
    ),
    "suppressed": WhyNot("said no, or cannot be reached", "only the person's own act lifts a suppression"),
    "no_consent": WhyNot("no consent on record", "record it in the CRM field that people.*.consent names"),
    "never_ask": WhyNot("never asked, by contact_policy.never_ask"),
    "no_channel": WhyNot(
        "no way to reach them",
        "give the record an e-mail or a phone, or the survey another way under `through`",
    ),
    "unreadable": WhyNot(
        "the record could not be read", "let the credential read the fields that the policy asks about"
    ),
    "sampled_out": WhyNot("not drawn", "contact_policy.sample says how many are"),
    "new_customer": WhyNot(
        "a customer for too short a time", "contact_policy.new_customers_wait says how long"
    ),
    "already_known": WhyNot("answered this survey lately"),
    "answered": WhyNot("had answered already"),
    "declined": WhyNot("declined lately", "contact_policy.after_decline says how long they are left alone"),
    "account_cap": WhyNot(
        "enough of their account were asked",
        "contact_policy.per_account says how many; who waited longest is next",
    ),
    "account_turn": WhyNot("others of their account have waited longer"),
    "daily_cap": WhyNot("enough were asked that day", "contact_policy.daily_cap says how many"),
    "quiet_hours": WhyNot("not at that hour", "contact_policy.quiet_hours says when"),
    "stale": WhyNot("too late by then", "raise the trigger's stale_after, or shorten its wait"),
    "not_meant": WhyNot("left out by the trigger's `where`"),
    "no_person": WhyNot("an event about nobody", "see npsync events: it names no person"),
    "unknown_person": WhyNot("an event about somebody without a record", "add their key to people.*.match"),
    "many": WhyNot("two records by one name", "merge them in the CRM"),
    "conflict": WhyNot("two keys name different records", "correct one of them in the CRM"),
    "cancelled": WhyNot("taken back before it was sent"),
    "newer_ask": WhyNot("asked something else since"),
    "stopped": WhyNot("sends were stopped", "npsync sends resume lets them go on"),
}

SUPPRESSED: Mapping[SuppressionReason, WhyNot] = {
    SuppressionReason.UNSUBSCRIBE: WhyNot("unsubscribed", "they may subscribe again by themselves"),
    SuppressionReason.STOP: WhyNot("answered STOP", "they may write START"),
    SuppressionReason.OBJECTION: WhyNot("objected"),
    SuppressionReason.BOUNCE: WhyNot(
        "the address bounced", "correct it in the CRM: a new address is not suppressed"
    ),
    SuppressionReason.COMPLAINT: WhyNot("marked it as spam", "ask why they were on the list"),
    SuppressionReason.CRM_OPT_OUT: WhyNot("opted out in the CRM", "the CRM's own field lifts it"),
    SuppressionReason.ERASED: WhyNot("was forgotten at their wish"),
}


def why_not(code: str) -> WhyNot:
    return _WHY.get(code, _OTHERWISE)
