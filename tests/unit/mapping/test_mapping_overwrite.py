from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders_mapping import NOON
from hypothesis import given
from hypothesis import strategies as st

from mapping.overwrite import keeps

NEW_YORK = ZoneInfo("America/New_York")
POLICIES = ["if_ours", "if_empty", "if_newer", "always"]
json = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))


def kept(policy="if_ours", *, live=6, wanted=9, ours=None, wrote_before=False, **rest) -> bool:
    return keeps(
        policy,
        live=live,
        wanted=wanted,
        ours=ours,
        wrote_before=wrote_before,
        **{"answered_at": NOON, **rest},
    )


def test_if_ours_replaces_what_we_wrote_last():
    assert not kept(live=6, ours=6, wrote_before=True)


def test_if_ours_replaces_what_was_there_before_our_first_write():
    assert not kept(live=6, wrote_before=False)


def test_if_ours_keeps_what_somebody_changed_after_us():
    assert kept(live=6, ours=7, wrote_before=True)
    assert kept(live="by hand", ours=None, wrote_before=True)


def test_if_ours_fills_a_field_that_somebody_cleared():
    assert not kept(live=None, ours=7, wrote_before=True)


def test_if_empty_never_replaces_a_value_not_even_ours():
    assert kept("if_empty", live=6, ours=6, wrote_before=True)
    assert not kept("if_empty", live=None)
    assert not kept("if_empty", live="")


def test_zero_and_false_are_values():
    assert kept("if_empty", live=0)
    assert kept("if_empty", live=False)
    assert kept(live=0, ours=5, wrote_before=True)


def test_if_newer_keeps_the_value_of_a_later_moment():
    assert kept("if_newer", newer_than_live=NOON + timedelta(seconds=1))
    assert not kept("if_newer", newer_than_live=NOON - timedelta(seconds=1))


def test_if_newer_lets_the_answer_that_set_the_date_be_edited():
    assert not kept("if_newer", newer_than_live=NOON)


def test_if_newer_compares_a_bare_date_with_the_answers_day_in_the_business_zone():
    after_midnight_utc = NOON.replace(hour=3)
    assert kept("if_newer", answered_at=after_midnight_utc, newer_than_live=date(2026, 3, 2), zone=NEW_YORK)
    assert not kept("if_newer", answered_at=NOON, newer_than_live=date(2026, 3, 2), zone=NEW_YORK)


def test_if_newer_without_a_live_date_writes():
    assert not kept("if_newer", newer_than_live=None)


def test_always_writes():
    assert not kept("always", live="by hand", ours=7, wrote_before=True)


@pytest.mark.parametrize("policy", POLICIES)
@given(live=json, ours=json, wrote_before=st.booleans())
def test_nothing_is_kept_when_nothing_would_change(policy, live, ours, wrote_before):
    assert not kept(policy, live=live, wanted=live, ours=ours, wrote_before=wrote_before)


@pytest.mark.parametrize("policy", POLICIES)
@given(wanted=json, ours=json, wrote_before=st.booleans())
def test_an_empty_field_is_always_filled(policy, wanted, ours, wrote_before):
    assert not kept(policy, live=None, wanted=wanted, ours=ours, wrote_before=wrote_before)
