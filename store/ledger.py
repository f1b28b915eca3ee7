"""The ledger: one memory of who was asked, answered or declined, over all tools and channels.

An entry is found by every name its person goes by. Answers are not copied into it: they are looked up in the inbox, so
that one that arrived a moment ago counts. A decision that leaves a reservation is taken under a lock over the person's
names, the account and the day (`locked`), so that a hundred who decide at once leave one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from nps.asking import Decision, Past, PastKind, Send, Suppress, Suppression
from nps.keys import key_number
from store.api import REPORTED, Judge, LedgerEntry
from store.asked import PAST, past_of
from store.database import Database, Transaction
from store.errors import StoreError
from store.forgetting import forgotten
from store.rows import from_json, maybe_milliseconds, maybe_moment, milliseconds, moment, storable
from store.suppressions import in_force

MOST = 1000  # of one person, the latest: a shared mailbox may have many more
_TOGETHER = 1000
_BEGINNING = -(2**62)
_ENTRY = "dedupe, at, what, survey, metric, kind, source, channel, invitation, account, until, entered_at"
_VALID = "(l.until IS NULL OR l.until > :now)"
_ASKED = "(l.what = 'send' OR l.what = 'reserved')"

_OF_KEYS = f"""
    SELECT DISTINCT l.id, {", ".join(f"l.{name}" for name in PAST.split(", "))}
    FROM ledger_key k CROSS JOIN ledger l
    WHERE k.key IN LIST(:keys) AND l.id = k.entry AND l.at >= :since AND {_VALID}
    ORDER BY l.at DESC, l.id DESC LIMIT :limit"""

# {which}: how they are found. A tombstone is no answer; a half-finished one is.
_ANSWERS = """
    SELECT r.id, r.answered_at, r.survey, r.source, r.properties FROM {which}
    AND r.newest AND r.status <> 'withdrawn' AND r.answered_at >= :since
    ORDER BY r.answered_at DESC, r.id DESC LIMIT :limit"""
_BY_PERSON = _ANSWERS.format(which="response r WHERE r.person IN LIST(:persons)")
_BY_ID = _ANSWERS.format(which="response r WHERE r.external_id IN LIST(:ids)")
_BY_PHONE = _ANSWERS.format(which="response r WHERE r.phone IN LIST(:phones)")
# One id may name a record of each of two objects: the change that an answer caused tells whose it was.
_ELSEWHERE = """
    SELECT 1 FROM change c INDEXED BY ix_change_record_id
    WHERE c.record_id = :record AND c.response = r.id AND (c.connection <> :connection OR c.object <> :object)"""
_ON_RECORD = _ANSWERS.format(
    which="""answer_state s INDEXED BY ix_answer_state_sync_record_id CROSS JOIN response r
    WHERE s.sync IN LIST(:syncs) AND s.record_id = :record AND r.id = s.response"""
    f" AND NOT EXISTS ({_ELSEWHERE})"
)
_IN_WORK = _ANSWERS.format(
    which="""work w INDEXED BY ix_work_record_id CROSS JOIN response r
    WHERE w.record_id = :record AND w.record_id IS NOT NULL AND r.id = w.response"""
    f" AND NOT EXISTS ({_ELSEWHERE})"
)

_ACCOUNT_ASKS = f"""
    SELECT l.account, count(DISTINCT COALESCE(l.invitation, l.dedupe)) FROM ledger l
    WHERE l.account IN LIST(:accounts) AND l.account IS NOT NULL AND l.at > :since AND {_ASKED} AND {_VALID}
    AND (l.invitation IS NULL OR l.invitation <> :but) GROUP BY l.account"""

_ACCOUNT_ENDS = f"""
    SELECT max(l.at), min(l.until) FROM ledger l
    WHERE l.account = :account AND l.account IS NOT NULL AND l.at > :since AND {_ASKED} AND {_VALID}
    GROUP BY COALESCE(l.invitation, l.dedupe)"""

# What the cap of a day counts is ours: what other tools send is not npsync's to hold back.
_SENT_SINCE = f"""
    SELECT count(*) FROM ledger l
    WHERE l.at >= :since AND {_ASKED} AND {_VALID} AND l.invitation IS NOT NULL"""

_LAST_ASKED = f"""
    SELECT k.key, max(l.at) FROM ledger_key k CROSS JOIN ledger l
    WHERE k.key IN LIST(:keys) AND l.id = k.entry AND {_ASKED} GROUP BY k.key"""

# One promise, answer or fresh message of another tool says nothing about who was asked before.
_KNOWS_SENDS = """
    SELECT 1 FROM ledger WHERE what = 'send' AND substr(dedupe, 1, :length) <> :reported LIMIT 1"""

_BESIDE = """
    SELECT DISTINCT other.key FROM ledger_key k CROSS JOIN ledger_key other
    WHERE k.key IN LIST(:keys) AND other.entry = k.entry ORDER BY other.key LIMIT :limit"""

_ENTER = f"""
    INSERT INTO ledger ({_ENTRY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (dedupe) DO UPDATE
    SET at = excluded.at, what = excluded.what, until = excluded.until, source = excluded.source,
        channel = excluded.channel, entered_at = excluded.entered_at
    WHERE ledger.what = 'reserved' AND ledger.invitation IS NULL AND excluded.what <> 'reserved'"""

_USED = Suppress("used", "this reservation was used already")

_NAME = "INSERT INTO ledger_key (key, entry) VALUES (?, ?) ON CONFLICT (key, entry) DO NOTHING"


class Ledger:
    database: Database

    def past(self, keys: Sequence[str], *, since: datetime, now: datetime) -> list[Past]:
        with self.database.read() as tx:
            return known_past(tx, keys, since=milliseconds(since), now=milliseconds(now))

    def keys_of(self, invitation: str) -> tuple[str, ...]:
        with self.database.read() as tx:
            return tuple(keys_of_invitation(tx, invitation))

    def names_beside(self, keys: Sequence[str]) -> tuple[str, ...]:
        with self.database.read() as tx:
            found = tx.rows(_BESIDE, keys=[storable(key) for key in keys], limit=MOST)
        return tuple(dict.fromkeys((*keys, *(row[0] for row in found))))

    def enter(self, entries: Sequence[LedgerEntry], *, now: datetime) -> int:
        ordered = sorted(entries, key=lambda entry: entry.dedupe)
        new = 0
        for start in range(0, len(ordered), _TOGETHER):
            some = ordered[start : start + _TOGETHER]
            with self.database.write(durable=True) as tx:
                gone = forgotten(tx, [key for entry in some for key in entry.keys])
                some = [entry for entry in some if gone.keys().isdisjoint(entry.keys)]
                new += tx.many(_ENTER, [_row(entry, milliseconds(now)) for entry in some])
                named = tx.rows(
                    "SELECT dedupe, id FROM ledger WHERE dedupe IN LIST(:those)",
                    those=[storable(entry.dedupe) for entry in some],
                )
                numbers = dict(named)
                tx.many(
                    _NAME,
                    sorted(
                        {
                            (storable(key), numbers[storable(entry.dedupe)])
                            for entry in some
                            for key in entry.keys
                        }
                    ),
                )
        return new

    def reserve_for(
        self,
        entry: LedgerEntry,
        judge: Judge,
        *,
        account_since: datetime | None,
        day_began: datetime | None,
        now: datetime,
    ) -> Decision:
        dedupe = storable(entry.dedupe)
        with self.database.write(durable=True) as tx:
            capped = None if account_since is None else entry.account
            self.database.lock_names(tx, (*locked(entry.keys, capped, day_began), f"entry\0{dedupe}"))
            known = tx.one("SELECT id, what, until FROM ledger WHERE dedupe = :dedupe", dedupe=dedupe)
            if known is not None and known[1] != "reserved":
                return _USED
            held = known is not None and (known[2] is None or known[2] > milliseconds(now))
            if known is not None and held:
                if _names(tx, known[0]).isdisjoint(map(storable, entry.keys)):
                    return Suppress("used", "this id reserves somebody else already")
                # It does not speak against itself, but what happened since may.
                if not let_go(tx, dedupe, "invitation IS NULL"):
                    return _USED
            decision = judged(
                tx,
                entry.keys,
                judge,
                account=entry.account,
                account_since=account_since,
                day_began=day_began,
                now=now,
            )
            # `enter` waits for no lock of ours: what was told meanwhile, late as it is, has used the reservation.
            void = known is not None and not held
            if isinstance(decision, Send) and not _reserved(tx, entry, now, instead=void):
                return _USED
        return decision

    def release_reservation(self, dedupe: str) -> bool:
        with self.database.write(durable=True) as tx:
            return let_go(tx, storable(dedupe), "invitation IS NULL")

    def account_asks(self, accounts: Sequence[str], *, since: datetime, now: datetime) -> dict[str, int]:
        with self.database.read() as tx:
            return _account_asks(tx, accounts, since=milliseconds(since), now=milliseconds(now))

    def account_ends(self, account: str, *, per: timedelta, at: datetime, now: datetime) -> list[datetime]:
        which = {"account": account, "since": milliseconds(at - per), "now": milliseconds(now)}
        with self.database.read() as tx:
            found = tx.rows(_ACCOUNT_ENDS, **which)
        ends = ((moment(last) + per, maybe_moment(until)) for last, until in found)
        counting = (end if until is None else min(end, until) for end, until in ends)
        return sorted(end for end in counting if end > at)

    def last_asked(self, scope: str, record_ids: Sequence[str]) -> dict[str, datetime]:
        key = f"record:{scope}/"
        with self.database.read() as tx:
            found = tx.rows(_LAST_ASKED, keys=[key + record_id for record_id in record_ids])
        return {name[len(key) :]: moment(at) for name, at in found}

    def ledger_size(self) -> int:
        with self.database.read() as tx:
            return int(tx.rows("SELECT count(*) FROM ledger")[0][0])

    def ledger_is_empty(self) -> bool:
        with self.database.read() as tx:
            return tx.one(_KNOWS_SENDS, reported=REPORTED, length=len(REPORTED)) is None


# ------------------------------------------------------------ deciding under the lock


def locked(keys: Sequence[str], account: str | None, day_began: datetime | None) -> list[str]:
    """The names to lock before a decision about this person, so that nobody else decides on the same grounds."""
    names = [f"person\0{key}" for key in keys]
    if account is not None:
        names.append(f"account\0{account}")
    if day_began is not None:
        names.append("day\0")
    return names


def judged(
    tx: Transaction,
    keys: Sequence[str],
    judge: Judge,
    *,
    account: str | None,
    account_since: datetime | None,
    day_began: datetime | None,
    now: datetime,
    but: str = "",
) -> Decision:
    """The decision about a person, on what the ledger says at this moment. `but`: an invitation whose own sends are no
    asks to its account."""
    at = milliseconds(now)
    asks = 0
    if account is not None and account_since is not None:
        counted = _account_asks(tx, [account], since=milliseconds(account_since), now=at, but=but)
        asks = counted.get(account, 0)
    sent = 0 if day_began is None else tx.rows(_SENT_SINCE, since=milliseconds(day_began), now=at)[0][0]
    suppressions: list[Suppression] = in_force(tx, keys)
    return judge(known_past(tx, keys, since=_BEGINNING, now=at), suppressions, asks, sent)


def hold(tx: Transaction, entry: LedgerEntry, now: datetime) -> None:
    """Enter it, by an entry of its own."""
    if not _held(tx, entry, now):
        raise StoreError(f"store: {entry.dedupe} is in the ledger already; nothing may be sent twice")


def _held(tx: Transaction, entry: LedgerEntry, now: datetime) -> bool:
    """False: something is entered as this already."""
    marks = ", ".join(f":{name}" for name in _ENTRY.split(", "))
    values = dict(zip(_ENTRY.split(", "), _row(entry, milliseconds(now)), strict=True))
    found = tx.rows(
        f"INSERT INTO ledger ({_ENTRY}) VALUES ({marks}) ON CONFLICT (dedupe) DO NOTHING RETURNING id",
        **values,
    )
    tx.many(_NAME, sorted((storable(key), id) for (id,) in found for key in set(entry.keys)))
    return bool(found)


def _reserved(tx: Transaction, entry: LedgerEntry, now: datetime, *, instead: bool) -> bool:
    """`instead`: of a reservation of this name that was not used in time."""
    if instead and not let_go(tx, storable(entry.dedupe), "invitation IS NULL"):
        return False
    return _held(tx, entry, now)


def use(tx: Transaction, dedupe: str, *, source: str, channel: str, now: datetime) -> None:
    """The reservation became a send."""
    tx.run(
        """UPDATE ledger SET what = 'send', at = :now, until = NULL, source = :source, channel = :channel,
            show_at = :now
        WHERE dedupe = :dedupe""",
        dedupe=dedupe,
        source=source,
        channel=channel,
        now=milliseconds(now),
    )


def let_go(
    tx: Transaction, dedupe: str, which: str = "invitation IS NOT NULL", *, what: str = "reserved"
) -> bool:
    """Nothing was sent after all, or it reached nobody: the entry never was."""
    found = tx.rows(
        f"DELETE FROM ledger WHERE dedupe = :dedupe AND what = :what AND {which} RETURNING id",
        dedupe=dedupe,
        what=what,
    )
    _forget_names(tx, [row[0] for row in found])
    return bool(found)


def keys_of_invitation(tx: Transaction, invitation: str) -> list[str]:
    """The names of the person by which the sends of this invitation were entered."""
    found = tx.rows(
        """SELECT DISTINCT k.key FROM ledger l JOIN ledger_key k ON k.entry = l.id
        WHERE l.invitation = :invitation AND l.invitation IS NOT NULL ORDER BY k.key""",
        invitation=invitation,
    )
    return [row[0] for row in found]


def _names(tx: Transaction, entry: int) -> set[str]:
    return {row[0] for row in tx.rows("SELECT key FROM ledger_key WHERE entry = :entry", entry=entry)}


def forget(tx: Transaction, entries: Sequence[int]) -> None:
    tx.run("DELETE FROM ledger WHERE id IN LIST(:entries)", entries=list(entries))
    _forget_names(tx, entries)


def _forget_names(tx: Transaction, entries: Sequence[int]) -> None:
    """After the entries, as `enter` notes theirs: the other way round, the two could wait for each other."""
    tx.run("DELETE FROM ledger_key WHERE entry IN LIST(:entries)", entries=list(entries))


def _account_asks(
    tx: Transaction, accounts: Sequence[str], *, since: int, now: int, but: str = ""
) -> dict[str, int]:
    return dict(tx.rows(_ACCOUNT_ASKS, accounts=list(accounts), since=since, now=now, but=but))


def _row(entry: LedgerEntry, now: int) -> tuple[Any, ...]:
    past = entry.past
    return (
        storable(entry.dedupe),
        milliseconds(past.at),
        past.what.value,
        storable(past.survey),
        past.metric,
        past.kind,
        storable(past.source),
        entry.channel,
        past.invitation,
        entry.account,
        maybe_milliseconds(entry.until),
        now,
    )


# ------------------------------------------------------------ the past of a person


def known_past(tx: Transaction, keys: Sequence[str], *, since: int, now: int) -> list[Past]:
    """What the ledger holds and what the inbox holds. Latest first."""
    entered = tx.rows(_OF_KEYS, keys=[storable(key) for key in keys], since=since, now=now, limit=MOST)
    past = [_as_of(past_of(row[1:]), moment(now)) for row in entered]
    past += [_answer(row) for row in _answers(tx, keys, since)]
    return sorted(past, key=lambda one: one.at, reverse=True)


def _as_of(past: Past, now: datetime) -> Past:
    """What we are sending still has no time yet: it leaves now, or later, however long ago it was reserved (a machine
    may have slept in between)."""
    being_sent = past.what is PastKind.RESERVED and past.invitation is not None
    return replace(past, at=max(past.at, now)) if being_sent else past


def _answers(tx: Transaction, keys: Sequence[str], since: int) -> list[tuple[Any, ...]]:
    named = [key.partition(":") for key in keys]
    of = {
        kind: [value for its, _, value in named if its == kind] for kind in ("email", "phone", "id", "record")
    }
    its: dict[str, Any] = {"since": since, "limit": MOST}
    persons = [key_number(kind, value) for kind in ("email", "phone", "id") for value in of[kind]]
    found = tx.rows(_BY_PERSON, persons=persons, **its) if persons else []
    if of["id"]:
        found += tx.rows(_BY_ID, ids=of["id"], **its)
    if of["phone"]:
        found += tx.rows(_BY_PHONE, phones=of["phone"], **its)
    if of["record"]:
        found += _of_records(tx, of["record"], its)
    return list({row[0]: row for row in found}.values())


def _of_records(tx: Transaction, names: Sequence[str], its: dict[str, Any]) -> list[tuple[Any, ...]]:
    syncs = [row[0] for row in tx.rows("SELECT DISTINCT sync FROM watermark ORDER BY sync")]
    found = []
    for name in names:
        scope, _, record = name.partition("/")
        connection, _, object = scope.rpartition(".")
        where = {"record": record, "connection": connection, "object": object}
        found += tx.rows(_ON_RECORD, syncs=syncs, **where, **its)
        found += tx.rows(_IN_WORK, **where, **its)
    return found


def _answer(row: tuple[Any, ...]) -> Past:
    properties: dict[str, Any] = from_json(row[4]) if "npsync_invitation" in row[4] else {}
    invitation = properties.get("npsync_invitation")
    return Past(
        at=moment(row[1]),
        what=PastKind.ANSWER,
        survey=row[2] or "",
        source=row[3],
        invitation=invitation if isinstance(invitation, str) else None,
    )
