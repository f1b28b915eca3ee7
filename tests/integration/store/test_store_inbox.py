from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from builders_store import NOON, SOURCE, Syncing, answer, later, page, receive

from nps.responses import Cursor, ResponseStatus, SurveyResponse
from store.errors import StoreError
from store.sql import SqlStore


def test_a_page_and_its_cursor_are_stored_together(store: SqlStore):
    assert store.cursor(SOURCE) is None
    received = receive(store, answer("a1"), answer("a2"), cursor={"page": 7})
    assert (received.new, received.edited, received.repeated) == (2, 0, 0)
    assert store.cursor(SOURCE) == Cursor(state={"after": {"page": 7}})


def test_an_empty_page_moves_the_cursor(store: SqlStore):
    receive(store, cursor=1)
    receive(store, cursor=2)
    assert store.cursor(SOURCE) == Cursor(state={"after": 2})


@pytest.mark.parametrize(
    "score", [0, 9, None, "", "9", "Extremely likely - 10", 9.5, 10**30, -3, True], ids=repr
)
def test_a_score_comes_back_as_the_vendor_gave_it(store: SqlStore, score: object):
    receive(store, answer("a1", score))
    back = store.responses([1])[1].score
    assert (type(back), back) == (type(score), score)


def test_everything_of_an_answer_comes_back(store: SqlStore):
    given = SurveyResponse(
        source=SOURCE,
        id="a'1",
        answered_at=NOON,
        survey="1146",
        score=0,
        comment='He said "=cmd()",\nthen 👍 % :name ?',
        email="o'brien+x@exämple.com",
        phone="+4930123",
        external_id="007",
        channel="email",
        invited_at=later(days=-1),
        updated_at=later(milliseconds=1),
        status=ResponseStatus.WITHDRAWN,
        properties={"z": 1, "a": [None, {"b": "ü"}], "big": 10**25},
        problem="row 3: no score",
    )
    receive(store, given)
    assert store.responses([1, 99]) == {1: given}
    assert list(store.responses([1])[1].properties) == ["z", "a", "big"]


def test_a_comment_no_database_can_hold_is_stored_with_a_mark(store: SqlStore):
    receive(store, answer("a1", comment="a\0b \ud800"))
    assert store.responses([1])[1].comment == "a\ufffdb ?"


def test_identical_rereads_are_counted_and_not_stored(store: SqlStore):
    receive(store, answer("a1"), answer("a2"))
    received = receive(store, answer("a2"), answer("a3"))
    assert (received.new, received.edited, received.repeated) == (1, 0, 1)
    assert sorted(store.responses(range(1, 10))) == [1, 2, 3]


def test_the_same_instant_and_the_same_properties_told_differently_are_a_repeat(store: SqlStore):
    receive(store, answer("a1", at=NOON, properties={"a": 1, "b": 2}))
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    assert receive(store, answer("a1", at=elsewhere, properties={"b": 2, "a": 1})).repeated == 1


def test_a_changed_content_is_a_new_version_and_the_old_one_stays(store: SqlStore):
    receive(store, answer("a1", 3))
    received = receive(store, answer("a1", 8, comment="better now"))
    assert (received.new, received.edited, received.repeated) == (0, 1, 0)
    assert [r.score for r in store.responses([1, 2]).values()] == [3, 8]


def test_a_newer_update_with_the_same_content_is_a_new_version(store: SqlStore):
    receive(store, answer("a1", updated_at=NOON))
    assert receive(store, answer("a1", updated_at=later(seconds=1))).edited == 1


def test_a_stale_redelivery_never_replaces_the_newer_version(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", 3, updated_at=NOON))
    receive(store, answer("a1", 8, updated_at=later(hours=1)))
    assert receive(store, answer("a1", 3, updated_at=NOON)).repeated == 1
    assert receive(store, answer("a1", 5, updated_at=later(minutes=5))).repeated == 1
    syncing.take_up()
    assert [one.response.score for one in syncing.work() if one.newest] == [8]


def test_a_copy_without_a_time_does_not_replace_a_deletion_that_has_one(store: SqlStore):
    gone = ResponseStatus.WITHDRAWN
    receive(store, answer("a1"), answer("a2"))
    receive(store, answer("a1", status=gone, updated_at=NOON), answer("a2", status=gone))
    received = receive(store, answer("a1"), answer("a2"))
    assert (received.edited, received.repeated) == (1, 1)
    kept = store.answer(SOURCE, "a1")
    assert kept is not None
    assert kept.status is gone
    assert receive(store, answer("a1", updated_at=later(seconds=1))).edited == 1


def test_one_page_may_hold_an_answer_twice(store: SqlStore, syncing: Syncing):
    received = receive(store, answer("a1", 3), answer("a1", 3), answer("a1", 4), answer("a1", 5))
    assert (received.new, received.edited, received.repeated) == (1, 2, 1)
    syncing.take_up()
    assert [(one.response.score, one.newest) for one in syncing.work()] == [(3, False), (4, False), (5, True)]


def test_the_same_id_of_two_sources_is_two_answers(store: SqlStore):
    receive(store, answer("a1", source="one"))
    assert receive(store, answer("a1", source="two")).new == 1


def test_a_page_of_another_connection_is_refused_whole(store: SqlStore):
    with pytest.raises(StoreError, match='page of "email-nps" holds an answer of "other"'):
        store.append(SOURCE, page(answer("a1"), answer("a2", source="other")), [1, 2], received_at=NOON)
    assert (store.cursor(SOURCE), store.responses([1])) == (None, {})


def test_a_naive_time_is_refused(store: SqlStore):
    with pytest.raises(TypeError):
        receive(store, answer("a1", at=datetime(2026, 3, 2)))  # noqa: DTZ001


def test_times_far_away_survive_to_the_millisecond(store: SqlStore):
    long_ago = datetime(1931, 1, 1, 0, 0, 0, 999_000, tzinfo=UTC)
    receive(store, answer("a1", at=long_ago, invited_at=datetime(9999, 12, 31, tzinfo=UTC)))
    assert store.responses([1])[1].answered_at == long_ago
