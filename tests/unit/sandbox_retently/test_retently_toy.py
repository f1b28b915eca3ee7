"""The toy Retently: feedback page by page, of two metrics, and a failure inside a 200."""

import pytest
from toy_caller import ToyCaller


@pytest.fixture(scope="module")
def tool():
    return ToyCaller(
        "retently",
        customers=30,
        responses=70,
        limits={"per_minute": 0},
        headers={"authorization": "api_key={RETENTLY_KEY}"},
    )


def page(tool, path="/feedback", **query):
    replied = tool.get(f"/api/v2{path}", **query)
    assert (replied.status, replied.json["code"]) == (200, 200)
    return replied.json["data"]


def everything(tool, **query):
    rows, number = [], 1
    while True:
        data = page(tool, page=number, **query)
        rows += data["responses"]
        if number >= data["pages"]:
            return rows
        number += 1


def test_pages_tell_how_many_there_are_and_begin_with_the_newest(tool):
    rows = everything(tool)
    assert len(rows) == len(tool.rows()) == page(tool)["total"] >= 70
    assert len(page(tool)["responses"]) == 20
    stamps = [row["createdDate"] for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    oldest = everything(tool, sort="createdDate", limit=7)
    assert [row["createdDate"] for row in oldest] == stamps[::-1]
    assert page(tool, page=99)["responses"] == []


def test_a_time_is_asked_for_in_seconds_or_as_a_text(tool):
    made = tool.add(score=9, email="ann@unit.example", created_at="2020-05-05T12:00:00Z")
    window = {"startDate": "2020-05-05T00:00:00Z", "endDate": 1588723200}
    assert [row["id"] for row in page(tool, **window)["responses"]] == [made]
    assert [row["id"] for row in page(tool, email="ann@unit.example")["responses"]] == [made]
    assert page(tool, f"/feedback/{made}")["createdDate"] == "2020-05-05T12:00:00.000Z"


def test_a_metric_a_campaign_and_bogus_answers_are_told(tool):
    rows = everything(tool)
    assert {row["metricsType"] for row in rows} == {"NPS", "CSAT"}
    csat = next(row for row in rows if row["metricsType"] == "CSAT")
    of_campaign = page(tool, f"/feedback/{csat['campaignId']}", limit=1000)["responses"]
    assert {row["metricsType"] for row in of_campaign} == {"CSAT"}
    assert [one["metric"] for one in page(tool, "/campaigns")] == ["NPS", "CSAT"]
    bogus = tool.do("answer", score=9, excluded=True)
    assert page(tool, f"/feedback/{bogus['id']}")["isBogus"] is True


def test_a_customer_answers_with_what_the_account_knows_and_an_edit_leaves_no_stamp(tool):
    made = tool.do(
        "answer", email="bob@unit.example", external_id="C-3", company="Acme", score=3, comment="Slow"
    )
    before = page(tool, f"/feedback/{made['id']}")
    assert before["customProps"][0]["value"] == "C-3"
    assert (before["ratingCategory"], before["companyName"]) == ("detractor", "Acme")
    tool.do("edit", id=made["id"], score=9)
    after = page(tool, f"/feedback/{made['id']}")
    assert (after["score"], after["createdDate"]) == (9, before["createdDate"])


def test_a_200_may_say_it_failed(tool):
    tool.fault("error_inside")
    replied = tool.get("/api/v2/feedback")
    assert (replied.status, replied.json["code"], replied.json["data"]) == (200, 500, None)


def test_a_wrong_key_a_spent_minute_and_wrong_questions(tool):
    refused = tool.call("GET", "/api/v2/feedback", headers={"authorization": "Bearer x"})
    assert (refused.status, refused.json["data"]) == (401, None)
    for query in ({"sort": "score"}, {"page": 0}, {"startDate": "soon"}):
        assert tool.get("/api/v2/feedback", **query).status == 400
    assert tool.get("/api/v2/feedback/nobody").status == 404
    tool.do("set", per_minute=1)
    assert [tool.get("/api/v2/campaigns").status for _ in range(2)] == [200, 429]
    tool.do("set", per_minute=0)
