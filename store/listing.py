"""Lists for people, page by page. Every one is read from an index up to where the page ends (`store.api.listing`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from nps.asking import Invitation, InvitationState, SuppressionReason
from nps.changes import Cause
from store.api import Settled, State, Stored
from store.api.listing import Coming, HeldDecision, InForce, LetterGroup, NotAsked, Pattern
from store.api.outbox import Outgoing
from store.asked import INVITATION, STEP, SUPPRESSION, invitation_of, step_of, suppression_of
from store.database import Database
from store.invitations import VERDICT, verdict_of
from store.letters import LETTER, letter_of
from store.outbox import ENTRY, outgoing_of
from store.past import Linked
from store.rows import RESPONSE, milliseconds, moment, response_of
from store.settled import settled_of
from store.statements import OPEN

_LAST = 2**62

# ------------------------------------------------------------ answers

_PATTERNS = f"""
    SELECT s.sync, s.state, s.code, count(*) FROM answer_state s INDEXED BY ix_answer_state_open
    WHERE s.sync IN LIST(:syncs) AND s.state IN LIST(:states) AND {OPEN}
    GROUP BY s.sync, s.state, s.code ORDER BY count(*) DESC, s.sync, s.code"""

# The number of an answer is in the index, so only what is shown is read.
_WAITING = f"""
    SELECT DISTINCT s.response FROM answer_state s INDEXED BY ix_answer_state_open
    WHERE s.sync IN LIST(:syncs) AND s.state IN LIST(:states) AND {OPEN} AND s.response < :before{{which}}
    ORDER BY s.response DESC LIMIT :limit"""

_LEFT_OUT = """
    SELECT DISTINCT s.response FROM answer_state s INDEXED BY ix_answer_state_left_out
    WHERE s.state = 'excluded' AND s.code = 'ignored' AND s.sync IN LIST(:syncs)
    AND NOT EXISTS (SELECT 1 FROM again a WHERE a.sync = s.sync AND a.response = s.response)
    ORDER BY s.response DESC LIMIT :limit OFFSET :offset"""

_STORED = f"r.id, r.person, r.received_at, {RESPONSE}"
_ENDS = 3 + len(RESPONSE.split(","))
_STATES = f"""
    SELECT {_STORED}, s.sync, s.response, s.state, s.record_id, s.rule, s.code, s.reason, s.look_again, s.field,
        s.candidates
    FROM response r CROSS JOIN answer_state s
    WHERE r.id IN LIST(:numbers) AND s.sync IN LIST(:syncs) AND s.person = r.person AND s.response = r.id
    AND s.state IN LIST(:states) ORDER BY r.id DESC, s.sync"""

_ANSWERS = f"""
    SELECT {_STORED} FROM response r WHERE r.newest AND r.id < :before{{which}} ORDER BY r.id DESC LIMIT :limit"""

# ------------------------------------------------------------ refused

_GROUPS = """
    SELECT d.sync, d.cause, d.code, count(*), max(d.id) FROM dead_letter d
    WHERE d.status = 'open'{which} GROUP BY d.sync, d.cause, d.code ORDER BY count(*) DESC, max(d.id) DESC"""

_REFUSED = "(o.state = 'rejected' OR o.state = 'unknown')"
_LATE = "o.kind = 'task' AND o.state = 'done' AND o.closed_at IS NULL AND o.settled_at < :before"

# ------------------------------------------------------------ asking

_STEP = ", ".join(f"s.{name}" for name in STEP.split(", "))
_INVITATION = ", ".join(f"i.{name}" for name in INVITATION.split(", "))
_STEP_ENDS = 1 + len(STEP.split(","))


class Listing:
    database: Database

    def patterns(self, syncs: Sequence[str], states: Collection[State]) -> list[Pattern]:
        with self.database.read() as tx:
            found = tx.rows(_PATTERNS, syncs=list(syncs), states=[state.value for state in states])
        return [Pattern(sync, State(state), code, many) for sync, state, code, many in found]

    def waiting_page(
        self,
        syncs: Sequence[str],
        states: Collection[State],
        *,
        code: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[tuple[Stored, Mapping[str, Settled]]]:
        its = {"syncs": list(syncs), "states": [state.value for state in states]}
        which, given = _which("s", code=code)
        with self.database.read() as tx:
            numbers = tx.rows(
                _WAITING.format(which=which), **its, **given, before=before or _LAST, limit=limit
            )
            return _with_states(tx.rows(_STATES, **its, numbers=[row[0] for row in numbers]))

    def left_out(
        self, syncs: Sequence[str], *, limit: int = 50, offset: int = 0
    ) -> list[tuple[Stored, Mapping[str, Settled]]]:
        its = {"syncs": list(syncs), "states": [State.EXCLUDED.value]}
        with self.database.read() as tx:
            numbers = tx.rows(_LEFT_OUT, syncs=its["syncs"], limit=limit, offset=offset)
            return _with_states(tx.rows(_STATES, **its, numbers=[row[0] for row in numbers]))

    def answers_page(
        self, *, source: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Stored]:
        which, given = _which("r", source=source)
        with self.database.read() as tx:
            found = tx.rows(_ANSWERS.format(which=which), **given, before=before or _LAST, limit=limit)
        return [_stored(row) for row in found]

    # ------------------------------------------------------------ refused

    def letter_groups(self, *, sync: str | None = None) -> list[LetterGroup]:
        which, given = _which("d", sync=sync)
        with self.database.read() as tx:
            groups = tx.rows(_GROUPS.format(which=which), **given)
            latest = tx.rows(
                f"SELECT {LETTER} FROM dead_letter WHERE id IN LIST(:ids)", ids=[row[4] for row in groups]
            )
        letters = {row[0]: letter_of(row) for row in latest}
        return [
            LetterGroup(sync=name, cause=Cause(cause), code=code, letters=many, latest=letters[last])
            for name, cause, code, many, last in groups
        ]

    def refused_page(
        self, *, sync: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Outgoing]:
        which, given = _which("o", sync=sync)
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {ENTRY} FROM outbox o WHERE {_REFUSED} AND o.id < :before{which}
                ORDER BY o.id DESC LIMIT :limit""",
                **given,
                before=before or _LAST,
                limit=limit,
            )
        return [outgoing_of(row) for row in found]

    def count_refused(self) -> int:
        with self.database.read() as tx:
            return int(tx.rows(f"SELECT count(*) FROM outbox o WHERE {_REFUSED}")[0][0])

    def late_tasks(self, *, given_before: datetime, limit: int = 50, offset: int = 0) -> list[Outgoing]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {ENTRY} FROM outbox o WHERE {_LATE}
                ORDER BY o.settled_at, o.id LIMIT :limit OFFSET :offset""",
                before=milliseconds(given_before),
                limit=limit,
                offset=offset,
            )
        return [outgoing_of(row) for row in found]

    def count_late_tasks(self, *, given_before: datetime) -> int:
        with self.database.read() as tx:
            found = tx.rows(f"SELECT count(*) FROM outbox o WHERE {_LATE}", before=milliseconds(given_before))
        return int(found[0][0])

    # ------------------------------------------------------------ decided

    def manual_links(self, *, limit: int = 50, offset: int = 0) -> list[Linked]:
        with self.database.read() as tx:
            found = tx.rows(
                """SELECT scope, value, record_id, linked_at FROM manual_link
                ORDER BY linked_at DESC, scope, value LIMIT :limit OFFSET :offset""",
                limit=limit,
                offset=offset,
            )
        return [Linked(scope, value, record, moment(at)) for scope, value, record, at in found]

    def held_decisions(self, *, limit: int = 50, offset: int = 0) -> list[HeldDecision]:
        with self.database.read() as tx:
            found = tx.rows(
                """SELECT source, source_id, released, decided_at FROM hold_decision
                ORDER BY decided_at DESC, source, source_id LIMIT :limit OFFSET :offset""",
                limit=limit,
                offset=offset,
            )
        return [
            HeldDecision(source=source, id=id, released=bool(released), decided_at=moment(at))
            for source, id, released, at in found
        ]

    # ------------------------------------------------------------ asking

    def not_asked_page(
        self,
        *,
        since: datetime,
        trigger: str | None = None,
        code: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[NotAsked]:
        which, given = _which("v", trigger=trigger, code=code)
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT v.id, {", ".join(f"v.{name}" for name in VERDICT.split(", "))} FROM verdict v
                WHERE v.at >= :since AND v.invitation IS NULL AND v.id < :before{which}
                ORDER BY v.id DESC LIMIT :limit""",
                **given,
                since=milliseconds(since),
                before=before or _LAST,
                limit=limit,
            )
        return [NotAsked(row[0], verdict_of(row[1:])) for row in found]

    def invitations_page(
        self,
        *,
        trigger: str | None = None,
        state: InvitationState | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> list[Invitation]:
        which, given = _which("i", trigger=trigger, state=state and state.value)
        if before is not None:
            which += " AND (i.created_at, i.id) < (:at, :id)"
            given |= {"at": milliseconds(before[0]), "id": before[1]}
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {_INVITATION} FROM invitation i WHERE i.created_at IS NOT NULL{which}
                ORDER BY i.created_at DESC, i.id DESC LIMIT :limit""",
                **given,
                limit=limit,
            )
        return [invitation_of(row) for row in found]

    def coming_page(self, *, after: tuple[datetime, int] | None = None, limit: int = 50) -> list[Coming]:
        at, number = (-_LAST, 0) if after is None else (milliseconds(after[0]), after[1])
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT s.free_at, {_STEP}, {_INVITATION} FROM step s CROSS JOIN invitation i
                WHERE s.state = 'queued' AND (s.free_at, s.id) > (:at, :number) AND i.id = s.invitation
                ORDER BY s.free_at, s.id LIMIT :limit""",
                at=at,
                number=number,
                limit=limit,
            )
        return [
            Coming(
                at=moment(row[0]), step=step_of(row[1:_STEP_ENDS]), invitation=invitation_of(row[_STEP_ENDS:])
            )
            for row in found
        ]

    def count_coming(self, *, until: datetime | None = None) -> int:
        with self.database.read() as tx:
            found = tx.rows(
                "SELECT count(*) FROM step s WHERE s.state = 'queued' AND s.free_at <= :until",
                until=_LAST if until is None else milliseconds(until),
            )
        return int(found[0][0])

    def suppressed_counts(self) -> dict[SuppressionReason, int]:
        with self.database.read() as tx:
            found = tx.rows(
                "SELECT reason, count(*) FROM suppression WHERE lifted_at IS NULL GROUP BY reason ORDER BY reason"
            )
        return {SuppressionReason(reason): many for reason, many in found}

    def suppressions_page(
        self, *, reason: SuppressionReason | None = None, before: int | None = None, limit: int = 50
    ) -> list[InForce]:
        which, given = _which("p", reason=reason and reason.value)
        columns = ", ".join(f"p.{name}" for name in SUPPRESSION.split(", "))
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT p.id, {columns} FROM suppression p
                WHERE p.lifted_at IS NULL AND p.id < :before{which} ORDER BY p.id DESC LIMIT :limit""",
                **given,
                before=before or _LAST,
                limit=limit,
            )
        return [InForce(row[0], suppression_of(row[1:])) for row in found]


def _which(alias: str, **columns: str | None) -> tuple[str, dict[str, Any]]:
    """The conditions for those of these columns that are asked for."""
    given: dict[str, Any] = {name: value for name, value in columns.items() if value is not None}
    return "".join(f" AND {alias}.{name} = :{name}" for name in given), given


def _stored(row: tuple[Any, ...]) -> Stored:
    return Stored(
        number=row[0], person=row[1], received_at=moment(row[2]), response=response_of(row[3:_ENDS])
    )


def _with_states(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Stored, Mapping[str, Settled]]]:
    """Answers in the order of the rows, each with how it stands by sync."""
    answers: dict[int, Stored] = {}
    settled: dict[int, dict[str, Settled]] = {}
    for row in rows:
        answers[row[0]] = _stored(row)
        settled.setdefault(row[0], {})[row[_ENDS]] = settled_of(row[_ENDS + 1 :])
    return [(answer, settled[number]) for number, answer in answers.items()]
