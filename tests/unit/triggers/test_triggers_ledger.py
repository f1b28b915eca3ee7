"""The ledger's care: stopped and resumed, rebuilt from the records and shown on them, the CRM's no remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from builders_triggers import CRM, OBJECT, Desktop, case
from fake_clock import NOON

from nps.asking import Past, PastKind, Suppression, SuppressionReason
from nps.errors import UnavailableError
from nps.sending import Accepted, FailedPermanent
from store.api import LedgerEntry
from triggers import ledger

FIELD = "last_invited"
DAY = timedelta(days=1)


def asked(desk: Desktop, number: int = 1, **fields: object) -> str:
    who = desk.crm.add(f"p{number}@example.com", **fields)  # type: ignore[arg-type]
    desk.happen(case(number, who, days=(desk.clock.now() - NOON) / DAY))
    return who


@pytest.fixture
def shadowed(desk: Desktop) -> Desktop:
    desk.policy_is(ledger_field=FIELD)
    return desk


def rebuild(desk: Desktop) -> tuple[int, int]:
    return ledger.rebuild([desk.registry(CRM)], FIELD, desk.store, by="kim", now=desk.clock.now())


# ------------------------------------------------------------ switches


def test_sends_are_stopped_once_and_resumed_once(desk: Desktop):
    assert ledger.stop(desk.store, by="kim", why="an incident", now=NOON)
    assert not ledger.stop(desk.store, by="lee", why="another", now=NOON)
    assert desk.store.switches()["sends"] == {"by": "kim", "at": NOON.isoformat(), "why": "an incident"}
    assert "stopped" in (ledger.why_none_is_sent(desk.store) or "")
    assert ledger.resume(desk.store)
    assert not ledger.resume(desk.store)
    assert ledger.why_none_is_sent(desk.store) is None


def test_an_empty_ledger_is_no_ledger_until_somebody_says_so(desk: Desktop):
    desk.store.switch("ledger", None)
    said = ledger.why_none_is_sent(desk.store) or ""
    for way in ("npsync sends rebuild", "npsync sends import FILE", "npsync sends accept-empty-ledger"):
        assert way in said
    ledger.accept_empty(desk.store, by="kim", why="a new installation", now=NOON)
    assert ledger.why_none_is_sent(desk.store) is None


# ------------------------------------------------------------ rebuilt


def test_a_lost_ledger_is_rebuilt_and_the_rests_are_kept(shadowed: Desktop):
    desk = shadowed
    desk.store.switch("ledger", None)
    lately, long_ago, never = (
        asked(desk, 1, last_invited="2026-02-20"),
        asked(desk, 2, last_invited="2024-01-01"),
        asked(desk, 3),
    )
    assert lately
    assert desk.turn().problems
    assert rebuild(desk) == (3, 2)
    desk.turn()
    assert sorted(desk.sent()) == sorted([long_ago, never])
    assert rebuild(desk)[0] == 3  # again is harmless


def test_a_day_without_an_hour_ends_late_so_that_nobody_is_asked_too_soon(shadowed: Desktop):
    who = shadowed.crm.add("ann@example.com", last_invited="2026-02-20")
    rebuild(shadowed)
    assert shadowed.store.last_asked(f"{CRM}.{OBJECT}", [who]) == {
        who: datetime(2026, 2, 20, 23, 59, 59, tzinfo=UTC)
    }


def test_what_is_rebuilt_counts_under_every_name(shadowed: Desktop):
    shadowed.crm.add("ann@example.com", code="0042", last_invited="2026-02-20")
    rebuild(shadowed)
    for key in ("email:ann@example.com", "id:0042"):
        [past] = shadowed.store.past([key], since=NOON - 99 * DAY, now=NOON)
        assert (past.what, past.source) == (PastKind.SEND, "ledger_field")


# ------------------------------------------------------------ shown


def test_after_a_send_the_record_shows_the_date(shadowed: Desktop):
    who = asked(shadowed)
    shadowed.turn()
    assert shadowed.crm.contacts[who][FIELD] == "2026-03-02"
    assert shadowed.store.unshown(9, now=shadowed.clock.now()) == []


def test_a_later_date_on_the_record_stays(shadowed: Desktop):
    who = asked(shadowed, last_invited="2027-01-01")
    shadowed.turn()
    assert shadowed.sent() == [who]
    assert shadowed.crm.contacts[who][FIELD] == "2027-01-01"


def test_what_was_not_sent_is_not_shown(shadowed: Desktop):
    who = asked(shadowed)
    shadowed.senders["mailer"].answer = lambda message: FailedPermanent("550", "no such user")
    shadowed.turn()
    assert shadowed.crm.contacts[who][FIELD] is None


def test_a_crm_that_cannot_be_reached_keeps_nobody_from_sending_and_is_tried_again(shadowed: Desktop):
    first = asked(shadowed, 1)

    def away(call: str) -> None:
        if call == "write":
            raise UnavailableError("crm: busy")

    shadowed.crm.before_call = away
    told = shadowed.turn()
    assert shadowed.sent() == [first]
    assert f"{FIELD} of 1 records could not be written: crm: busy" in told.problems
    shadowed.crm.before_call = lambda call: None
    shadowed.turn()
    assert shadowed.crm.contacts[first][FIELD] is None  # not at once
    shadowed.later(hours=1)
    shadowed.turn()
    assert shadowed.crm.contacts[first][FIELD] == "2026-03-02"


def test_a_record_that_refuses_the_date_keeps_no_other_from_it(shadowed: Desktop):
    bad, good = asked(shadowed, 1), asked(shadowed, 2)
    shadowed.crm.refused = {bad}
    told = shadowed.turn()
    assert f"{FIELD} of {CRM} {bad} was refused: the score is not wanted here" in told.problems
    assert shadowed.crm.contacts[good][FIELD] == "2026-03-02"
    shadowed.crm.refused = set()
    shadowed.later(days=1)
    shadowed.turn()
    assert shadowed.crm.contacts[bad][FIELD] == "2026-03-02"


def test_without_a_field_nothing_is_written_and_what_waits_is_shown_once_there_is_one(desk: Desktop):
    who = asked(desk)
    desk.turn()
    assert desk.crm.contacts[who][FIELD] is None
    desk.policy_is(ledger_field=FIELD)
    desk.turn()
    assert desk.crm.contacts[who][FIELD] == "2026-03-02"


# ------------------------------------------------------------ the CRM's no


def test_defect_28_an_unsubscribed_person_does_not_resurface_from_another_tool(desk: Desktop):
    """Seen elsewhere: the opt-out was known in one list only, and the next import brought the person back."""
    who = desk.crm.add("ann@example.com", phone="+12025550143", code="0042")
    key = "email:ann@example.com"
    said = Suppression(key=key, reason=SuppressionReason.UNSUBSCRIBE, at=NOON, source="page")
    desk.store.suppress([said])
    sent = Past(at=NOON - 400 * DAY, what=PastKind.SEND, source="another tool")
    desk.store.enter([LedgerEntry(dedupe="x", keys=(key,), past=sent)], now=NOON)
    twin = desk.crm.add("Ann@Example.com", code="0043")  # the same person, as another tool made them anew
    desk.happen(case(1, who), case(2, twin))
    desk.turn()
    desk.later(days=400)
    desk.happen(case(3, twin, days=400))
    desk.turn()
    assert desk.sent() == []
    assert {one.code for one in desk.store.verdicts()} == {"suppressed"}


def test_a_cap_of_accounts_that_is_set_later_counts_what_was_sent_before(desk: Desktop):
    asked(desk, 1, account="001")
    desk.turn()
    desk.policy_is(per_account={"at_most": 1, "per": "30 days"})
    asked(desk, 2, account="001")
    other = asked(desk, 3, account="002")
    desk.turn()
    assert desk.sent()[1:] == [other]
    assert desk.verdicts()["account_cap"] == 1


NAMES = {"email": "old@example.com", "phone": "+12025550143", "code": "0042"}


@pytest.mark.parametrize("key", ["email:old@example.com", "phone:+12025550143", "id:0042"])
def test_who_unsubscribed_as_a_record_that_was_merged_is_not_asked_as_its_survivor(desk: Desktop, key: str):
    loser, middle = desk.crm.add(**NAMES), desk.crm.add("middle@example.com")
    survivor = desk.crm.add("new@example.com")
    desk.store.suppress([Suppression(key=key, reason=SuppressionReason.UNSUBSCRIBE, at=NOON)])
    desk.crm.merge(loser, middle, keeps_email=False)
    desk.crm.merge(middle, survivor, keeps_email=False)
    desk.happen(case(1, survivor))
    desk.turn()
    assert desk.sent() == []
    assert desk.verdicts()["suppressed"] == 1


def test_who_was_asked_as_a_record_that_was_merged_is_left_alone_as_its_survivor(desk: Desktop):
    loser, survivor = asked(desk, 1), desk.crm.add("new@example.com")
    desk.turn()
    assert desk.sent() == [loser]
    desk.crm.merge(loser, survivor, keeps_email=False)
    desk.later(days=1)
    desk.happen(case(2, survivor, days=1))
    desk.turn()
    assert desk.sent() == [loser]
    assert desk.verdicts()["rest"] == 1


def test_a_ledger_that_is_rebuilt_asks_nobody_what_was_merged(shadowed: Desktop):
    shadowed.crm.add("ann@example.com", last_invited="2026-02-20")
    called: list[str] = []
    shadowed.crm.before_call = called.append
    rebuild(shadowed)
    assert "get" in called
    assert "absorbed" not in called


def test_the_crms_opt_out_seen_at_the_last_moment_is_kept_under_every_name(desk: Desktop):
    desk.rule(wait=timedelta(hours=2))
    who = asked(desk, code="0042")
    desk.turn()
    desk.crm.contacts[who]["opted_out"] = True
    desk.later(hours=3)
    desk.turn()
    assert desk.sent() == []
    found = desk.store.suppressions(["id:0042", "email:p1@example.com"])
    assert [(one.reason, one.source) for one in found] == [(SuppressionReason.CRM_OPT_OUT, CRM)] * 2
    twin = desk.crm.add("p1@example.com")
    desk.happen(case(2, twin))
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.turn()
    assert desk.sent() == []
