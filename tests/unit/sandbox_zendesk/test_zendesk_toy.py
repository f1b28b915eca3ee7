"""The toy Zendesk: ratings by cursor, a wall for offsets, and requesters beside them."""

import base64

import pytest
from toy_caller import ToyCaller

RATINGS = "/api/v2/satisfaction_ratings"


@pytest.fixture(scope="module")
def tool():
    opened = ToyCaller("zendesk", customers=30, responses=70, limits={"per_minute": 0})
    key = f"{opened.env['ZENDESK_EMAIL']}/token:{opened.env['ZENDESK_TOKEN']}"
    opened.headers["authorization"] = "Basic " + base64.b64encode(key.encode()).decode()
    return opened


@pytest.fixture(autouse=True)
def clean(tool):
    yield
    tool.do("set", per_minute=0, offset_pages=100, compares="created_at")


def page(tool, path=RATINGS, **query):
    replied = tool.get(
        path, **{name.replace("__", "[") + ("]" if "__" in name else ""): one for name, one in query.items()}
    )
    assert replied.status == 200, replied.body
    return replied.json


def everything(tool, **query):
    body = page(tool, page__size=9, **query)
    rows = body["satisfaction_ratings"]
    while body["meta"]["has_more"]:
        body = tool.get(body["links"]["next"]).json
        rows += body["satisfaction_ratings"]
    return rows


def test_a_cursor_leads_through_all_ratings(tool):
    rows = everything(tool)
    assert len({row["id"] for row in rows}) == len(rows) == len(tool.rows())
    assert {row["score"] for row in rows} == {"good", "bad", "offered"}
    received = everything(tool, score="received")
    assert {row["score"] for row in received} == {"good", "bad"}
    after = page(tool, page__size=5)["meta"]["after_cursor"]
    second = page(tool, page__size=5, page__after=after)["satisfaction_ratings"]
    assert [row["id"] for row in second] == [row["id"] for row in rows[5:10]]


def test_offsets_end_at_a_wall(tool):
    first = page(tool, per_page=9)
    assert (first["count"], first["previous_page"]) == (len(tool.rows()), None)
    assert len(tool.get(first["next_page"]).json["satisfaction_ratings"]) == 9
    tool.do("set", offset_pages=3)
    assert tool.get(RATINGS, page=3, per_page=9).status == 200
    assert tool.get(RATINGS, page=4, per_page=9).status == 400


def test_who_rated_stands_beside_the_ratings_or_is_looked_up(tool):
    made = tool.do(
        "answer", email="ann@unit.example", external_id="C-1", first_name="Ann", score=1, comment="Fast"
    )
    body = page(tool, f"{RATINGS}.json", page__size=100, include="users", start_time=int(made["created_at"]))
    (rating,) = body["satisfaction_ratings"]
    (user,) = body["users"]
    assert (rating["score"], rating["comment"], rating["requester_id"]) == ("good", "Fast", user["id"])
    assert (user["email"], user["external_id"]) == ("ann@unit.example", "C-1")
    assert tool.get(f"/api/v2/users/{user['id']}").json["user"] == user
    many = tool.get("/api/v2/users/show_many.json", ids=f"{user['id']},1").json
    assert many["users"] == [user]
    visitor = next(
        row
        for row in everything(tool)
        if row["requester_id"] > 370_000_300_000 or row["requester_id"] < 370_000_200_000
    )
    assert tool.get(f"/api/v2/users/{visitor['requester_id']}").json["user"]["email"] is None
    tool.do("forget", id=made["id"])
    assert tool.get(f"/api/v2/users/{user['id']}").status == 404


def test_a_rater_changes_their_mind(tool):
    made = tool.do("answer", email="bob@unit.example", score=1)
    tool.advance(3600)
    tool.do("edit", id=made["id"], score=0)
    rating = page(tool, f"{RATINGS}/{made['id']}")["satisfaction_rating"]
    assert (rating["score"], rating["reason_id"], rating["updated_at"] > rating["created_at"]) == (
        "bad",
        1000,
        True,
    )
    later = int(tool.sandbox.house.clock.time()) - 60
    assert made["id"] not in {str(row["id"]) for row in everything(tool, start_time=later)}
    tool.do("set", compares="updated_at")
    assert made["id"] in {str(row["id"]) for row in everything(tool, start_time=later)}


def test_keys_minutes_and_wrong_questions(tool):
    oauth = {"authorization": f"Bearer {tool.env['ZENDESK_OAUTH_TOKEN']}"}
    assert tool.call("GET", RATINGS, headers=oauth).status == 200
    without = (
        "Basic "
        + base64.b64encode(f"{tool.env['ZENDESK_EMAIL']}:{tool.env['ZENDESK_TOKEN']}".encode()).decode()
    )
    assert tool.call("GET", RATINGS, headers={"authorization": without}).status == 401
    for query in ({"score": "great"}, {"page[size]": 101}, {"page[after]": "guess"}, {"start_time": "soon"}):
        assert tool.get(RATINGS, **query).status == 400
    assert tool.get("/api/v2/users/show_many", ids="me").status == 400
    assert tool.get(f"{RATINGS}/1").status == tool.get("/api/v2/tickets").status == 404
    tool.do("set", per_minute=1)
    tool.advance(60)
    replies = [tool.get(RATINGS) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 429]
    assert (replies[0].headers["x-rate-limit"], 0 < int(replies[1].headers["retry-after"]) <= 61) == (
        "1",
        True,
    )
