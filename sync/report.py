"""What a run or a plan tells at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from nps.values import Json
from store.api import State
from sync import volumes
from sync.breaker import Reason
from sync.outbox.followed import Followed

if TYPE_CHECKING:
    from sync.accounts.report import RolledUp

PARTIAL = (State.REJECTED, State.REVIEW, State.HELD, State.PENDING)
MOST_NOTED = 50_000
MOST_DOMAINS = 500  # remembered while counting; the report shows the top of them


@dataclass
class MatchReport:
    """How answers found their records. `unmatched` counts waiting answers by the domain of their e-mail."""

    matched: int = 0
    ambiguous: int = 0
    conflicting: int = 0
    waiting: int = 0
    first_looks: int = (
        0  # answers whose keys were looked up for the first time, and how many of them matched:
    )
    first_matches: int = 0  # what waits and is looked up daily says nothing about today
    by_rule: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)

    @property
    def looked_up(self) -> int:
        return self.matched + self.ambiguous + self.conflicting + self.waiting

    @property
    def rate(self) -> float | None:
        return self.matched / self.looked_up if self.looked_up else None

    def note_matched(self, rule: str, *, again: bool) -> None:
        self.matched += 1
        self.by_rule[rule] += 1
        if not again:
            self.first_looks += 1
            self.first_matches += 1

    def note_unmatched(self, code: str, email: str | None, *, again: bool) -> None:
        """`code` is that of the answer's state: ambiguous, conflict, no_record."""
        self.first_looks += not again
        if code == "ambiguous":
            self.ambiguous += 1
        elif code == "conflict":
            self.conflicting += 1
        else:
            self.waiting += 1
            self._note_domain(email)

    def _note_domain(self, email: str | None) -> None:
        domain = email.rpartition("@")[2].strip(" >").lower() if email and "@" in email else "no e-mail"
        if domain not in self.unmatched and len(self.unmatched) >= MOST_DOMAINS:
            domain = "other domains"
        self.unmatched[domain] += 1

    def as_part(self) -> dict[str, Json]:
        return {
            name: dict(count) if isinstance(count, Counter) else count for name, count in vars(self).items()
        }

    @classmethod
    def of_part(cls, part: Mapping[str, Any]) -> MatchReport:
        read: dict[str, Any] = {
            name: Counter(count) if isinstance(count, dict) else count for name, count in part.items()
        }
        return cls(**read)

    def add(self, other: MatchReport) -> None:
        """What was counted elsewhere."""
        self.matched += other.matched
        self.ambiguous += other.ambiguous
        self.conflicting += other.conflicting
        self.waiting += other.waiting
        self.first_looks += other.first_looks
        self.first_matches += other.first_matches
        self.by_rule.update(other.by_rule)
        for domain, count in other.unmatched.items():
            known = domain in self.unmatched or len(self.unmatched) < MOST_DOMAINS
            self.unmatched[domain if known else "other domains"] += count

    def as_json(self) -> dict[str, Json]:
        return {
            "matched": self.matched,
            "ambiguous": self.ambiguous,
            "conflicting": self.conflicting,
            "waiting": self.waiting,
            "first_looks": self.first_looks,
            "first_matches": self.first_matches,
            "by_rule": dict(self.by_rule),
            "unmatched_domains": dict(self.unmatched.most_common(10)),
        }


class Noted(Protocol):
    """What a decision says of a record's fields (`sync.deciding.Verdict`)."""

    @property
    def kept(self) -> tuple[str, ...]: ...

    @property
    def undone(self) -> tuple[str, ...]: ...

    @property
    def overwritten(self) -> tuple[str, ...]: ...


@dataclass
class FieldReport:
    """In how many records a field was `kept` as somebody set it, left as an undo put it (`undone`), or `overwritten`
    although somebody had changed it since we wrote it."""

    kept: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    overwritten: Counter[str] = field(default_factory=Counter)
    _noted: dict[str, Noted] = field(default_factory=dict)

    def note(self, record_id: str, one: Noted) -> None:
        """The last decision about a record counts. (Of very many records the earlier ones are forgotten, so that
        memory stays flat: two decisions about one of those count twice.)"""
        if self._noted and (before := self._noted.pop(record_id, None)) is not None:
            self._add(before, -1)
        if not (one.kept or one.undone or one.overwritten):
            return
        self._add(one, 1)
        if len(self._noted) < MOST_NOTED:
            self._noted[record_id] = one

    def noted(self) -> Iterator[tuple[str, Noted]]:
        """The records something was noted of."""
        yield from self._noted.items()

    def overwriting(self) -> list[str]:
        """The records in which something is to be overwritten."""
        return [record_id for record_id, one in self._noted.items() if one.overwritten]

    def not_written(self, record_ids: Iterable[str]) -> None:
        """These were planned and not written: nothing of theirs is overwritten after all."""
        for record_id in record_ids:
            for name in self._noted[record_id].overwritten:
                self.overwritten[name] -= 1

    def _add(self, one: Noted, count: int) -> None:
        for counter, names in (
            (self.kept, one.kept),
            (self.undone, one.undone),
            (self.overwritten, one.overwritten),
        ):
            for name in names:
                counter[name] += count

    def as_json(self) -> dict[str, Json]:
        return {
            "kept": _some(self.kept),
            "undone": _some(self.undone),
            "overwritten": _some(self.overwritten),
        }


def _some(counts: Counter[str]) -> dict[str, Json]:
    return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True)
class Report:
    """One run, as `npsync run --json` prints it and the history keeps it."""

    run: int
    sync: str
    status: str  # succeeded | partial | failed | stopped
    pulled: int
    repeated: int
    states: Mapping[State, int]
    writes: Mapping[str, int]
    calls: Mapping[str, int]
    seconds: float
    match: MatchReport
    fields: FieldReport
    forgotten: int = 0  # answers of people who were erased: read, and not taken in
    too_old: int = 0  # answers that `retention.answers` does not keep any more: not taken in either
    future_dated: int = 0  # answers counted by when they were received
    resumed: int = 0  # records an interrupted run had written, confirmed by this one
    stopped_by: tuple[Reason, ...] = ()  # why the breaker stopped it
    accepted: tuple[Reason, ...] = ()  # what the breaker had against it, and a person accepted
    narrowed: bool = False  # to the answers that the calls left could pay for
    unjudged: Mapping[str, volumes.Arrived] = field(default_factory=dict)
    """New answers that the breaker has not let pass (yet): the next run counts them too."""
    followed: Followed = field(default_factory=Followed)  # what was created beside the records
    silent: tuple[str, ...] = ()  # sources that have brought nothing for too long
    listened: tuple[str, ...] = ()  # sources that were read and judged by that: those not silent are well
    problems: tuple[str, ...] = ()
    rolled_up: RolledUp | None = None  # what followed on the accounts: a run of its own

    def as_json(self) -> dict[str, Json]:
        accounts: dict[str, Json] = {"rolled_up": self.rolled_up.as_json()} if self.rolled_up else {}
        return accounts | {
            "run": self.run,
            "sync": self.sync,
            "status": self.status,
            "pulled": self.pulled,
            "repeated": self.repeated,
            "forgotten": self.forgotten,
            "too_old": self.too_old,
            "states": {state.value: self.states.get(state, 0) for state in State},
            "writes": dict(self.writes),
            "calls": dict(self.calls),
            "seconds": round(self.seconds, 3),
            **self.fields.as_json(),
            "future_dated": self.future_dated,
            "resumed": self.resumed,
            "match": self.match.as_json(),
            "stopped_by": _reasons(self.stopped_by),
            "accepted": _reasons(self.accepted),
            "narrowed": self.narrowed,
            "unjudged": volumes.as_json(self.unjudged),
            "followed": self.followed.as_json(),
            "silent": list(self.silent),
            "problems": list(self.problems),
        }


def _reasons(reasons: tuple[Reason, ...]) -> list[Json]:
    return [{"check": reason.check, "text": reason.text} for reason in reasons]


def status_of(states: Mapping[State, int], problems: tuple[str, ...], *, unwritten: int) -> str:
    """Waiting alone is a success; what needs a person or another run is partial. `unwritten` are changes whose
    outcome was not a write: not each of them is an answer's."""
    if problems or unwritten or any(states.get(state, 0) for state in PARTIAL):
        return "partial"
    return "succeeded"
