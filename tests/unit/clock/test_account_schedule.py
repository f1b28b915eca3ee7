"""When all accounts of a sync are worked out: at once the first time, then nightly, soon again if it never ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders_clock import due_claims
from builders_config import config_of, yaml

from npsync.clockwork.missed import kept
from npsync.config import Config
from npsync.schedule import ROLL_UP_AGAIN, accounts_place, all_rolled_up
from npsync.syncing.rolling import claim_roll_up
from store import open_store
from store.sql import SqlStore

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)  # three o'clock in New York
ACCOUNT = "account:\n  fields: {NPS__c: nps}\n"


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return with_accounts(tmp_path)


def with_accounts(folder: Path, more: str = "") -> Config:
    text = yaml(top="time_zone: America/New_York\n", sync=ACCOUNT + more)
    link = "    account: {object: Account, by: AccountId}\n"
    return config_of(text.replace("    object: Contact\n", f"    object: Contact\n{link}"), folder)


def claimed(config: Config, store: SqlStore, sync: str, now: datetime) -> bool:
    tick = claim_roll_up(config, store, sync, now, "a:1")
    if tick is not None:
        store.end_tick(tick, now=now)
    return tick is not None


def due(config: Config, store: SqlStore, now: datetime) -> list[datetime]:
    found = due_claims(config, store).account_nights(now)
    return [claim.due_at for claim in found if not claim.skipped]


def test_the_first_run_works_out_all_accounts_and_the_clock_leaves_that_to_it(
    store: SqlStore, config: Config
) -> None:
    assert due(config, store, NOON) == []
    assert claimed(config, store, "a", NOON)
    all_rolled_up(config, store, "a", NOON)
    assert not claimed(config, store, "a", NOON + timedelta(hours=1))


def test_then_it_is_due_every_night_once_whoever_comes_first(store: SqlStore, config: Config) -> None:
    assert claimed(config, store, "a", NOON)
    all_rolled_up(config, store, "a", NOON)
    assert due(config, store, NIGHT - timedelta(minutes=1)) == []
    [claim] = [one for one in due_claims(config, store).due(NIGHT) if one.accounts]
    assert (claim.sync, claim.due_at, claim.place) == ("a", NIGHT, "accounts/a")
    assert not claimed(config, store, "a", NIGHT)
    all_rolled_up(config, store, "a", NIGHT)
    assert due(config, store, NIGHT + timedelta(hours=23)) == []
    assert claimed(config, store, "a", NIGHT + timedelta(days=1))


def test_one_that_never_came_to_its_end_is_begun_again_soon(store: SqlStore, config: Config) -> None:
    assert claimed(config, store, "a", NOON)
    assert due(config, store, NOON + ROLL_UP_AGAIN - timedelta(seconds=1)) == []
    assert due(config, store, NOON + ROLL_UP_AGAIN) == [NOON + ROLL_UP_AGAIN]


def test_a_paused_sync_is_left_alone(store: SqlStore, tmp_path: Path) -> None:
    config = with_accounts(tmp_path, "paused: true\n")
    store.schedule(accounts_place("a"), NOON)
    assert due(config, store, NIGHT) == []


def test_an_earlier_hour_in_the_yaml_takes_effect_at_once(store: SqlStore, tmp_path: Path) -> None:
    assert claimed(with_accounts(tmp_path), store, "a", NOON)
    all_rolled_up(with_accounts(tmp_path), store, "a", NOON)
    text = (
        (tmp_path / "npsync.yaml")
        .read_text()
        .replace("{NPS__c: nps}\n", '{NPS__c: nps}\n      cron: "0 8 * * *"\n')
    )
    sooner = config_of(text, tmp_path)
    assert due(sooner, store, NOON) == []
    assert due(sooner, store, NOON + timedelta(hours=1)) == [NOON + timedelta(hours=1)]  # eight o'clock there


def missed(config: Config, store: SqlStore, now: datetime) -> list[datetime]:
    found = kept(config, store, since=NOON - timedelta(days=1), now=now)
    return [at for place in found if place.place == accounts_place("a") for at in place.missed]


def test_no_night_counts_as_missed_whoever_works_the_accounts_out(store: SqlStore, config: Config) -> None:
    """A run takes one, the clock the next, somebody by hand the one after, and a run begins one that never ends."""
    day = timedelta(days=1)
    assert claimed(config, store, "a", NOON)
    all_rolled_up(config, store, "a", NOON)
    assert claimed(config, store, "a", NIGHT + timedelta(minutes=3))
    all_rolled_up(config, store, "a", NIGHT + timedelta(minutes=9))
    assert due(config, store, NIGHT + day) == [NIGHT + day]
    all_rolled_up(config, store, "a", NIGHT + day)
    by_hand = NIGHT + 2 * day + timedelta(minutes=1)
    all_rolled_up(config, store, "a", by_hand)
    assert claimed(config, store, "a", NIGHT + 3 * day)
    late = NIGHT + 3 * day + ROLL_UP_AGAIN
    assert due(config, store, late) == [late]
    all_rolled_up(config, store, "a", late)
    assert missed(config, store, late) == []
    assert store.claim_due(accounts_place("a"), NIGHT + 4 * day, NIGHT + 5 * day)  # and not noted
    assert missed(config, store, NIGHT + 4 * day) == [NIGHT + 4 * day]
