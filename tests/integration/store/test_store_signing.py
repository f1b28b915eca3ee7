"""Users, sessions and tries to sign in: what is kept, and what ends with what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders_store import NOON

from store.api import Session
from store.sql import SqlStore

MINUTE = timedelta(minutes=1)


def session(digest: str = "d1", kind: str = "user", name: str = "ann", **facts: object) -> Session:
    return Session(
        digest=digest,
        kind=kind,
        name=name,
        began_at=NOON,
        seen_at=NOON,
        ends_at=NOON + timedelta(hours=10),
        **facts,  # type: ignore[arg-type]
    )


@pytest.fixture
def ann(store: SqlStore) -> int:
    """Her user's number; she is signed in by `d1`."""
    assert store.add_user("ann", "operator", "$hash", now=NOON)
    found = store.user("ann")
    assert found is not None
    store.open_session(session(local_user=found[0].number))
    return found[0].number


def test_one_name_has_one_account_in_force(store: SqlStore, ann: int):
    assert not store.add_user("ann", "admin", "$other", now=NOON)
    assert store.revoke_user("ann", now=NOON)
    assert store.user("ann") is None
    assert not store.revoke_user("ann", now=NOON)
    assert store.add_user("ann", "viewer", "$other", now=NOON)
    assert [(one.role, one.revoked_at) for one in store.users()] == [("viewer", None), ("operator", NOON)]


def test_a_session_has_the_role_its_account_has_now(store: SqlStore, ann: int):
    found = store.session("d1")
    assert found is not None
    assert (found.name, found.role, found.told) == ("ann", "operator", None)


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"password": "$new"}])
def test_another_role_or_password_ends_all_sessions_of_an_account(
    store: SqlStore, ann: int, change: dict[str, str]
):
    store.open_session(session("d2", kind="provider", role="viewer", terms="t"))
    assert store.change_user("ann", **change)
    assert store.session("d1") is None
    assert store.session("d2") is not None  # somebody else, of another door
    assert not store.change_user("bob", **change)


def test_a_revoked_account_is_nobody_any_more(store: SqlStore, ann: int):
    store.revoke_user("ann", now=NOON)
    assert store.session("d1") is None


def test_a_password_hashed_anew_ends_no_session(store: SqlStore, ann: int):
    assert store.user_signed_in(ann, "$hash", password="$stronger", now=NOON)
    found = store.user("ann")
    assert found is not None
    assert (found[1], found[0].signed_in_at) == ("$stronger", NOON)
    assert store.session("d1") is not None


def test_who_came_with_a_password_that_was_changed_meanwhile_is_not_signed_in(store: SqlStore, ann: int):
    assert store.open_session(session("d2", local_user=ann), checked="$hash")
    store.change_user("ann", password="$new")
    assert not store.user_signed_in(ann, "$hash", password="$the_old_one_hashed_anew", now=NOON)
    assert not store.open_session(session("d3", local_user=ann), checked="$hash")
    assert store.sessions() == []
    found = store.user("ann")
    assert found is not None
    assert (found[1], found[0].signed_in_at) == ("$new", None)


def test_a_user_who_was_revoked_meanwhile_is_not_signed_in(store: SqlStore, ann: int):
    store.revoke_user("ann", now=NOON)
    assert not store.user_signed_in(ann, "$hash", password="$hash", now=NOON)
    assert not store.open_session(session("d2", local_user=ann), checked="$hash")


def test_what_a_page_says_is_kept_with_its_session(store: SqlStore, ann: int):
    store.tell_session("d1", "Paused.", failed=True)
    store.session_seen("d1", now=NOON + MINUTE)
    found = store.session("d1")
    assert found is not None
    assert (found.told, found.failed, found.seen_at) == ("Paused.", True, NOON + MINUTE)
    store.tell_session("d1", None)
    found = store.session("d1")
    assert found is not None
    assert (found.told, found.failed) == (None, False)


def test_sessions_are_listed_and_closed_by_the_door_and_by_the_name(store: SqlStore, ann: int):
    for digest, kind, name in (
        ("d2", "provider", "bob@acme"),
        ("d3", "token", "ann"),
        ("d4", "token", "bob"),
    ):
        at = NOON + MINUTE * int(digest[1])
        store.open_session(
            Session(
                digest=digest, kind=kind, name=name, began_at=at, seen_at=at, ends_at=at + timedelta(hours=9)
            )
        )
    assert [one.digest for one in store.sessions()] == ["d4", "d3", "d2", "d1"]
    assert store.close_sessions(["user", "provider"], "bob@acme") == 1
    assert store.close_sessions(["token", "user", "provider"], "ann") == 2
    assert [one.name for one in store.sessions()] == ["bob"]
    assert store.close_sessions(["token", "user", "provider"]) == 1
    assert store.sessions() == []


def test_sessions_are_closed_one_or_all_of_somebody_and_those_that_ended(store: SqlStore, ann: int):
    for digest in ("d2", "d3", "d4"):
        store.open_session(session(digest, local_user=ann))
    store.close_session("d2")
    assert store.session("d2") is None
    assert store.close_sessions(["user"], "ann") == 3
    store.open_session(session("old", kind="token", token="t"))
    store.open_session(
        Session(
            digest="new",
            kind="token",
            name="bob",
            token="t",
            began_at=NOON + timedelta(hours=10),
            seen_at=NOON,
            ends_at=NOON + timedelta(hours=20),
        )
    )
    assert store.session("old") is None
    assert store.session("new") is not None


def test_so_many_tries_at_once_and_then_one_at_a_time(store: SqlStore):
    def tried(minutes: float = 0, name: str = "ann") -> bool:
        return store.may_try(name, burst=3, every=MINUTE, now=NOON + minutes * MINUTE)

    assert [tried() for _ in range(5)] == [True, True, True, False, False]
    assert tried(name="bob")
    assert [tried(1), tried(1)] == [True, False]  # what was refused cost nothing
    assert [tried(10) for _ in range(4)] == [True, True, True, False]
    store.forgive_tries("ann")
    assert tried(10)
