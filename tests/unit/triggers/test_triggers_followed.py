"""A trigger begins when it comes into the YAML; what happened while it was not there asks nobody."""

from __future__ import annotations

from builders_triggers import Desktop, asked, case, hint

from npsync.words.asking_text import round_lines
from triggers.followed import none_is_followed


def closed(desk: Desktop, number: int) -> str:
    """A case that is closed at this moment."""
    return asked(desk, number)


def test_what_happened_while_a_trigger_was_not_in_the_yaml_asks_nobody(desk: Desktop):
    desk.turn()
    kept = desk.rules.pop("after-support")
    desk.turn()
    desk.later(days=1)
    closed(desk, 1)
    desk.later(hours=1)
    desk.rules["after-support"] = kept
    told = desk.turn()
    assert told.begun == ["after-support"]
    assert "after-support is followed from now on" in next(round_lines(told))
    bob = closed(desk, 2)
    desk.turn()
    assert desk.sent() == [bob]


def test_a_gap_that_another_trigger_of_the_connection_bridged_asks_nobody_either(desk: Desktop):
    desk.rule("other", event="used")
    desk.turn()
    kept = desk.rules.pop("after-support")
    desk.turn()
    desk.later(hours=1)
    closed(desk, 1)
    desk.later(hours=1)
    desk.rules["after-support"] = kept
    desk.turn()
    assert desk.sent() == []
    assert desk.verdicts() == {"not_followed": 1}
    [verdict] = desk.store.verdicts()
    assert "while it was not" in verdict.reason


def test_what_is_pushed_about_the_gap_asks_nobody(desk: Desktop):
    desk.turn()
    kept = desk.rules.pop("after-support")
    desk.turn()
    desk.later(hours=1)
    old = case(1, desk.crm.add("ann@example.com"), days=1 / 24)
    desk.happen(old)
    desk.later(hours=1)
    desk.rules["after-support"] = kept
    desk.turn()
    desk.store.receive([hint(old)], now=desk.clock.now())
    desk.turn()
    assert desk.sent() == []
    assert desk.verdicts() == {"not_followed": 1}


def test_an_event_of_the_very_second_a_trigger_begins_in_is_its_business(desk: Desktop):
    """Vendors stamp whole seconds: read with our microseconds it would be from before."""
    desk.rule("other", event="used")
    desk.turn()
    kept = desk.rules.pop("after-support")
    desk.turn()
    desk.later(hours=1, milliseconds=700)
    desk.rules["after-support"] = kept
    desk.turn()
    ann = desk.crm.add("ann@example.com")
    closed_then = case(1, ann, days=1 / 24)  # that second
    desk.happen(closed_then)
    desk.later(minutes=1)
    desk.store.receive([hint(closed_then)], now=desk.clock.now())
    desk.turn()
    assert desk.sent() == [ann]


def test_what_a_stopped_npsync_missed_is_caught_up_with(desk: Desktop):
    desk.turn()
    desk.later(days=2)
    ann = closed(desk, 1)
    desk.later(days=2)
    assert desk.turn().begun == []
    assert desk.sent() == [ann]


def test_a_trigger_that_is_added_begins_at_that_moment(desk: Desktop):
    desk.turn()
    desk.later(hours=1)
    closed(desk, 1)
    desk.later(hours=1)
    desk.rule("other", survey="other")
    told = desk.turn()
    assert told.begun == ["other"]
    assert {one.trigger for one in desk.invitations()} == {"after-support"}


def test_a_yaml_without_any_trigger_ends_them_all(desk: Desktop):
    desk.turn()
    none_is_followed(desk.store)
    desk.later(days=1)
    closed(desk, 1)
    desk.later(hours=1)
    told = desk.turn()
    assert told.begun == ["after-support"]
    assert desk.sent() == []


def test_the_first_round_of_all_begins_nothing_anew(desk: Desktop):
    """Also the first one that remembers its triggers: what an earlier npsync had not decided yet is decided."""
    ann = closed(desk, 1)
    told = desk.turn()
    desk.later(hours=1)
    assert (told.begun, desk.sent()) == ([], [ann])
