"""What survey tools push without a signature: enough to know what to read again."""

from urllib.parse import parse_qs

import pytest
from post_box import post_box
from toy_caller import ToyCaller

ANN = {"email": "ann@unit.example", "external_id": "C-1", "score": 9, "comment": "Good"}


@pytest.fixture
def box():
    with post_box() as opened:
        yield opened


def opened(vendor, box, **hook):
    tool = ToyCaller(vendor, customers=1, responses=0)
    tool.do("webhook", url=f"{box.url}/hooks/a-long-secret", **hook)
    return tool


def pushed(tool, box):
    tool.settle()
    return box.take()


@pytest.mark.parametrize("id_at", ["id", "data.id", "feedback.id"])
def test_promoter_tells_an_id_somewhere_in_the_body(box, id_at):
    tool = opened("promoter", box, id_at=id_at, headers={"X-Secret": "chosen"})
    made = tool.do("answer", email="ann@unit.example", score=9)
    tool.do("edit", id=made["id"], score=3)
    tool.control("DELETE", f"/promoter/feedback/{made['id']}")
    got = pushed(tool, box)
    assert sorted(one.json()["event"] for one in got) == [
        "feedback.added_or_changed",
        "feedback.added_or_changed",
        "feedback.removed",
    ]
    for one in got:
        found = one.json()
        for name in id_at.split("."):
            found = found[name]
        assert (found, one.headers["x-secret"]) == (made["id"], "chosen")


def test_a_survey_of_promoters_is_told_when_it_is_answered(box):
    tool = opened("promoter", box)
    tool.headers["authorization"] = f"Token {tool.env['PROMOTER_KEY']}"
    tool.post("/api/v2/survey/", {"campaign_id": 99, "contact": {"email": "bob@unit.example"}})
    (survey,) = tool.rows("surveys")
    made = tool.do("answer", id=survey["id"], score=7)
    tool.call("PUT", f"/api/v2/feedback/{made['id']}/", {"status": "CLOSED"})
    events = [one.json()["event"] for one in pushed(tool, box)]
    assert sorted(events) == ["feedback.added_or_changed", "feedback.status_changed"]


def test_asknicely_counts_how_often_somebody_submitted(box):
    tool = opened("asknicely", box)
    made = tool.do("answer", **ANN)
    (first,) = pushed(tool, box)
    tool.do("edit", id=made["id"], score=2)
    (second,) = pushed(tool, box)
    assert (first.json()["count"], second.json()["count"]) == (1, 2)
    assert (first.json()["question"]["score"], second.json()["question"]["score"]) == ("9", "2")
    assert first.json()["person"]["email"] == "ann@unit.example"
    tool.do("ask", email="waits@unit.example")
    assert pushed(tool, box) == []


def test_satismeter_tells_a_whole_response_once(box):
    tool = opened("satismeter", box)
    made = tool.do("answer", **ANN)
    tool.do("edit", id=made["id"], score=2)
    tool.do("answer", finished=False)
    told = [one.json() for one in pushed(tool, box)]
    assert sorted(one["event"] for one in told) == ["completed", "dismissed"]
    whole = next(one["response"] for one in told if one["event"] == "completed")
    assert (whole["rating"], whole["user"]["userId"]) == (9, "C-1")


def test_retently_sends_the_body_its_owner_wrote(box):
    tool = opened("retently", box, body={"feedback": "id", "nps": "score"})
    made = tool.do("answer", **ANN)
    assert [one.json() for one in pushed(tool, box)] == [{"feedback": made["id"], "nps": 9}]
    with pytest.raises(AssertionError, match="feedback has no mood"):
        tool.do("webhook", url=box.url, body={"m": "mood"})


def test_qualtrics_gives_notice_as_a_form(box):
    tool = opened("qualtrics", box)
    made = tool.do("answer", **ANN)
    tool.do("answer", score=1, finished=False)
    (got,) = pushed(tool, box)
    form = {name: values[0] for name, values in parse_qs(got.body.decode()).items()}
    assert form == {
        "Topic": f"surveyengine.completedResponse.{made['survey']}",
        "SurveyID": made["survey"],
        "ResponseID": made["id"],
    }
    tool.do("webhook", url=None)
    tool.do("answer", **ANN)
    assert pushed(tool, box) == []
