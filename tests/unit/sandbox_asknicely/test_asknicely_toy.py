"""The toy AskNicely: questions in the path, numbers as texts, and long lists on a host that wants no key."""

import pytest
from toy_caller import ToyCaller


@pytest.fixture(scope="module")
def tool():
    return ToyCaller(
        "asknicely",
        customers=30,
        responses=70,
        limits={"per_10s": 0, "per_60s": 0},
        headers={"x-apikey": "{ASKNICELY_KEY}"},
    )


@pytest.fixture(autouse=True)
def clean(tool):
    yield
    tool.do("set", per_10s=0, per_60s=0, redirect_from=1000, since="by_order")
    tool.control("DELETE", "/faults")


def page(tool, number=1, size=500, since=0, rest="/answered/responded"):
    replied = tool.get(f"/api/v1/responses/asc/{size}/{number}/{since}/json{rest}?includestatustime=yes")
    assert replied.status == 200, replied.body
    return replied.json


def test_pages_and_totals_are_texts(tool):
    first = page(tool, size=9)
    numbers = range(1, int(first["totalpages"]) + 1)
    rows = [row for number in numbers for row in page(tool, number, size=9)["data"]]
    assert len({row["response_id"] for row in rows}) == len(rows) == int(first["total"])
    assert [int(row["responded"]) for row in rows] == sorted(int(row["responded"]) for row in rows)
    assert (first["pagenumber"], first["pagesize"], first["success"]) == ("1", "9", True)
    assert {type(row["answer"]) for row in rows} == {str}
    assert {row["question_type"] for row in rows} == {"nps", "csat"}


def test_a_time_is_a_part_of_the_path(tool):
    rows = page(tool)["data"]
    middle = int(rows[len(rows) // 2]["responded"])
    assert [row["response_id"] for row in page(tool, since=middle)["data"]] == [
        row["response_id"] for row in rows if int(row["responded"]) >= middle
    ]
    until = page(tool, rest=f"/answered/responded/{middle}")["data"]
    assert {int(row["responded"]) <= middle for row in until} == {True}
    tool.do("set", since="sent")
    sent = page(tool, since=middle)["data"]
    assert {int(row["sent"]) >= middle for row in sent} == {True}


def test_who_was_asked_and_has_not_answered_is_raw(tool):
    asked = tool.do("ask", email="waits@unit.example", first_name="Will")
    assert asked["id"] not in {row["response_id"] for row in page(tool)["data"]}
    row = next(row for row in page(tool, rest="/raw")["data"] if row["response_id"] == asked["id"])
    assert (row["status"], row["answer"], row["responded"], row["name"]) == ("sent", "", "0", "Will")


def test_a_customer_answers_with_their_own_fields(tool):
    made = tool.do("answer", email="ann@unit.example", external_id="C-1", score=9, comment="Good")
    row = next(row for row in page(tool)["data"] if row["response_id"] == made["id"])
    assert (row["answer"], row["answerlabel"], row["customer_id_c"], row["comment"]) == (
        "9",
        "Promoter",
        "C-1",
        "Good",
    )


def test_a_long_list_lies_on_another_host_that_must_not_get_the_key(tool):
    tool.do("set", redirect_from=40)
    path = "/api/v1/responses/asc/{}/1/0/json/answered/responded"
    moved = tool.get(path.format(500))
    address = moved.headers["location"]
    assert (moved.status, address.startswith("http://localhost/")) == (302, True)
    with_key = tool.get(address)
    assert (with_key.status, "key was sent" in with_key.json["error"]) == (400, True)
    del tool.headers["x-apikey"]
    assert len(tool.get(address).json["data"]) >= 40
    tool.headers["x-apikey"] = tool.env["ASKNICELY_KEY"]
    assert tool.get(path.format(39)).status == 200
    tool.do("set", redirect_from=1000)
    tool.fault("redirect")
    assert tool.get(path.format(5)).status == 302


def test_two_budgets_at_once(tool):
    tool.do("set", per_10s=2, per_60s=3)
    path = "/api/v1/responses/asc/5/1/0/json"
    tool.advance(60 - tool.sandbox.house.clock.time() % 60 + 0.01)
    replies = [tool.get(path) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[0].headers["ratelimit-req60s-remaining"] == "2"
    assert 0 < int(replies[-1].headers["retry-after"]) <= 61
    tool.advance(10)
    assert tool.get(path).status == 429
    tool.advance(50)
    assert tool.get(path).status == 200


def test_what_cannot_be_asked_is_refused(tool):
    assert tool.call("GET", "/api/v1/responses/asc/5/1/0/json", headers={"x-apikey": "guess"}).status == 401
    for path in (
        "up/5/1/0/json",
        "asc/50001/1/0/json",
        "asc/5/0/0/json",
        "asc/5/1/0/xml",
        "asc/5/1/0/json/all",
    ):
        assert tool.get(f"/api/v1/responses/{path}").status == 400
    assert tool.get("/api/v1/people").json["success"] is False
