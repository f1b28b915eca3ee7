"""Who may be asked (`contact_policy:`): the rules over all surveys, channels and tools, and the one decision.

`decide` is pure. It is called when an ask is wished for and again, under a lock, a moment before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from nps.asking import (
    Ask,
    Channel,
    Circumstances,
    Decision,
    Past,
    PastKind,
    Send,
    Suppress,
    Suppression,
    SuppressionReason,
    Wait,
)
from nps.calling import QuietHours, Weekday, may_call, next_call, next_day, zone_named
from nps.durations import Period, Share, in_percent, in_words
from nps.reasons import NO_CONSENT, WHY_SUPPRESSED, forbidden_by, told_by


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rest(_Part):
    """How long a person is left alone after they were asked. A metric's own rest goes before its kind's; `any` holds
    between all surveys."""

    relationship: Period = Field(
        default=timedelta(days=180), description="Between two surveys of kind relationship."
    )
    transactional: Period = Field(
        default=timedelta(days=90), description="Between two surveys of kind transactional."
    )
    nps: Period | None = Field(
        default=None, description="Between two NPS surveys, whatever their kind; without it the kind decides."
    )
    csat: Period | None = Field(
        default=timedelta(days=14), description="Between two CSAT surveys, whatever their kind."
    )
    ces: Period | None = Field(
        default=None, description="Between two CES surveys, whatever their kind; without it the kind decides."
    )
    any: Period = Field(default=timedelta(days=7), description="Between any two surveys.")

    def of_metric(self, metric: str) -> timedelta | None:
        """The rest a metric has for itself."""
        return {"nps": self.nps, "csat": self.csat, "ces": self.ces}.get(metric)

    def between(self, metric: str, kind: str) -> timedelta:
        """The rest between two surveys like this one."""
        own = self.of_metric(metric)
        return (
            own if own is not None else self.transactional if kind == "transactional" else self.relationship
        )

    @property
    def longest(self) -> timedelta:
        own = (self.nps, self.csat, self.ces)
        return max(
            self.relationship, self.transactional, self.any, *(each for each in own if each is not None)
        )


class PerAccount(_Part):
    """No more than so many asks to the people of one account; who waited longest comes first."""

    at_most: int = Field(ge=1, description="So many asks,")
    per: Period = Field(description="in any period of this length: `30 days`.")


class ContactPolicy(_Part):
    """Who may be asked, over all surveys, channels and tools. A suppression (unsubscribed, bounced, opted out …) always
    wins and needs no key here."""

    rest: Rest = Field(default=Rest(), description="How long a person is left alone after they were asked.")
    after_decline: Period = Field(
        default=timedelta(days=30), description="Nobody who declined is asked anything for so long."
    )
    known_for: Period | None = Field(
        default=None,
        description="Whoever answered the same survey so recently is not asked again: we already know. "
        "Without it, as long as the survey's rest.",
    )
    per_account: PerAccount | None = Field(default=None, description="A cap per account.")
    never_ask: tuple[str, ...] = Field(
        default=(),
        description="CEL conditions on record.* and account.*: whoever meets one is never asked, nor is anybody for "
        "whom one cannot be judged.",
    )
    sample: Share = Field(
        default=Decimal(1), description="Ask this share of those whose turn it is, drawn anew for each event."
    )
    sample_seed: str = Field(default="", description="Another text draws another sample.")
    daily_cap: int | None = Field(
        default=None, ge=1, description="So many asks a day (in time_zone); the others wait for the next day."
    )
    quiet_hours: QuietHours | None = Field(
        default=None,
        description="Nobody is asked at these hours of their own day, by people.*.time_zone or time_zone.",
    )
    send_on: tuple[Weekday, ...] = Field(
        default=(), description="Only on these weekdays (mon, tue …); without it on all."
    )
    new_customers_wait: Period | None = Field(
        default=None,
        description="Nobody is asked so soon after they became a customer (people.*.customer_since).",
    )
    ledger_field: str | None = Field(
        default=None,
        description="A date field of the record that shows when the person was asked last. A lost ledger is rebuilt "
        "from it.",
    )
    reason_field: str | None = Field(
        default=None,
        description="A text field of the record that shows why the person is never asked (unsubscribed, bounced, opted "
        "out, `never_ask` …), and is emptied when that holds no longer.",
    )
    on_excess: Literal["drop", "defer"] | None = Field(
        default=None,
        description="What becomes of an ask that comes too soon or over a cap: drop it, or defer it until it is "
        "allowed. Without it an event's is dropped (asking months later is pointless), an audience's deferred.",
    )

    @property
    def written_fields(self) -> tuple[str, ...]:
        """The fields of a person's record that show what npsync knows of asking them."""
        return tuple(filter(None, (self.ledger_field, self.reason_field)))


# ---------------------------------------------------------------- the decision


def decide(
    ask: Ask, circumstances: Circumstances, policy: ContactPolicy, now: datetime, *, zone: ZoneInfo
) -> Decision:
    """Whether this person may be asked this survey now: Send, Wait until, or Suppress with the reason.

    `zone` is the business zone: a person's without one of their own, and the day a daily cap counts by. What holds
    for good is told before what passes, and what passes by itself last, so that a Wait is never in vain.
    """
    case = _Case(ask, circumstances, policy, now, zone)
    for rule in _RULES:
        if (no := rule(case)) is not None:
            return case.by_day(no) if isinstance(no, Wait) else no
    return Send(case.open_channels)


@dataclass(frozen=True)
class _Case:
    """One ask and everything that is known about it."""

    ask: Ask
    known: Circumstances
    policy: ContactPolicy
    now: datetime
    zone: ZoneInfo

    @property
    def past(self) -> Iterable[Past]:
        """What speaks against asking again: not the invitation this very message belongs to."""
        return (
            each for each in self.known.past if not self.ask.follows or each.invitation != self.ask.follows
        )

    @property
    def is_asked_already(self) -> bool:
        """Whether the invitation this message belongs to was sent, so that the message is no ask of its own."""
        own = (each.what for each in self.known.past if each.invitation == self.ask.follows)
        return self.ask.follows is not None and PastKind.SEND in own

    @property
    def open_channels(self) -> tuple[Channel, ...]:
        return open_channels(self.known)

    def excess(self, code: str, reason: str, until: datetime) -> Decision:
        """Too soon or too much: an event's ask is dropped, a recurring one is put off, unless the YAML says."""
        defer = self.policy.on_excess == "defer" if self.policy.on_excess else self.ask.recurring
        return Wait(until, code, reason) if defer else Suppress(code, reason, until)

    @property
    def there(self) -> ZoneInfo:
        """Where the person is, as far as that is known."""
        return (zone_named(self.known.zone) if self.known.zone else None) or self.zone

    def by_day(self, wait: Wait) -> Wait:
        """What ends in the quiet of the person's day waits until that is over: once, and not again at its end. After a
        night or a full day events go first: a turn can come later, a case cannot."""
        quiet, days, until = self.policy.quiet_hours, self.policy.send_on, wait.until
        if not may_call(until, self.there, quiet, days):
            until = next_call(until, self.there, quiet, days)
        later = until + _EVENTS_FIRST
        gives_way = self.ask.recurring and wait.code in ("daily_cap", "quiet_hours")
        if gives_way and may_call(later, self.there, quiet, days):
            until = later
        return Wait(until, wait.code, wait.reason)

    def day(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%Y-%m-%d}"


_EVENTS_FIRST = timedelta(minutes=15)
_CHANNEL_CLOSED: dict[SuppressionReason, Channel] = {
    SuppressionReason.STOP: Channel.SMS,
    SuppressionReason.BOUNCE: Channel.EMAIL,
}


def closes(suppression: Suppression) -> tuple[Channel, ...]:
    """The channels a suppression closes. A STOP is about text messages and a bounce about the one address; whoever
    unsubscribes, objects, complains, opted out or was erased wants to hear nothing from us anywhere."""
    own = _CHANNEL_CLOSED.get(suppression.reason)
    if own is None:
        return tuple(Channel)
    return (suppression.channel or own,)


def open_channels(known: Circumstances) -> tuple[Channel, ...]:
    """The channels by which this person may be reached at all, at whatever hour."""
    closed = {channel for each in known.suppressions for channel in closes(each)}
    if known.consent is not True:
        closed.add(Channel.SMS)  # a text message needs the person's consent, on record
    return tuple(each for each in known.channels if each not in closed)


# ---------------------------------------------------------------- the rules, in the order they are told


def _unreadable(case: _Case) -> Decision | None:
    if not case.known.unreadable:
        return None
    fields = ", ".join(case.known.unreadable)
    return Suppress(
        "unreadable", f"{fields} could not be read, so nobody knows whether this person may be asked"
    )


def _suppressed(case: _Case) -> Decision | None:
    for each in case.known.suppressions:
        if len(closes(each)) == len(Channel):
            return Suppress("suppressed", told_by(each, case.zone))
    if case.known.opted_out:
        return Suppress("suppressed", WHY_SUPPRESSED[SuppressionReason.CRM_OPT_OUT])
    return None


def _no_consent(case: _Case) -> Decision | None:
    if case.known.consent is False:
        return Suppress("no_consent", NO_CONSENT)
    return None


def _never(case: _Case) -> Decision | None:
    return Suppress("never_ask", forbidden_by(case.known.never)) if case.known.never else None


def _no_channel(case: _Case) -> Decision | None:
    if case.open_channels:
        return None
    if not case.known.channels:
        return Suppress("no_channel", "no channel of this survey reaches this person")
    if Channel.SMS in case.known.channels and case.known.consent is not True and not _is_stopped(case):
        return Suppress("no_consent", "a text message needs this person's consent, and none is on record")
    reasons = dict.fromkeys(WHY_SUPPRESSED[each.reason] for each in case.known.suppressions)
    return Suppress("suppressed", "; ".join(reasons))


def _is_stopped(case: _Case) -> bool:
    return any(Channel.SMS in closes(each) for each in case.known.suppressions)


def _already_answered(case: _Case) -> Decision | None:
    """A reminder of an invitation that has its answer, or its no, is none."""
    if not case.ask.follows:
        return None
    own = [each.what for each in case.known.past if each.invitation == case.ask.follows]
    if PastKind.ANSWER in own:
        return Suppress("answered", "this invitation was answered")
    if PastKind.DECLINE in own:
        return Suppress("declined", "this invitation was declined")
    return None


def _sampled_out(case: _Case) -> Decision | None:
    share = case.policy.sample
    if Decimal(lot(case.ask, case.policy.sample_seed)) < share * _LOTS:
        return None
    return Suppress("sampled_out", f"not drawn: {in_percent(share)} are asked")


_LOTS = 2**64


def lot(ask: Ask, seed: str) -> int:
    """The number this ask draws, below 2^64: always the same one, and below the share of those who are asked for
    more of them when the share grows."""
    drawn = "\x1f".join((seed, ask.survey, ask.seed)).encode()
    return int.from_bytes(blake2b(drawn, digest_size=8).digest())


def _new_customer(case: _Case) -> Decision | None:
    wait, since = case.policy.new_customers_wait, case.known.customer_since
    if wait is None or since is None or case.now >= (until := _later(since, wait)):
        return None
    return case.excess(
        "new_customer", f"a customer for less than {in_words(wait)}, until {case.day(until)}", until
    )


def _already_known(case: _Case) -> Decision | None:
    """A recent answer to the same question, asked for or not."""
    known_for = case.policy.known_for or case.policy.rest.between(case.ask.metric, case.ask.kind)
    answers = [
        each.at
        for each in case.past
        if each.what is PastKind.ANSWER
        and (each.survey == case.ask.survey or not each.survey)
        and _alike(each, case.ask, case.policy.rest)
    ]
    return _rest_from(
        case, answers, known_for, "already_known", "answered this survey on {day}: known until {until}"
    )


def _declined(case: _Case) -> Decision | None:
    declines = [each.at for each in case.past if each.what is PastKind.DECLINE]
    return _rest_from(
        case, declines, case.policy.after_decline, "declined", "declined on {day}: left alone until {until}"
    )


def _resting(case: _Case) -> Decision | None:
    rest = case.policy.rest
    own = [each.at for each in case.past if _alike(each, case.ask, rest)]
    between = rest.between(case.ask.metric, case.ask.kind)
    latest: list[tuple[datetime, datetime]] = []  # free again, since
    if own:
        latest.append((_later(max(own), between), max(own)))
    if any_ := [each.at for each in case.past]:
        latest.append((_later(max(any_), rest.any), max(any_)))
    if not latest or case.now >= (until := max(latest)[0]):
        return None
    since = max(latest)[1]
    return case.excess("rest", f"asked on {case.day(since)}: left alone until {case.day(until)}", until)


def _rest_from(
    case: _Case, moments: list[datetime], rest: timedelta, code: str, said: str
) -> Decision | None:
    if not moments or case.now >= (until := _later(max(moments), rest)):
        return None
    return case.excess(code, said.format(day=case.day(max(moments)), until=case.day(until)), until)


def _alike(past: Past, ask: Ask, rest: Rest) -> bool:
    """Whether the ask's own rest counts from this. What a tool does not say could be the same: then it does."""
    if rest.of_metric(ask.metric) is not None:
        return past.metric in ("", ask.metric)
    return past.kind in ("", ask.kind) and rest.of_metric(past.metric) is None


def _later(at: datetime, by: timedelta) -> datetime:
    """A length of time after a moment, whatever the clocks do meanwhile."""
    return at.astimezone(UTC) + by


def _account_cap(case: _Case) -> Decision | None:
    cap = case.policy.per_account
    if cap is None or case.known.account is None or case.is_asked_already:
        return None
    if case.known.account_asks >= cap.at_most:
        free = case.known.account_free_at
        until = free if free is not None and free > case.now else _later(case.now, _LOOK_AGAIN)
        reason = f"this account was asked {case.known.account_asks} times in {in_words(cap.per)}"
        return case.excess("account_cap", reason, until)
    if not case.known.account_turn:
        reason = "others of this account have waited longer"
        return case.excess("account_turn", reason, _later(case.now, _LOOK_AGAIN))
    return None


_LOOK_AGAIN = timedelta(days=1)  # where nobody can tell when an account has room again


def _daily_cap(case: _Case) -> Decision | None:
    cap = case.policy.daily_cap
    if cap is None or case.known.sent_today < cap:
        return None
    return Wait(next_day(case.now, case.zone), "daily_cap", f"{cap} were asked today, the most for one day")


def _not_now(case: _Case) -> Decision | None:
    quiet, days = case.policy.quiet_hours, case.policy.send_on
    if may_call(case.now, case.there, quiet, days):
        return None
    until = next_call(case.now, case.there, quiet, days)
    local = f"{until.astimezone(case.there):%Y-%m-%d %H:%M}"
    return Wait(until, "quiet_hours", f"not at this hour or day where the person is; from {local} there")


_RULES: tuple[Callable[[_Case], Decision | None], ...] = (
    _unreadable,
    _suppressed,
    _no_consent,
    _never,
    _no_channel,
    _already_answered,
    _sampled_out,
    _new_customer,
    _already_known,
    _declined,
    _resting,
    _account_cap,
    _daily_cap,
    _not_now,
)

CODES = (
    "unreadable", "suppressed", "no_consent", "never_ask", "no_channel", "answered", "declined", "sampled_out",
    "new_customer", "already_known", "rest", "account_cap", "account_turn", "daily_cap", "quiet_hours",
)  # fmt: skip
"""Every `code` a decision may carry."""
