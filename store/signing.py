"""Local users, sessions of the dashboard, and tries to sign in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from store.api.signing import LocalUser, Session
from store.database import Database
from store.rows import maybe_moment, milliseconds, moment, storable

_USER = "id, name, role, created_at, signed_in_at, revoked_at"

_ADD = """
    INSERT INTO local_user (name, role, password, created_at, signed_in_at, revoked_at)
    VALUES (:name, :role, :password, :now, NULL, NULL) ON CONFLICT DO NOTHING"""

_CHANGE = """
    UPDATE local_user SET role = COALESCE(:role, role), password = COALESCE(:password, password)
    WHERE name = :name AND revoked_at IS NULL"""

# Whoever changes it waits for us, and ends our session; or we for them, and find that it is another one.
_STILL = """
    SELECT 1 FROM local_user u WHERE u.id = :number AND u.password = :checked AND u.revoked_at IS NULL
    FOR UPDATE OF u"""

_END_SESSIONS = "DELETE FROM web_session WHERE kind = 'user' AND name = :name"

_SESSIONS = """
    SELECT s.digest, s.kind, s.name, s.began_at, s.seen_at, s.ends_at, s.token, s.local_user, COALESCE(u.role, s.role),
        s.terms, s.told, s.failed
    FROM web_session s LEFT JOIN local_user u ON u.id = s.local_user AND u.revoked_at IS NULL
    WHERE (s.kind <> 'user' OR u.id IS NOT NULL)"""

_OPEN = """
    INSERT INTO web_session
        (digest, kind, name, token, local_user, role, terms, began_at, seen_at, ends_at, told, failed)
    VALUES (:digest, :kind, :name, :token, :local_user, :role, :terms, :began, :began, :ends, NULL, 0)"""

_TRY = """
    INSERT INTO sign_in_try (name, free_at) VALUES (:name, :now + :every)
    ON CONFLICT (name) DO UPDATE SET free_at = :every
        + CASE WHEN sign_in_try.free_at > :now AND sign_in_try.free_at <= :latest THEN sign_in_try.free_at ELSE :now END
    WHERE sign_in_try.free_at <= :latest OR sign_in_try.free_at > :latest + :every"""
# Nobody is kept out for longer than that but by a clock that was wrong.

# Who is even by now has nothing to be remembered. Another one may be trying: then it is gone the next time.
_EVEN = """
    DELETE FROM sign_in_try WHERE name IN (
        SELECT t.name FROM sign_in_try t WHERE t.free_at <= :now FOR UPDATE OF t SKIP LOCKED)"""


class Signing:
    database: Database

    # ------------------------------------------------------------ users

    def add_user(self, name: str, role: str, password: str, *, now: datetime) -> bool:
        with self.database.write(durable=True) as tx:
            return bool(tx.run(_ADD, name=name, role=role, password=password, now=milliseconds(now)))

    def users(self) -> list[LocalUser]:
        with self.database.read() as tx:
            return [_user(row) for row in tx.rows(f"SELECT {_USER} FROM local_user ORDER BY id DESC")]

    def user(self, name: str) -> tuple[LocalUser, str] | None:
        with self.database.read() as tx:
            found = tx.one(
                f"SELECT {_USER}, password FROM local_user WHERE name = :name AND revoked_at IS NULL",
                name=name,
            )
        return None if found is None else (_user(found), found[6])

    def change_user(self, name: str, *, role: str | None = None, password: str | None = None) -> bool:
        with self.database.write(durable=True) as tx:
            changed = tx.run(_CHANGE, name=name, role=role, password=password)
            tx.run(_END_SESSIONS, name=name)
        return bool(changed)

    def user_signed_in(self, number: int, checked: str, *, password: str, now: datetime) -> bool:
        with self.database.write() as tx:
            return bool(
                tx.run(
                    """UPDATE local_user SET signed_in_at = :now, password = :password
                    WHERE id = :number AND password = :checked AND revoked_at IS NULL""",
                    number=number,
                    checked=checked,
                    password=password,
                    now=milliseconds(now),
                )
            )

    def revoke_user(self, name: str, *, now: datetime) -> bool:
        with self.database.write(durable=True) as tx:
            revoked = tx.run(
                "UPDATE local_user SET revoked_at = :now WHERE name = :name AND revoked_at IS NULL",
                name=name,
                now=milliseconds(now),
            )
            tx.run(_END_SESSIONS, name=name)
        return bool(revoked)

    # ------------------------------------------------------------ sessions

    def open_session(self, session: Session, *, checked: str | None = None) -> bool:
        began = milliseconds(session.began_at)
        with self.database.write(durable=True) as tx:
            if checked is not None and tx.one(_STILL, number=session.local_user, checked=checked) is None:
                return False
            tx.run("DELETE FROM web_session WHERE ends_at <= :now", now=began)
            tx.run(
                _OPEN,
                digest=session.digest,
                kind=session.kind,
                name=session.name,
                token=session.token,
                local_user=session.local_user,
                role=session.role,
                terms=session.terms,
                began=began,
                ends=milliseconds(session.ends_at),
            )
        return True

    def session(self, digest: str) -> Session | None:
        with self.database.read() as tx:
            found = tx.one(f"{_SESSIONS} AND s.digest = :digest", digest=digest)
        return None if found is None else _session(found)

    def sessions(self) -> list[Session]:
        with self.database.read() as tx:
            return [_session(row) for row in tx.rows(f"{_SESSIONS} ORDER BY s.began_at DESC, s.digest")]

    def session_seen(self, digest: str, *, now: datetime) -> None:
        with self.database.write() as tx:
            tx.run(
                "UPDATE web_session SET seen_at = :now WHERE digest = :digest",
                digest=digest,
                now=milliseconds(now),
            )

    def tell_session(self, digest: str, told: str | None, *, failed: bool = False) -> None:
        with self.database.write() as tx:
            tx.run(
                "UPDATE web_session SET told = :told, failed = :failed WHERE digest = :digest",
                digest=digest,
                told=None if told is None else storable(told),
                failed=int(failed),
            )

    def close_session(self, digest: str) -> None:
        with self.database.write(durable=True) as tx:
            tx.run("DELETE FROM web_session WHERE digest = :digest", digest=digest)

    def close_sessions(self, kinds: Sequence[str], name: str | None = None) -> int:
        of_one, given = ("", {}) if name is None else (" AND name = :name", {"name": name})
        with self.database.write(durable=True) as tx:
            return tx.run(f"DELETE FROM web_session WHERE kind IN LIST(:kinds){of_one}", kinds=kinds, **given)

    # ------------------------------------------------------------ tries

    def may_try(self, name: str, *, burst: int, every: timedelta, now: datetime) -> bool:
        at, step = milliseconds(now), round(every.total_seconds() * 1000)
        with self.database.write() as tx:
            may = tx.run(_TRY, name=name, now=at, every=step, latest=at + (burst - 1) * step)
            tx.run(_EVEN, now=at)
            return bool(may)

    def forgive_tries(self, name: str) -> None:
        with self.database.write() as tx:
            tx.run("DELETE FROM sign_in_try WHERE name = :name", name=name)


def _user(row: tuple[Any, ...]) -> LocalUser:
    return LocalUser(
        number=row[0],
        name=row[1],
        role=row[2],
        created_at=moment(row[3]),
        signed_in_at=maybe_moment(row[4]),
        revoked_at=maybe_moment(row[5]),
    )


def _session(row: tuple[Any, ...]) -> Session:
    return Session(
        digest=row[0],
        kind=row[1],
        name=row[2],
        began_at=moment(row[3]),
        seen_at=moment(row[4]),
        ends_at=moment(row[5]),
        token=row[6],
        local_user=row[7],
        role=row[8],
        terms=row[9],
        told=row[10],
        failed=bool(row[11]),
    )
