"""Whatever happens in whatever order, each message that leaves is one that may: tried on random lives of a small town
whose processes die, whose channels fail and whose people answer, unsubscribe and have their cases reopened."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders_triggers import CLOSED, REOPENED, Desktop, case
from fake_clock import NOON

from nps.asking import StepKind
from nps.errors import AccessError, BudgetError, Interrupted
from nps.events import Signal, SignalKind
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown, Message, SendOutcome

DAY = timedelta(days=1)
LIVES = int(os.environ.get("NPSYNC_ASKED_LIVES", "4"))
ZONES = ("America/New_York", "Asia/Tokyo", "Europe/Berlin")
QUIET = {"from": "20:00", "to": "08:00"}
WAYS = ("mailer", "texter")


@dataclass(frozen=True)
class Left:
    """A message that is out, or may be."""

    at: datetime
    via: str
    message: Message

    @property
    def id(self) -> str:
        return f"{self.via}/{self.message.invitation}/{self.message.step}"


class Town:
    """Some people, two triggers, two ways, and what must never happen looked at as each message leaves."""

    def __init__(self, desk: Desktop, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)
        self.left: list[Left] = []
        self.bounced: set[str] = set()
        self.answered: set[str] = set()
        self.away: set[str] = set()  # record ids and addresses
        self.reopened: set[str] = set()
        self.cases = 0
        self.beside = False  # another process takes its turn while this one sends
        desk.policy_is(
            rest={"any": "7 days", "csat": "14 days", "relationship": "60 days"}, quiet_hours=QUIET
        )
        desk.sends["texter"] = replace(desk.sends["texter"], can_find=True)
        self.people = [self._person(number) for number in range(4)]
        self.yaml(WAYS)
        for name in WAYS:
            desk.senders[name].answer = self._sends(name)
            desk.senders[name].find = self._finds(name)  # type: ignore[method-assign]

    def yaml(self, ways: tuple[str, ...]) -> None:
        first, second = ways
        through = (self.desk.way(first), self.desk.way(second, after=5 * DAY))
        self.desk.rule(ways=through, wait=timedelta(hours=2), remind=(2 * DAY, 4 * DAY), stale_after=3 * DAY)
        self.desk.rule(
            "used",
            survey="relationship",
            metric="nps",
            kind="relationship",
            event="used",
            cancel_on=(),
            ways=through,
            remind=(3 * DAY,),
            stale_after=20 * DAY,
        )

    def _person(self, number: int) -> str:
        """The first two are one person with two records."""
        email, phone = f"p{max(number, 1)}@example.com", f"+1415555010{number}"
        return self.desk.crm.add(email, phone=phone, zone=self.random.choice(ZONES))

    # ------------------------------------------------------------ what must never happen

    def may_leave(self, message: Message) -> None:
        now, to, kind = self.desk.clock.now(), message.to, message.kind
        own = [one for one in self.left if one.message.invitation == message.invitation]
        others = [
            one.at
            for one in self.left
            if one.message.to.email == to.email and one not in own and one.id not in self.bounced
        ]
        invitation = self.desk.store.invitation(message.invitation)
        assert invitation is not None
        assert invitation.survey == message.survey
        assert message.invitation not in self.answered
        assert self.away.isdisjoint((to.record_id, to.email))
        assert invitation.subject is not None
        assert invitation.subject.id not in self.reopened
        assert message.step not in [one.message.step for one in own]
        zone = self.desk.crm.contacts[to.record_id]["zone"]
        assert 8 <= now.astimezone(ZoneInfo(str(zone))).hour < 20
        if kind is StepKind.REMINDER:
            assert [one.message.kind for one in own].count(kind) < 2
            assert all(at <= own[0].at for at in others)
        elif not own:
            assert all(now - at >= 7 * DAY for at in others)

    # ------------------------------------------------------------ the channels

    def _sends(self, name: str) -> Callable[[Message], SendOutcome]:
        def send(message: Message) -> SendOutcome:
            self.may_leave(message)
            if not self.beside and self.random.random() < 0.3:
                self.beside = True
                self._turn()
                self.beside = False
            left = Left(self.desk.clock.now(), name, message)
            outcome = self.random.choice(
                [Accepted(left.id)] * 5
                + [FailedRetryable("busy", "later"), FailedPermanent("550", "no"), FateUnknown("no answer")]
                + [BudgetError("spent"), AccessError("refused"), Interrupted("stopped"), SystemExit()]
            )
            if isinstance(outcome, Accepted | FateUnknown) or (
                isinstance(outcome, SystemExit) and self.random.random() < 0.5
            ):
                self.left.append(left)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        return send

    def _finds(self, name: str) -> Callable[[Message], SendOutcome | None]:
        def find(message: Message) -> SendOutcome | None:
            wanted = Left(self.desk.clock.now(), name, message).id
            found = any(one.id == wanted for one in self.left)
            return Accepted(wanted) if found else FailedRetryable("not_sent", "it never left")

        return find

    def _turn(self) -> None:
        try:
            self.desk.turn()
        except SystemExit:
            self.beside = False  # that process died; the next turn is another one's

    # ------------------------------------------------------------ what happens

    def goes_on(self) -> None:
        self.random.choice([self._happens] * 5 + [self._reopened, self._answers, self._failed, self._yaml])()
        if self.random.random() < 0.03:
            self.random.choice([self._unsubscribes, self._opts_out])()
        self.desk.later(minutes=self.random.choice([1, 10, 60, 300, 1440, 4320]))
        self._turn()

    def _day(self) -> float:
        return (self.desk.clock.now() - NOON) / DAY

    def _happens(self) -> None:
        self.cases += 1
        kind, person = self.random.choice([CLOSED, "used"]), self.random.choice(self.people)
        self.desk.happen(case(self.cases, person, days=self._day(), kind=kind))

    def _reopened(self) -> None:
        number = str(self.random.randint(1, max(self.cases, 1)))
        self.desk.happen(case(number, days=self._day(), kind=REOPENED))
        told = [one for one in self.desk.events.told if one.subject.id == number and one.kind == CLOSED]
        self.reopened |= {one.subject.id for one in told}

    def _answers(self) -> None:
        if self.left:
            id = self.random.choice(self.left).message.invitation
            self.desk.store.answered(id, now=self.desk.clock.now())
            self.answered.add(id)

    def _failed(self) -> None:
        if self.left:
            one = self.random.choice(self.left)
            if self.desk.store.by_message(one.via, one.id) is not None:
                self.bounced.add(one.id)
            self._tell(SignalKind.FAILED, connection=one.via, message=one.id)

    def _unsubscribes(self) -> None:
        if arrived := [one.message for one in self.left if one.id not in self.bounced]:
            one = self.random.choice(arrived)
            self.away |= {one.to.email or ""}
            self._tell(SignalKind.UNSUBSCRIBE, connection="mailer", invitation=one.invitation)

    def _opts_out(self) -> None:
        """By one record's flag, of which the other record of the same person knows nothing until it is read."""
        id = self.random.choice(self.people)
        self.desk.crm.contacts[id]["opted_out"] = True
        self.away.add(id)

    def _yaml(self) -> None:
        self.yaml(self.random.choice([WAYS, WAYS[::-1]]))

    def _tell(self, kind: SignalKind, **about: str) -> None:
        now = self.desk.clock.now()
        key = f"{kind}/{self.random.random()}"
        self.desk.store.receive([Signal(key=key, kind=kind, at=now, **about)], now=now)


@pytest.mark.parametrize("seed", range(LIVES))
def test_no_message_leaves_that_may_not(desk: Desktop, seed: int):
    town = Town(desk, seed)
    for _ in range(120):
        town.goes_on()
    assert town.left
