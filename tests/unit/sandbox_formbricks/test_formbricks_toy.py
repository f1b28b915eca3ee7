"""The toy Formbricks: responses by the time they were updated, stamps that many share, and standard webhooks."""

import pytest
from post_box import post_box
from toy_caller import ToyCaller

from sandbox.formbricks.webhooks import SECRET, signature


@pytest.fixture(scope="module")
def tool():
    return ToyCaller(
        "formbricks",
        customers=30,
        responses=60,
        limits={"per_minute": 0},
        headers={"x-api-key": "{FORMBRICKS_KEY}"},
    )


@pytest.fixture(autouse=True)
def clean(tool):
    yield
    tool.do("set", per_minute=0, enterprise=True, ties="kept")
    tool.hang_up()


def listed(tool, **query):
    replied = tool.get("/api/v2/management/responses", **query)
    assert replied.status == 200, replied.body
    return replied.json["data"]


UPDATED = {"sortBy": "updatedAt", "order": "asc", "filterDateField": "updatedAt"}


def test_responses_are_read_on_by_offset_or_from_the_last_stamp(tool):
    pages = [listed(tool, limit=25, skip=skip, **UPDATED) for skip in (0, 25, 50, 75)]
    rows = [row for page in pages for row in page]
    stamps = [row["updatedAt"] for row in rows]
    assert stamps == sorted(stamps)
    assert len({row["id"] for row in rows}) == len(rows) == len(tool.rows())
    on = listed(tool, limit=250, startDate=stamps[30], **UPDATED)
    assert on[0]["updatedAt"] == stamps[30]
    assert [row["id"] for row in on] == [row["id"] for row in rows if row["updatedAt"] >= stamps[30]]
    until = listed(tool, limit=250, endDate=stamps[30], **UPDATED)
    assert until[-1]["updatedAt"] == stamps[30]


def test_the_newest_come_first_and_fifty_of_them_unless_told(tool):
    tool.do("import", count=60)
    rows = listed(tool)
    assert len(rows) == 50
    assert rows[0]["createdAt"] >= rows[-1]["createdAt"]


def test_an_import_gives_many_one_stamp_and_offsets_between_them_may_lose_some(tool):
    tool.do("import", count=40, at="2020-01-01T00:00:00Z")
    window = {**UPDATED, "endDate": "2020-01-02T00:00:00Z", "limit": 10}
    assert len({row["updatedAt"] for row in listed(tool, **window | {"limit": 250})}) == 1
    kept = [row["id"] for skip in range(0, 40, 10) for row in listed(tool, skip=skip, **window)]
    assert len(set(kept)) == 40
    tool.do("set", ties="shuffled")
    shuffled = [row["id"] for skip in range(0, 40, 10) for row in listed(tool, skip=skip, **window)]
    assert len(set(shuffled)) < 40


def test_an_answer_moves_on_while_somebody_gives_it(tool):
    score, comment = tool.env["FORMBRICKS_SCORE"], tool.env["FORMBRICKS_COMMENT"]
    made = tool.do("answer", email="ann@unit.example", external_id="C-1", score=9, finished=False)
    first = tool.get(f"/api/v2/management/responses/{made['id']}").json["data"]
    assert (first["data"], first["finished"]) == ({score: 9}, False)
    assert first["contactAttributes"] == {"email": "ann@unit.example", "userId": "C-1"}
    tool.advance(5)
    tool.do("edit", id=made["id"], comment="Good", finished=True)
    (row,) = listed(tool, startDate=first["updatedAt"].replace("Z", "+00:00"), limit=1, sortBy="updatedAt")
    assert (row["data"][comment], row["finished"], row["updatedAt"] > first["updatedAt"]) == (
        "Good",
        True,
        True,
    )
    tool.do("answer", score=9)
    assert listed(tool, limit=1)[0]["contactAttributes"] is None


def test_the_first_version_has_no_time_but_contacts(tool):
    survey = tool.env["FORMBRICKS_SURVEY"]
    assert len(tool.get("/api/v1/management/responses", surveyId=survey).json["data"]) == 25
    every = tool.get("/api/v1/management/responses").json["data"]
    assert len(every) == len(tool.rows())
    known = next(row for row in every if row["contact"])
    found = tool.get(f"/api/v1/management/contacts/{known['contactId']}").json["data"]
    assert found["attributes"]
    tool.do("set", enterprise=False)
    assert tool.get(f"/api/v1/management/contacts/{known['contactId']}").status == 403
    kinds = [one["questions"][0]["type"] for one in tool.get("/api/v1/management/surveys").json["data"]]
    assert kinds == ["nps", "csat"]


def test_each_version_has_its_own_minute(tool):
    tool.do("set", per_minute=1)
    replies = [tool.get(f"/api/{version}/management/responses") for version in ("v2", "v1", "v2")]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert "retry-after" not in replies[-1].headers


def test_a_response_is_deleted_without_a_trace(tool):
    id = tool.add(score=1)
    assert tool.call("DELETE", f"/api/v2/management/responses/{id}").status == 200
    assert tool.get(f"/api/v2/management/responses/{id}").status == 404


def test_what_cannot_be_asked_is_refused(tool):
    for query in (
        {"limit": 251},
        {"order": "up"},
        {"filterDateField": "born"},
        {"startDate": "soon"},
        {"skip": -1},
    ):
        assert tool.get("/api/v2/management/responses", **query).status == 400
    assert tool.call("GET", "/api/v2/management/responses", headers={"x-api-key": "guess"}).status == 401


# ---------------------------------------------------------------- pushed


def test_the_known_answer():
    secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    told = signature(secret, "msg_1", 1704547200, b'{"event":"responseFinished"}')
    assert told == "v1,0wbPxlXZU1/vnsL6s4jqqs0VdGOqE33N7e78J024Juo="


def test_each_step_of_an_answer_is_pushed_and_signed(tool):
    with post_box() as box:
        tool.do("webhook", url=box.url, old_secrets=["whsec_b2xkLXNlY3JldA=="])
        made = tool.do("answer", email="ann@unit.example", score=9, finished=False)
        tool.do("edit", id=made["id"], comment="Good", finished=True)
        tool.settle()
        got = box.take()
    assert sorted(one.json()["event"] for one in got) == [
        "responseCreated",
        "responseFinished",
        "responseUpdated",
    ]
    for one in got:
        id, at = one.headers["webhook-id"], int(one.headers["webhook-timestamp"])
        signatures = one.headers["webhook-signature"].split(" ")
        assert signatures[0] == signature(SECRET, id, at, one.body)
        assert signatures[1] == signature("whsec_b2xkLXNlY3JldA==", id, at, one.body)
    finished = next(one.json()["data"] for one in got if one.json()["event"] == "responseFinished")
    assert (finished["contact"]["id"], finished["survey"]["title"]) == (made["person"], "Relationship")


def test_an_id_stays_through_three_attempts_and_the_time_is_new_each_time(tool):
    with post_box(status=500) as box:
        tool.do("webhook", url=box.url, events=["responseCreated"])
        tool.do("answer", score=9)
        for _ in range(4):
            tool.settle()
            tool.advance(11)
        got = box.take()
    assert len(got) == 3
    assert len({one.headers["webhook-id"] for one in got}) == 1
    assert len({one.headers["webhook-timestamp"] for one in got}) == 3


def test_a_webhook_over_the_api_tells_its_secret_once(tool):
    with post_box() as box:
        body = {"name": "crm", "url": box.url, "triggers": ["responseFinished"], "surveyIds": []}
        made = tool.post("/api/v2/management/webhooks", body)
        assert (made.status, made.json["data"]["secret"].startswith("whsec_")) == (201, True)
        assert tool.post("/api/v2/management/webhooks", body | {"triggers": ["moon"]}).status == 400
        tool.do("answer", score=9)
        tool.settle()
        (got,) = box.take()
    at = int(got.headers["webhook-timestamp"])
    expected = signature(made.json["data"]["secret"], got.headers["webhook-id"], at, got.body)
    assert got.headers["webhook-signature"] == expected
