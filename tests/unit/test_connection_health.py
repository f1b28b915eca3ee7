"""What is known of a connection: how its calls went last, and whether its credentials still work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from fake_clock import FakeClock

from nps.errors import AccessError, BudgetError, UnavailableError
from npsync.operating.connection_health import ACCESS, Failure, Health, Vitals, health_of, keeper, kind_of
from store import open_store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REFUSED = Failure(ACCESS, "crm: the credential was refused", NOON)


def test_a_failure_is_trouble_until_a_call_gets_through():
    assert Health(failed=REFUSED).trouble == REFUSED
    assert Health(fine_at=NOON - timedelta(minutes=1), failed=REFUSED).trouble == REFUSED
    assert Health(fine_at=NOON + timedelta(minutes=1), failed=REFUSED).trouble is None
    assert Health(fine_at=NOON).trouble is None


def test_a_refused_credential_is_well_again_after_half_an_hour_without_a_refusal():
    """Some calls may get through with a credential that others are refused with."""
    got_through = Health(fine_at=NOON + timedelta(minutes=1), failed=REFUSED)
    assert got_through.refused(NOON + timedelta(minutes=5)) == REFUSED
    assert got_through.refused(NOON + timedelta(minutes=31)) is None
    assert Health(failed=REFUSED).refused(NOON + timedelta(days=3)) == REFUSED


def test_being_down_is_no_refusal():
    down = Failure("unavailable", "crm: no connection", NOON)
    assert Health(failed=down).refused(NOON) is None
    assert [kind_of(each("x")) for each in (AccessError, BudgetError, UnavailableError)] == [
        "access", "budget", "unavailable",
    ]  # fmt: skip


def test_how_calls_went_years_ahead_hides_nothing_that_happens_now(sqlite_url: str):
    store = open_store(sqlite_url)
    ahead = FakeClock(NOON + timedelta(days=1000))
    vitals = Vitals(keeper(store), ahead)
    vitals.note("crm", UnavailableError("down"))
    vitals.note("tool", None)
    assert health_of(store, ["crm", "tool"], NOON) == {"crm": Health(), "tool": Health()}
    ahead.advance(-timedelta(days=1000).total_seconds())
    vitals.note("crm", UnavailableError("down"))
    vitals.note("tool", AccessError("refused"))
    told = health_of(store, ["crm", "tool"], NOON)
    assert [one.trouble.kind for one in told.values() if one.trouble] == ["unavailable", ACCESS]
    store.close()


def test_every_change_is_kept_at_once_and_the_same_only_now_and_then():
    kept: list[tuple[str, str]] = []

    def keep(connection: str, items: Mapping[str, str]) -> None:
        kept.extend((connection, word) for word in items)

    clock = FakeClock()
    vitals = Vitals(keep, clock)
    for error in (None, None, AccessError("no"), AccessError("no"), None):
        vitals.note("crm", error)
    assert kept == [("crm", "fine"), ("crm", "failed"), ("crm", "fine")]
    clock.sleep(61)
    vitals.note("crm", None)
    vitals.note("tool", None)
    assert kept[3:] == [("crm", "fine"), ("tool", "fine")]
