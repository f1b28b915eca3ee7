"""The toy SurveyMonkey: bulk pages within two budgets, answers as choices, and webhooks that tell ids."""

import pytest
from post_box import post_box
from toy_caller import HERE, ToyCaller

from sandbox.surveymonkey.webhooks import signature


@pytest.fixture(scope="module")
def tool():
    return ToyCaller(
        "surveymonkey",
        customers=30,
        responses=60,
        limits={"per_minute": 0, "per_day": 0},
        headers={"authorization": "bearer {SURVEYMONKEY_TOKEN}"},
    )


@pytest.fixture(autouse=True)
def clean(tool):
    yield
    tool.do("set", per_minute=0, per_day=0, contact="typed", texts="number")
    tool.hang_up()


def bulk(tool, **query):
    replied = tool.get(f"/v3/surveys/{tool.env['SURVEYMONKEY_SURVEY']}/responses/bulk", **query)
    assert replied.status == 200, replied.body
    return replied.json


def everything(tool, **query):
    rows, body = [], bulk(tool, **query)
    while True:
        rows += body["data"]
        if "next" not in body["links"]:
            return rows
        body = tool.get(body["links"]["next"]).json


def of(tool, row, name):
    question = tool.env[f"SURVEYMONKEY_{name}"]
    found = [one["answers"] for one in row["pages"][0]["questions"] if one["id"] == question]
    return found[0][0] if found else None


def test_links_lead_through_the_pages_and_keep_the_filters(tool):
    rows = everything(tool, per_page=20, sort_by="date_modified", sort_order="ASC")
    stamps = [row["date_modified"] for row in rows]
    assert stamps == sorted(stamps)
    assert len({row["id"] for row in rows}) == len(rows) == bulk(tool)["total"]
    link = bulk(tool, per_page=20, sort_order="ASC")["links"]["next"]
    assert link.startswith(f"{HERE}/surveymonkey/v3/surveys/")
    assert "sort_order=ASC" in link
    assert (
        tool.get(f"/v3/surveys/{tool.env['SURVEYMONKEY_SURVEY']}/responses/bulk", per_page=101).status == 400
    )


def test_an_edit_is_seen_by_the_modified_time(tool):
    made = tool.do("answer", email="ann@unit.example", score=3)
    tool.advance(3600)
    since = tool.sandbox.house.clock.now().isoformat(timespec="seconds")[:19]
    assert bulk(tool, start_modified_at=since)["data"] == []
    tool.do("edit", id=made["id"], score=8)
    (row,) = bulk(tool, start_modified_at=since)["data"]
    assert (row["id"], row["date_modified"] > row["date_created"]) == (made["id"], True)
    assert bulk(tool, start_created_at=since)["data"] == []


def test_a_scale_is_answered_by_a_choice_whose_text_the_definition_knows(tool):
    made = tool.do(
        "answer", email="ann@unit.example", first_name="Ann", external_id="C-1", score=10, comment="Good"
    )
    row = next(one for one in everything(tool) if one["id"] == made["id"])
    answer = of(tool, row, "SCORE")
    assert set(answer) == {"choice_id", "row_id"}
    page = tool.get(f"/v3/surveys/{tool.env['SURVEYMONKEY_SURVEY']}/details").json["pages"][0]
    texts = {one["id"]: one["text"] for one in page["questions"][0]["answers"]["choices"]}
    assert (texts[answer["choice_id"]], len(set(texts))) == ("10 - Extremely likely", 11)
    assert of(tool, row, "COMMENT")["text"] == "Good"
    simple = next(one for one in everything(tool, simple="true") if one["id"] == made["id"])
    assert of(tool, simple, "SCORE")["simple_text"] == "10"
    tool.do("set", texts="label")
    simple = next(one for one in everything(tool, simple="true") if one["id"] == made["id"])
    assert of(tool, simple, "SCORE")["simple_text"] == "10 - Extremely likely"


def test_who_answered_is_a_contact_a_recipient_or_a_custom_variable(tool):
    made = tool.do("answer", email="bob@unit.example", external_id="C-2", score=9)

    def shown():
        return next(one for one in everything(tool) if one["id"] == made["id"])

    assert shown()["metadata"]["contact"]["email"] == {"type": "string", "value": "bob@unit.example"}
    assert shown()["custom_variables"] == {"customer_id": "C-2"}
    tool.do("set", contact="plain")
    assert shown()["metadata"]["contact"]["email"] == "bob@unit.example"
    tool.do("set", contact="recipient")
    row = shown()
    assert row["metadata"] == {}
    recipient = tool.get(f"/v3/collectors/{row['collector_id']}/recipients/{row['recipient_id']}").json
    assert recipient["email"] == "bob@unit.example"


def test_previews_and_unfinished_ones_are_in_the_list(tool):
    tool.do("preview", score=10)
    rows = everything(tool)
    assert {row["collection_mode"] for row in rows} == {"default", "survey_preview"}
    assert {row["response_status"] for row in rows} == {"completed", "partial"}
    assert {row["response_status"] for row in everything(tool, status="completed")} == {"completed"}


def test_a_day_has_five_hundred_calls_and_each_reply_tells_what_is_left(tool):
    tool.do("set", per_minute=3, per_day=4)
    replies = [tool.get("/v3/surveys") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert replies[-1].json["error"]["id"] == "1040"
    assert replies[2].headers["x-ratelimit-app-global-day-remaining"] == "1"
    assert 0 < int(replies[-1].headers["x-ratelimit-app-global-minute-reset"]) <= 60
    tool.advance(60)
    assert [tool.get("/v3/surveys").status for _ in range(2)] == [200, 429]
    tool.advance(86_400)
    assert tool.get("/v3/surveys").status == 200


def test_surveys_and_what_is_not_there(tool):
    listed = tool.get("/v3/surveys", include="date_modified", sort_by="date_modified").json["data"]
    assert [one["id"] for one in listed] == ["509001", "509002"]
    assert "date_modified" in listed[0]
    assert tool.get("/v3/surveys/1/responses/bulk").status == 404
    assert tool.get("/v3/pages").json["error"]["http_status_code"] == 404
    assert tool.call("GET", "/v3/surveys", headers={"authorization": "bearer guess"}).status == 401


# ---------------------------------------------------------------- pushed


def test_the_known_answer():
    body = b'{"event_type":"response_completed","object_id":"123456"}'
    assert signature("CLIENT", "SECRET", body) == "7HJk0YUGpxVaoCqK6Undr3tLC6w="


def test_a_webhook_tells_ids_after_its_address_answered(tool):
    with post_box() as box:
        tool.do("webhook", url=box.url, events=["response_completed", "response_updated", "response_deleted"])
        tool.settle()
        assert [got.method for got in box.take()] == ["HEAD"] * 3
        made = tool.do("answer", email="ann@unit.example", score=9, comment="Secret")
        tool.do("edit", id=made["id"], score=2)
        tool.control("DELETE", f"/surveymonkey/responses/{made['id']}")
        tool.settle()
        got = box.take()
    told = [one.json() for one in got]
    assert {one["event_type"] for one in told} == {
        "response_completed",
        "response_updated",
        "response_deleted",
    }
    assert {one["object_id"] for one in told} == {made["id"]}
    assert not any(b"Secret" in one.body or b"ann@" in one.body for one in got)
    client = tool.env["SURVEYMONKEY_CLIENT_ID"], tool.env["SURVEYMONKEY_CLIENT_SECRET"]
    assert all(one.headers["sm-signature"] == signature(*client, one.body) for one in got)


def test_a_webhook_over_the_api_is_for_its_surveys_and_its_address_once(tool):
    with post_box() as box:
        body = {
            "name": "crm",
            "event_type": "response_completed",
            "object_type": "survey",
            "object_ids": ["509002"],
        }
        body["subscription_url"] = box.url
        assert tool.post("/v3/webhooks", body).status == 201
        assert tool.post("/v3/webhooks", body).status == 409
        assert tool.post("/v3/webhooks", body | {"event_type": "moon"}).status == 400
        tool.settle()
        tool.do("answer", score=9)
        tool.do("answer", score=4, survey="509002")
        tool.settle()
        assert [one.json()["resources"]["survey_id"] for one in box.take()[1:]] == ["509002"]


def test_an_address_that_does_not_answer_hears_nothing(tool):
    with post_box(status=405) as box:
        tool.do("webhook", url=box.url)
        tool.settle()
        tool.do("answer", score=9)
        tool.settle()
        assert [got.method for got in box.take()] == ["HEAD"]
