"""Of an anonymous answer nothing is left that says who gave it, and it is the same answer whenever it is read."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from nps.anonymity import Anonymous
from nps.events import Answered
from nps.responses import SurveyResponse

NEW_YORK = ZoneInfo("America/New_York")
LATE = datetime.fromisoformat("2026-03-03T03:30:00+00:00")
STAFF = Anonymous("a-pepper-of-some-length", frozenset({"7"}), NEW_YORK, frozenset({"country"}))
GIVEN = SurveyResponse(
    source="tool",
    id="r-1",
    answered_at=LATE,
    survey="7",
    score=3,
    comment="Jo here",
    email="jo@example.com",
    phone="+12025550143",
    external_id="C-1",
    channel="email",
    invited_at=LATE,
    updated_at=LATE,
    properties={"country": "US", "manager": "sam@example.com", "npsync_invitation": "xyz"},
)


def test_score_day_channel_and_what_was_declared_safe_are_left():
    kept = STAFF.kept(GIVEN)
    assert (kept.score, kept.channel, kept.survey, dict(kept.properties)) == (
        3,
        "email",
        "7",
        {"country": "US"},
    )
    assert kept.answered_at.astimezone(NEW_YORK).isoformat() == "2026-03-02T12:00:00-05:00"
    told = msgspec.json.encode(kept).decode()
    for trace in ("jo", "Jo", "5550143", "C-1", "r-1", "xyz", "sam@", "03:30", "22:30"):
        assert trace not in told


def test_the_same_answer_is_the_same_and_anothers_is_not():
    assert STAFF.kept(GIVEN) == STAFF.kept(GIVEN) == STAFF.kept(STAFF.kept(GIVEN))
    assert STAFF.kept(msgspec.structs.replace(GIVEN, id="r-2")).id != STAFF.kept(GIVEN).id
    other = Anonymous("another-pepper-of-length", None, NEW_YORK)
    assert other.kept(GIVEN).id != STAFF.kept(GIVEN).id


def test_comments_are_kept_only_where_they_were_declared_safe():
    assert (
        Anonymous("a-pepper-of-some-length", None, NEW_YORK, frozenset({"comment"})).kept(GIVEN).comment
        == "Jo here"
    )


def test_a_push_says_no_more_than_that_there_is_an_answer():
    told = STAFF.pushed(Answered(key="delivery/r-1", connection="tool", at=LATE, id="r-1", response=GIVEN))
    assert told is not None
    assert (told.id, told.response, told.survey) == (None, None, "7")
    assert "r-1" not in told.key
    assert STAFF.pushed(Answered(key="k", connection="tool", at=LATE, id="r-1", survey="8")) is None
