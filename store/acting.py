"""Actions and the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nps.errors import LeaseLost
from nps.values import Json
from store.api.acting import Action, Audited, Stand
from store.database import Database, Transaction
from store.owners import is_gone
from store.rows import from_json, maybe_moment, milliseconds, moment, to_json
from store.spans import during_sql
from store.wrong_clocks import held_until

_ACTION = (
    "id, kind, about, arguments, who, key, state, wanted_at, token, starts, began_at, ended_at, run, outcome"
)

_WANT = f"""
    INSERT INTO action (kind, about, arguments, who, key, state, wanted_at, free_at, token)
    VALUES (:kind, :about, :arguments, :who, :key, 'wanted', :now, :now, 0)
    ON CONFLICT (who, key) DO NOTHING RETURNING {_ACTION}"""

_CLAIM = f"""
    UPDATE action SET state = 'doing', owner = :owner, token = token + 1, free_at = :until,
        began_at = COALESCE(began_at, :now)
    WHERE id = (
        SELECT a.id FROM action a WHERE (a.state = 'wanted' OR a.state = 'doing')
        AND (a.free_at <= :now OR a.free_at > :far OR a.state = 'doing' AND a.owner IN LIST(:gone))
        ORDER BY a.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED)
    RETURNING {_ACTION}"""

_OURS = "WHERE id = :number AND state = 'doing' AND owner = :owner AND token = :token"


# What these came to holds values of records.
_FORESEES = """(kind = 'plan' OR (kind = 'undo' OR kind = 'redo') AND arguments LIKE :planned)"""
_ONLY_PLANNED = '%"plan":true%'
EXPIRED = to_json({"expired": True})


def forget_foreseen(tx: Transaction, *, before: int = 2**62) -> int:
    """What plans of then would have changed: older ones say nothing of today, and they hold what customers said."""
    return tx.run(
        f"""UPDATE action SET outcome = :expired WHERE {_FORESEES} AND ended_at < :before AND outcome <> :expired""",
        expired=EXPIRED,
        planned=_ONLY_PLANNED,
        before=before,
    )


def foresee_again(tx: Transaction, *, now: int) -> None:
    """What is being planned at this moment was begun with what is forgotten now: it is planned anew."""
    tx.run(
        f"""UPDATE action
        SET state = 'wanted', owner = NULL, token = token + 1, free_at = :now, began_at = NULL, starts = 0
        WHERE {_FORESEES} AND state = 'doing'""",
        planned=_ONLY_PLANNED,
        now=now,
    )


_LOOKED = "(substr(what, 1, 4) = 'read' OR what = 'searched for people')"


class Acting:
    database: Database

    def want_action(
        self,
        kind: str,
        about: str,
        arguments: Mapping[str, Json],
        *,
        who: str,
        key: str,
        now: datetime,
        noted: Mapping[str, Json] | None = None,
    ) -> tuple[Action, bool]:
        with self.database.write(durable=True) as tx:
            added = tx.rows(
                _WANT,
                kind=kind,
                about=about,
                arguments=to_json(dict(arguments)),
                who=who,
                key=key,
                now=milliseconds(now),
            )
            if added and noted is not None:
                note_audit(tx, who, kind, about, {**noted, "action": added[0][0]}, now)
            found = added or tx.rows(
                f"SELECT {_ACTION} FROM action WHERE who = :who AND key = :key", who=who, key=key
            )
        return _action(found[0]), bool(added)

    def claim_action(self, owner: str, *, now: datetime, seconds: float) -> Action | None:
        with self.database.read() as tx:
            if tx.one("SELECT 1 FROM action WHERE state = 'wanted' OR state = 'doing' LIMIT 1") is None:
                return None  # nearly always: nobody waits to write for that
        with self.database.write() as tx:
            held = tx.rows("SELECT DISTINCT owner FROM action WHERE state = 'doing' AND owner IS NOT NULL")
            found = tx.rows(
                _CLAIM,
                owner=owner,
                now=milliseconds(now),
                far=held_until(now),
                until=_until(now, seconds),
                gone=[row[0] for row in held if is_gone(row[0])],
            )
        return _action(found[0]) if found else None

    def start_action(self, action: Action, owner: str, *, now: datetime, seconds: float) -> None:
        self._ours(action, owner, "SET starts = starts + 1, free_at = :until", until=_until(now, seconds))

    def renew_action(self, action: Action, owner: str, *, now: datetime, seconds: float) -> None:
        self._ours(action, owner, "SET free_at = :until", until=_until(now, seconds))

    def action_began(self, action: Action, owner: str, run: int) -> None:
        self._ours(action, owner, "SET run = :run", run=run)

    def put_off_action(self, action: Action, owner: str, *, until: datetime) -> None:
        self._ours(
            action,
            owner,
            "SET state = 'wanted', owner = NULL, began_at = NULL, free_at = :until, starts = :starts",
            until=milliseconds(until),
            starts=action.starts,
        )

    def end_action(
        self, action: Action, owner: str, stand: Stand, *, now: datetime, outcome: Mapping[str, Json]
    ) -> None:
        run = outcome.get("run")
        self._ours(
            action,
            owner,
            "SET state = :state, ended_at = :now, outcome = :outcome, run = COALESCE(:run, run)",
            state=stand.value,
            now=milliseconds(now),
            outcome=to_json(dict(outcome)),
            run=run if isinstance(run, int) else None,
        )

    def give_up_actions(self, why: str, *, now: datetime) -> int:
        with self.database.write() as tx:
            return tx.run(
                """UPDATE action
                SET state = 'failed', owner = NULL, token = token + 1, ended_at = :now, outcome = :outcome
                WHERE state = 'wanted' OR state = 'doing'""",
                now=milliseconds(now),
                outcome=to_json({"problem": why}),
            )

    def action(self, number: int) -> Action | None:
        with self.database.read() as tx:
            found = tx.one(f"SELECT {_ACTION} FROM action WHERE id = :number", number=number)
        return None if found is None else _action(found)

    def actions(
        self,
        *,
        about: str | None = None,
        whose: Sequence[str] | None = None,
        unfinished: bool = False,
        during: tuple[datetime, datetime] | None = None,
        before: int | None = None,
        limit: int = 20,
    ) -> list[Action]:
        wanted = ["about = :about"] * (about is not None) + ["id < :before"] * (before is not None)
        wanted += ["who IN LIST(:whose)"] * (whose is not None)
        wanted += ["(state = 'wanted' OR state = 'doing')"] * unfinished
        which, times = during_sql("action", "wanted_at", during)
        found = self._latest(
            _ACTION, "action", [*wanted, *which], limit, about=about, whose=whose, before=before, **times
        )
        return [_action(row) for row in found]

    # ------------------------------------------------------------ audit

    def note_audit(
        self, who: str, what: str, about: str, facts: Mapping[str, Json] | None = None, *, now: datetime
    ) -> None:
        with self.database.write(durable=True) as tx:
            note_audit(tx, who, what, about, facts or {}, now)

    def audited(
        self,
        *,
        who: str | None = None,
        whose: Sequence[str] | None = None,
        about: str | None = None,
        looking: bool | None = None,
        since: datetime | None = None,
        during: tuple[datetime, datetime] | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Audited]:
        wanted = ["who = :who"] * (who is not None) + ["about = :about"] * (about is not None)
        wanted += ["who IN LIST(:whose)"] * (whose is not None)
        wanted += [_LOOKED if looking else f"NOT {_LOOKED}"] * (looking is not None)
        wanted += ["at >= :since"] * (since is not None) + ["id < :before"] * (before is not None)
        which, times = during_sql("audit", "at", during)
        found = self._latest(
            "id, at, who, what, about, facts",
            "audit",
            [*wanted, *which],
            limit,
            who=who,
            whose=whose,
            about=about,
            since=None if since is None else milliseconds(since),
            before=before,
            **times,
        )
        return [
            Audited(
                number=row[0],
                at=moment(row[1]),
                who=row[2],
                what=row[3],
                about=row[4],
                facts=from_json(row[5]),
            )
            for row in found
        ]

    def expire_foreseen(self, *, before: datetime) -> int:
        with self.database.write() as tx:
            return forget_foreseen(tx, before=milliseconds(before))

    def expire_actions(self, *, before: datetime, limit: int) -> int:
        return self._expire("action", "ended_at", before, limit)

    def expire_audit(self, *, before: datetime, limit: int) -> int:
        return self._expire("audit", "at", before, limit)

    def _expire(self, table: str, column: str, before: datetime, limit: int) -> int:
        with self.database.write() as tx:
            return tx.run(
                f"""DELETE FROM {table} WHERE id IN (
                    SELECT id FROM {table} WHERE {column} < :before ORDER BY id LIMIT :limit)""",
                before=milliseconds(before),
                limit=limit,
            )

    def _latest(
        self, columns: str, table: str, wanted: list[str], limit: int, **given: Any
    ) -> list[tuple[Any, ...]]:
        where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
        known = {name: value for name, value in given.items() if value is not None}
        with self.database.read() as tx:
            return tx.rows(
                f"SELECT {columns} FROM {table} {where} ORDER BY id DESC LIMIT :limit", limit=limit, **known
            )

    def _ours(self, action: Action, owner: str, change: str, **given: Any) -> None:
        with self.database.write(durable=True) as tx:
            _prove(
                action,
                tx.run(
                    f"UPDATE action {change} {_OURS}",
                    number=action.number,
                    owner=owner,
                    token=action.token,
                    **given,
                ),
            )


def _prove(action: Action, changed: int) -> None:
    if not changed:
        raise LeaseLost(
            f"action {action.number}: another process took it over (claim {action.token} is not current)."
        )


def _action(row: tuple[Any, ...]) -> Action:
    return Action(
        number=row[0],
        kind=row[1],
        about=row[2],
        arguments=from_json(row[3]),
        who=row[4],
        key=row[5],
        stand=Stand(row[6]),
        wanted_at=moment(row[7]),
        token=row[8],
        starts=row[9],
        began_at=maybe_moment(row[10]),
        ended_at=maybe_moment(row[11]),
        run=row[12],
        outcome=None if row[13] is None else from_json(row[13]),
    )


def _until(now: datetime, seconds: float) -> int:
    return milliseconds(now) + round(seconds * 1000)


def note_audit(
    tx: Transaction, who: str, what: str, about: str, facts: Mapping[str, Json], now: datetime
) -> None:
    tx.run(
        "INSERT INTO audit (at, who, what, about, facts) VALUES (:at, :who, :what, :about, :facts)",
        at=milliseconds(now),
        who=who,
        what=what,
        about=about,
        facts=to_json(dict(facts)),
    )
