"""Who must not be asked, and why. What was lifted stays, with who lifted it: the trail outlives the suppression."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nps.asking import Suppression, SuppressionReason
from store.asked import SUPPRESSION, suppression_of
from store.database import Database, Transaction
from store.forgetting import forgotten
from store.reasons import note_reasons
from store.rows import milliseconds, moment, storable

_SUPPRESS = """
    INSERT INTO suppression (key, reason, channel, at, source, detail)
    VALUES (:key, :reason, :channel, :at, :source, :detail)
    ON CONFLICT (key, reason, channel) WHERE lifted_at IS NULL DO NOTHING RETURNING id"""

_OLD_NEWS = """
    DELETE FROM suppression WHERE id = :id AND EXISTS (
        SELECT 1 FROM suppression s
        WHERE s.key = :key AND s.reason = :reason AND s.channel = :channel AND s.lifted_at >= :at)"""

_IN_FORCE = f"""
    SELECT {SUPPRESSION} FROM suppression
    WHERE key IN LIST(:keys) AND lifted_at IS NULL ORDER BY at DESC, id DESC"""

_ALL = f"""
    SELECT {SUPPRESSION} FROM suppression
    WHERE lifted_at IS NULL{{which}} ORDER BY at DESC, id DESC LIMIT :limit"""

_LIFT = """
    UPDATE suppression SET lifted_at = :now, lifted_by = :by, lifted_why = :why
    WHERE key = :key AND reason = :reason AND lifted_at IS NULL"""


class Suppressions:
    database: Database

    def suppressions(self, keys: Sequence[str]) -> list[Suppression]:
        with self.database.read() as tx:
            return in_force(tx, keys)

    def all_suppressions(
        self, *, reason: SuppressionReason | None = None, limit: int = 100
    ) -> list[Suppression]:
        which = "" if reason is None else f" AND reason = '{reason.value}'"
        with self.database.read() as tx:
            found = tx.rows(_ALL.format(which=which), limit=limit)
        return [suppression_of(row) for row in found]

    def suppress(self, suppressions: Sequence[Suppression]) -> int:
        ordered = sorted(suppressions, key=lambda one: (one.key, one.reason, one.channel or ""))
        with self.database.write(durable=True) as tx:
            gone = forgotten(tx, [one.key for one in ordered])  # they are not asked anyway
            new = [one for one in ordered if one.key not in gone and _suppress(tx, one)]
            for one in new:
                note_reasons(tx, [one.key], milliseconds(one.at))
            return len(new)

    def lift(self, key: str, reason: SuppressionReason, *, by: str, now: datetime, why: str = "") -> bool:
        with self.database.write(durable=True) as tx:
            lifted = tx.run(
                _LIFT,
                key=storable(key),
                reason=reason.value,
                by=storable(by),
                why=storable(why),
                now=milliseconds(now),
            )
            if lifted:
                note_reasons(tx, [key], milliseconds(now))
        return bool(lifted)


def in_force(tx: Transaction, keys: Sequence[str]) -> list[Suppression]:
    found = tx.rows(_IN_FORCE, keys=[storable(key) for key in keys])
    return [suppression_of(row) for row in found] + _erased(tx, keys)


def _erased(tx: Transaction, keys: Sequence[str]) -> list[Suppression]:
    """Somebody who was forgotten is never asked again, and nothing but a hash says who that is."""
    return [
        Suppression(key=name, reason=SuppressionReason.ERASED, at=moment(at), source="erased")
        for name, at in forgotten(tx, keys).items()
    ]


def _suppress(tx: Transaction, one: Suppression) -> bool:
    its = {
        "key": storable(one.key),
        "reason": one.reason.value,
        "channel": one.channel.value if one.channel else "",
        "at": milliseconds(one.at),
    }
    new = tx.one(_SUPPRESS, **its, source=storable(one.source), detail=storable(one.detail))
    if new is None:
        return False
    # Old news, told again, does not undo what the person did later. Looked up only now: whoever lifts it at this
    # moment was waited for.
    return not tx.run(_OLD_NEWS, **its, id=new[0])
