"""Whose records are to show why they are not asked: noted with the suppression, and looked at until they do."""

from __future__ import annotations

from alembic import command
from builders_asking import ANN, BOB
from builders_store import NOON, later

from nps.asking import Suppression, SuppressionReason
from store import open_store, schema
from store.sql import SqlStore

NO = SuppressionReason.UNSUBSCRIBE


def due(store: SqlStore, **days: float) -> list[str]:
    return [one.key for one in store.reasons_due(9, now=later(**days))]


def said(key: str) -> Suppression:
    return Suppression(key=key, reason=NO, at=NOON, source="page")


def test_whoever_is_suppressed_or_free_again_is_noted(store: SqlStore):
    store.suppress([said(ANN[1])])
    assert due(store) == [ANN[1]]
    store.reasons_shown(store.reasons_due(9, now=NOON))
    assert due(store) == []
    assert store.suppress([said(ANN[1])]) == 0  # told again: nothing to show
    assert due(store) == []
    store.lift(ANN[1], NO, by="ann", now=later(days=1))
    assert due(store) == []  # not yet
    assert due(store, days=1) == [ANN[1]]


def test_what_is_noted_again_while_it_is_shown_is_looked_at_again(store: SqlStore):
    store.suppress([said(ANN[1])])
    looked_at = store.reasons_due(9, now=NOON)
    store.lift(ANN[1], NO, by="ann", now=NOON)
    store.reasons_shown(looked_at)
    assert due(store) == [ANN[1]]
    store.show_reasons_later(looked_at, later(days=1))
    assert due(store) == [ANN[1]]


def test_what_could_not_be_shown_waits(store: SqlStore):
    store.note_reasons([ANN[1], BOB[1]], now=NOON)
    [ann] = [one for one in store.reasons_due(9, now=NOON) if one.key == ANN[1]]
    store.show_reasons_later([ann], later(days=1))
    assert due(store) == [BOB[1]]
    assert due(store, days=1) == [BOB[1], ANN[1]]
    assert len(store.reasons_due(1, now=later(days=1))) == 1


def test_who_was_suppressed_before_there_was_such_a_field_is_noted_too(empty_url: str):
    store = open_store(empty_url)
    with store.database.write() as tx:
        command.upgrade(schema.alembic_config(tx), "0004")
        for key, lifted in ((ANN[1], None), (BOB[1], 1)):
            tx.run(
                "INSERT INTO suppression (key, reason, channel, at, source, detail, lifted_at) "
                "VALUES (:key, 'unsubscribe', '', 1, '', '', :lifted)",
                key=key,
                lifted=lifted,
            )
    store.migrate()
    assert due(store) == [ANN[1]]
    store.close()
