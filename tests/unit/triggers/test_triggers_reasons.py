"""Why somebody is never asked, on their record: written when it begins to hold, emptied when it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from builders_triggers import CRM, OBJECT, Desktop, asked, case

from nps.asking import Suppression, SuppressionReason, person_keys
from nps.errors import RejectedError, UnavailableError

FIELD = "why_not"
NO = SuppressionReason.UNSUBSCRIBE
UNSUBSCRIBED = "this person unsubscribed (page, 2026-03-02)"


@pytest.fixture
def telling(desk: Desktop) -> Desktop:
    desk.policy_is(reason_field=FIELD)
    return desk


def suppress(desk: Desktop, key: str, reason: SuppressionReason = NO, source: str = "page") -> None:
    desk.store.suppress([Suppression(key=key, reason=reason, at=desk.clock.now(), source=source)])


def shown(desk: Desktop, who: str) -> object:
    return desk.crm.contacts[who][FIELD]


def test_whoever_unsubscribes_is_shown_so_and_no_more_once_it_is_lifted(telling: Desktop):
    ann, bob = telling.crm.add("ann@example.com"), telling.crm.add("bob@example.com")
    suppress(telling, "email:ann@example.com")
    telling.turn()
    assert shown(telling, ann) == UNSUBSCRIBED
    assert shown(telling, bob) is None
    telling.store.lift("email:ann@example.com", NO, by="ann", now=telling.clock.now())
    telling.turn()
    assert shown(telling, ann) is None


def test_everybody_with_a_name_shows_what_holds_against_it(telling: Desktop):
    twins = [telling.crm.add("ann@example.com", code=code) for code in ("1", "2")]
    suppress(telling, "email:ann@example.com")
    telling.turn()
    assert [shown(telling, one) for one in twins] == [UNSUBSCRIBED] * 2


@pytest.mark.parametrize("name", ["record", "id", "phone"])
def test_a_person_is_found_by_any_name(telling: Desktop, name: str):
    telling.rule()
    who = telling.crm.add("ann@example.com", code="0042", phone="+12025550143")
    [key] = {
        "record": person_keys(connection=CRM, object=OBJECT, record_id=who),
        "id": person_keys(external_id="0042"),
        "phone": person_keys(phone="+12025550143"),
    }[name]
    suppress(telling, key)
    if name == "phone":  # by which nobody is matched here: seen when they are decided about
        telling.turn()
        assert shown(telling, who) is None
        telling.happen(case(1, who))
    telling.turn()
    assert shown(telling, who) == UNSUBSCRIBED


def test_all_that_holds_is_told_once_each(telling: Desktop):
    who = telling.crm.add("ann@example.com", code="0042", consent=False)
    for key in ("email:ann@example.com", "id:0042"):
        suppress(telling, key)
    suppress(telling, "email:ann@example.com", SuppressionReason.BOUNCE, "mailer")
    telling.turn()
    told = str(shown(telling, who)).split("; ")
    assert sorted(told) == [
        "messages to this address come back (mailer, 2026-03-02)",
        "this person has not consented to be asked",
        UNSUBSCRIBED,
    ]


def test_whom_the_policy_never_asks_is_shown_so_when_their_turn_would_have_come(telling: Desktop):
    telling.policy_is(reason_field=FIELD, never_ask=['record.role == "Friend"'])
    who = asked(telling, role="Friend")
    telling.turn()
    assert shown(telling, who) == 'never_ask: record.role == "Friend"'
    telling.crm.contacts[who]["role"] = "Buyer"
    telling.happen(case(2, who))
    telling.turn()
    assert telling.sent() == [who]
    assert shown(telling, who) is None


def test_what_passes_by_itself_is_not_shown(telling: Desktop):
    who = asked(telling, 1)
    telling.turn()
    telling.happen(case(2, who))
    telling.turn()
    assert telling.verdicts()["rest"] == 1
    assert shown(telling, who) is None


def test_the_crms_own_opt_out_is_told_as_such(telling: Desktop):
    who = asked(telling, opted_out=True)
    telling.turn()
    assert shown(telling, who) == "the CRM says that this person opted out"


def test_what_the_policy_learns_at_the_last_moment_is_shown(telling: Desktop):
    telling.policy_is(reason_field=FIELD, never_ask=['record.role == "Friend"'])
    telling.rule(wait=timedelta(hours=2))
    who = asked(telling)
    telling.turn()
    telling.crm.contacts[who]["role"] = "Friend"
    telling.later(hours=3)
    telling.turn()
    assert telling.sent() == []
    assert shown(telling, who) == 'never_ask: record.role == "Friend"'


def test_a_long_reason_is_cut_to_what_the_field_holds_and_then_left_alone(telling: Desktop):
    telling.crm.lengths[FIELD] = 30
    who = asked(telling, 1)
    suppress(telling, "email:p1@example.com")
    telling.turn()
    assert shown(telling, who) == "this person unsubscribed (pag…"
    telling.happen(case(2, who))
    telling.turn()
    assert telling.store.reasons_due(9, now=telling.clock.now()) == []
    assert shown(telling, who) == "this person unsubscribed (pag…"


def test_without_a_field_or_in_shadow_nothing_is_written(desk: Desktop):
    who = desk.crm.add("ann@example.com")
    suppress(desk, "email:ann@example.com")
    desk.turn()
    desk.policy_is(reason_field=FIELD)
    desk.rule(live=False)
    desk.turn()
    assert shown(desk, who) is None
    desk.rule(live=True)
    desk.turn()
    assert shown(desk, who) == UNSUBSCRIBED


def test_a_crm_that_cannot_be_reached_is_tried_again_an_hour_later(telling: Desktop):
    who = telling.crm.add("ann@example.com")
    suppress(telling, "email:ann@example.com")

    def away(call: str) -> None:
        if call == "write":
            raise UnavailableError("crm: busy")

    telling.crm.before_call = away
    assert f"{FIELD} of {CRM} could not be written: crm: busy" in telling.turn().problems
    telling.crm.before_call = lambda call: None
    telling.turn()
    assert shown(telling, who) is None
    telling.later(hours=1)
    telling.turn()
    assert shown(telling, who) == UNSUBSCRIBED


def test_a_record_that_refuses_keeps_no_other_from_it(telling: Desktop):
    bad, good = telling.crm.add("bad@example.com"), telling.crm.add("good@example.com")
    suppress(telling, "email:bad@example.com")
    suppress(telling, "email:good@example.com")
    telling.crm.refused = {bad}
    assert any(f"{FIELD} of {CRM} {bad} was refused" in each for each in telling.turn().problems)
    assert shown(telling, good) == UNSUBSCRIBED
    telling.crm.refused = set()
    telling.later(days=1)
    telling.turn()
    assert shown(telling, bad) == UNSUBSCRIBED


def test_what_people_wrote_there_themselves_is_overwritten_by_what_holds(telling: Desktop):
    who = asked(telling, why_not="call me first")
    telling.turn()
    assert shown(telling, who) is None


def test_a_merged_persons_survivor_shows_it(telling: Desktop):
    loser, survivor = telling.crm.add("old@example.com"), telling.crm.add("new@example.com")
    suppress(telling, f"record:{CRM}.{OBJECT}/{loser}")
    telling.crm.merge(loser, survivor)
    telling.turn()
    assert shown(telling, survivor) == UNSUBSCRIBED


def test_a_name_that_spoils_the_look_up_is_told_and_keeps_no_other_from_it(telling: Desktop):
    ann = telling.crm.add("ann@example.com")
    suppress(telling, "email:ann@example.com")
    suppress(telling, "email:spoilt@example.com")
    find = telling.crm.find

    def spoilt(object: str, lookups: Any, *others: Any) -> Any:
        if any("spoilt@example.com" in one.values for one in lookups):
            raise RejectedError("crm: that is no address", code="bad", field="email")
        return find(object, lookups, *others)

    telling.crm.find = spoilt  # type: ignore[method-assign]
    assert [each for each in telling.turn().problems if "crm: that is no address" in each]
    assert shown(telling, ann) == UNSUBSCRIBED
    assert telling.store.reasons_due(9, now=telling.clock.now()) == []
