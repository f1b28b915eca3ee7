"""The toy Apptentive: raw answers by growing ids, who gave them, and how little a key may ask."""

import pytest
from toy_caller import ToyCaller


@pytest.fixture(scope="module")
def tool():
    return ToyCaller(
        "apptentive",
        customers=40,
        responses=80,
        limits={"per_five_minutes": 0},
        headers={"x-api-key": "{APPTENTIVE_KEY}"},
    )


@pytest.fixture(autouse=True)
def clean(tool):
    yield
    defaults = {"wrapper": "responses", "has_more": True, "synthetic_ids": True, "answers": "states"}
    tool.do("set", per_five_minutes=0, **defaults)


def raw(tool, app=None, survey=None, **query):
    app, survey = app or tool.env["APPTENTIVE_APP"], survey or tool.env["APPTENTIVE_SURVEY"]
    return tool.get(f"/raw/v2/apps/{app}/surveys/{survey}/responses", **query)


def everything(tool, **query):
    """Oldest first, page by page."""
    rows, after = [], {}
    while True:
        body = raw(tool, order="asc", **query, **after).json
        rows += body["responses"]
        if not body["has_more"]:
            return rows
        after = {"starts_after": rows[-1]["id"]}


def test_pages_begin_after_the_last_row_and_ids_grow(tool):
    rows = everything(tool, page_size=7)
    ids = [row["id"] for row in rows]
    assert ids == sorted(set(ids))
    assert rows == everything(tool)
    newest = raw(tool, page_size=3).json["responses"]  # desc is what comes unasked
    assert [row["id"] for row in newest] == ids[:-4:-1]
    older = raw(tool, order="desc", starts_after=newest[-1]["id"], page_size=2).json["responses"]
    assert [row["id"] for row in older] == ids[-4:-6:-1]


def test_an_id_made_of_a_time_is_a_place_to_begin_unless_it_is_not(tool):
    rows = everything(tool)
    middle = rows[len(rows) // 2]
    made = f"{int(middle['created_at']):08x}" + "0" * 16
    assert raw(tool, order="asc", starts_after=made).json["responses"][0]["created_at"] >= int(
        middle["created_at"]
    )
    tool.do("set", synthetic_ids=False)
    assert raw(tool, order="asc", starts_after=made).status == 400
    assert raw(tool, order="asc", starts_after="7").status == 400


def test_the_end_and_the_wrapper_may_look_otherwise(tool):
    tool.do("set", wrapper="data", has_more=False)
    assert set(raw(tool).json) == {"data"}
    tool.do("set", wrapper="")
    assert isinstance(raw(tool).json, list)
    last = raw(tool, order="desc", page_size=1).json[0]["id"]
    assert raw(tool, order="asc", starts_after=last).json == []


def test_an_answer_stands_in_states_or_in_the_arrays_of_older_surveys(tool):
    score, comment = tool.env["APPTENTIVE_SCORE"], tool.env["APPTENTIVE_COMMENT"]
    tool.do("answer", email="new@unit.example", external_id="C-9", score=9, comment="In the app")
    row = everything(tool)[-1]
    assert row["answers"][score] == {"state": "answered", "value": [{"value": 9}]}
    assert row["answers"][comment] == {"state": "answered", "value": [{"value": "In the app"}]}
    tool.do("answer", score=4)
    assert everything(tool)[-1]["answers"][comment] == {"state": "empty"}
    tool.do("set", answers="arrays")
    assert everything(tool)[-1]["answers"] == {score: [{"value": 4}]}


def test_a_person_is_looked_up_or_nobody(tool):
    app = tool.env["APPTENTIVE_APP"]
    tool.do("answer", email="known@unit.example", external_id="C-8", first_name="Ann", score=9)
    known = tool.get(f"/raw/v2/apps/{app}/people/{everything(tool)[-1]['person_id']}").json
    assert (known["email"], known["name"], known["custom_data"]["customer_id"]) == (
        "known@unit.example",
        "Ann",
        "C-8",
    )
    tool.do("answer", score=2)
    stranger = tool.get(f"/raw/v2/apps/{app}/people/{everything(tool)[-1]['person_id']}").json
    assert (stranger["email"], stranger["custom_data"]) == (None, {})
    assert tool.get(f"/raw/v2/apps/{app}/people/5e0000000000000000009999").status == 404
    people = tool.get(f"/raw/v2/apps/{app}/people", order="asc", page_size=10).json
    assert (len(people["people"]), people["has_more"]) == (10, True)


def test_the_customers_answered_in_two_apps_and_many_said_nothing_of_themselves(tool):
    apps = [one["id"] for one in tool.get("/metrics/v2/apps").json["apps"]]
    surveys = [one["id"] for one in tool.get(f"/metrics/v2/apps/{apps[0]}/stats/surveys").json["surveys"]]
    rows = [
        row
        for app in apps
        for survey in surveys
        for row in raw(tool, app, survey, page_size=100).json["responses"]
    ]
    assert len(rows) == len(tool.rows()) >= 80
    assert sum(row["person"] is None for row in tool.rows()) >= 20
    counts = tool.get(f"/metrics/v2/apps/{apps[0]}/stats/surveys").json["surveys"][0]["response_count"]
    assert counts == len(raw(tool, apps[0], surveys[0], page_size=100).json["responses"])


def test_a_definition_tells_which_question_is_the_scale(tool):
    app, survey = tool.env["APPTENTIVE_APP"], tool.env["APPTENTIVE_SURVEY"]
    questions = tool.get(f"/experimental/v2/apps/{app}/surveys/{survey}").json["questions"]
    scale = next(one for one in questions if one["type"] == "range")
    assert (scale["id"], scale["min"], scale["max"]) == (tool.env["APPTENTIVE_SCORE"], 0, 10)
    assert len(tool.get(f"/experimental/v2/apps/{app}/surveys").json["surveys"]) == 2


def test_texts_and_figures_of_one_survey(tool):
    app, survey, comment = (tool.env[f"APPTENTIVE_{name}"] for name in ("APP", "SURVEY", "COMMENT"))
    of_survey = f"/metrics/v2/apps/{app}/survey/{survey}"
    texts = tool.get(f"{of_survey}/question/{comment}/responses", limit=2).json
    assert (len(texts["responses"]), texts["total"] > 2) == (2, True)
    assert tool.get(f"{of_survey}/question/{comment}/responses", limit=2000).status == 400
    assert tool.get(f"{of_survey}/stats").json["response_count"] == len(
        raw(tool, page_size=100).json["responses"]
    )
    assert tool.get(f"/raw/v2/apps/{app}/conversations").json["conversations"][0]["app_id"] == app


def test_a_key_has_a_hundred_calls_in_five_minutes_and_no_word_when_to_come_back(tool):
    tool.do("set", per_five_minutes=100)
    statuses = [tool.get("/info").status for _ in range(101)]
    assert (statuses[0], statuses[99], statuses[100]) == (200, 200, 429)
    assert "retry-after" not in tool.get("/info").headers
    tool.advance(300)
    assert tool.get("/info").status == 200


def test_no_key_no_answer_and_what_is_not_there_is_said(tool):
    assert tool.call("GET", "/info", headers={"x-api-key": "guess"}).status == 401
    assert raw(tool, app="5f1a00000000000000000fff").status == 404
    assert raw(tool, survey="5f1d00000000000000000fff").status == 404
    assert raw(tool, order="sideways").status == 400
    assert raw(tool, page_size=0).status == 400


def test_an_edit_a_removal_and_a_forgotten_person(tool):
    made = tool.do("answer", customer=7, score=3, comment="Slow")
    assert (
        made["email"]
        == next(one for one in tool.sandbox.house.world.customers() if one.number == 7).survey_email
    )
    tool.do("edit", id=made["id"], score=8)
    row = everything(tool)[-1]
    assert row["answers"][tool.env["APPTENTIVE_SCORE"]]["value"] == [{"value": 8}]
    tool.do("forget", id=made["id"])
    assert tool.control("GET", f"/apptentive/responses/{made['id']}")["comment"] is None
    tool.control("DELETE", f"/apptentive/responses/{made['id']}")
    assert made["id"] not in {row["id"] for row in everything(tool)}


def test_people_see_the_latest_answers(tool):
    tool.do("answer", email="seen@unit.example", score=10, comment="On and on. " * 100)
    page = tool.page("/look/apptentive/")
    assert "seen@unit.example" in page
    assert f"{tool.sandbox.house.clock.now():%Y-%m-%d}" in page
    assert 5 < page.count("On and on.") < 20
