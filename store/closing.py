"""A shard of a run is closed in the transaction that does what it is about: both happened, or neither."""

from __future__ import annotations

from collections.abc import Mapping

from nps.errors import ShardLost
from nps.values import Json
from store.api.sharing import Shard, Trouble
from store.database import Transaction
from store.rows import json_object, to_json

_CLOSE = """
    UPDATE shard SET state = :state, outcome = :outcome, trouble = :trouble
    WHERE id = :number AND token = :token AND state = 'held'"""


def close_shard(
    tx: Transaction, shard: Shard, outcome: Mapping[str, Json], trouble: Trouble | None = None
) -> None:
    """Part of the transaction that did what the shard is about."""
    ours = tx.run(
        _CLOSE,
        state="done" if trouble is None else "failed",
        outcome=json_object(outcome),
        trouble=None if trouble is None else trouble_of(trouble),
        number=shard.number,
        token=shard.token,
    )
    if not ours:
        raise _lost(shard)


def prove_shard(tx: Transaction, shard: Shard, *, lasting: bool = True) -> None:
    """`lasting`: it stays so until the transaction ends."""
    locked = "FOR UPDATE OF s" if lasting else ""
    found = tx.one(f"SELECT s.token, s.state FROM shard s WHERE s.id = :number {locked}", number=shard.number)
    if found != (shard.token, "held"):
        raise _lost(shard)


def _lost(shard: Shard) -> ShardLost:
    return ShardLost(f"run {shard.run}: its part {shard.number} was taken over by another process")


def trouble_of(trouble: Trouble) -> str:
    return to_json({"kind": trouble.kind, "text": trouble.text})
