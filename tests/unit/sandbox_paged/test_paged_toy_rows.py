"""What rows of the paged toy look like, who may see them, and how often."""

import base64
from email.utils import parsedate_to_datetime

import pytest
from toy_caller import ToyCaller

NOON = "2026-03-01T12:00:00Z"


@pytest.fixture(scope="module")
def toy():
    return ToyCaller("paged", customers=1, responses=0)


@pytest.fixture(autouse=True)
def clean(toy):
    yield
    toy.do("reset")
    toy.do("clear")
    toy.control("DELETE", "/faults")
    toy.advance(86_400)


def only(toy, **fields):
    toy.add(created_at=NOON, **fields)
    (row,) = toy.get("/open/whole").json["responses"]
    return row


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ("iso", NOON),
        ("iso_ms", "2026-03-01T12:00:00.000Z"),
        ("iso_offset", "2026-03-01T12:00:00+00:00"),
        ("naive", "2026-03-01 12:00:00"),
        ("date", "2026-03-01"),
        ("unix_s", 1_772_366_400),
        ("unix_ms", 1_772_366_400_000),
        ("unix_text", "1772366400"),
    ],
)
def test_a_time_is_written_in_any_of_their_ways(toy, times, told):
    toy.do("set", times=times)
    assert only(toy, score=9)["created_at"] == told


@pytest.mark.parametrize(
    ("scores", "told"), [("text", ["9", "0"]), ("label", ["9", "0 - Not at all likely"])]
)
def test_a_score_may_be_a_text_or_a_label(toy, scores, told):
    toy.do("set", scores=scores)
    for score in (9, 0):
        toy.add(score=score)
    assert [row["score"] for row in toy.get("/open/whole").json["responses"]] == told


def test_two_big_ids_are_one_number_to_whoever_reads_them_as_floats(toy):
    toy.do("set", ids="big")
    for score in (1, 2, 3):
        toy.add(score=score)
    ids = [row["id"] for row in toy.get("/open/whole").json["responses"]]
    assert (len(set(ids)), len({float(id) for id in ids})) == (3, 2)


def test_a_row_may_be_anything(toy):
    row = only(toy, score=None, finished=False, type="csat", raw={"score": "n/a", "strange": [1]})
    assert (row["score"], row["finished"], row["type"], row["strange"]) == ("n/a", False, "csat", [1])


def test_whoever_answered_stands_in_the_row_beside_it_or_elsewhere(toy):
    keys = {"email": "ann@unit.example", "external_id": "C-1"}
    inline = only(toy, score=9, **keys)
    assert inline["person"] == {"id": inline["person_id"], "phone": None, "name": None, **keys}
    toy.do("set", people="beside")
    body = toy.get("/open/whole").json
    assert ("person" in body["responses"][0], [one["email"] for one in body["people"]]) == (
        False,
        [keys["email"]],
    )
    toy.do("set", people="elsewhere")
    assert "people" not in toy.get("/open/whole").json
    assert toy.get(f"/open/people/{inline['person_id']}").json["external_id"] == "C-1"
    assert toy.get("/open/people/p999").status == 404


def test_an_anonymous_answer_and_an_erased_person_name_nobody(toy):
    assert only(toy, score=9)["person_id"] is None
    id = toy.add(score=3, comment="Ann was here", email="ann@unit.example")
    toy.do("forget", id=id)
    row = toy.get(f"/open/responses/{id}").json
    assert (row["score"], row["comment"], row["person"], row["deleted"]) == (3, None, None, True)


def test_an_edit_moves_the_updated_time_and_a_change_need_not(toy):
    id = toy.add(score=3, created_at=NOON)
    toy.control("PATCH", f"/paged/responses/{id}", {"score": 4})
    assert toy.get(f"/open/responses/{id}").json["updated_at"] == NOON
    toy.do("set", compares="updated_at")
    assert toy.get("/open/whole", since="2026-04-01").json["responses"] == []
    toy.do("edit", id=id, score=8)
    (row,) = toy.get("/open/whole", since="2026-04-01").json["responses"]
    assert (row["score"], row["created_at"]) == (8, NOON)
    toy.control("DELETE", f"/paged/responses/{id}")
    assert toy.get(f"/open/responses/{id}").status == 404


@pytest.mark.parametrize("path", ["responses", "data.responses", "a.b.c", ""])
def test_rows_stand_where_the_setting_says(toy, path):
    toy.add(score=9)
    toy.do("set", rows_at=path)
    found = toy.get("/open/pages").json
    for name in filter(None, path.split(".")):
        found = found[name]
    assert [row["score"] for row in found] == [9]


def test_surveys_are_listed_and_read_by_themselves(toy):
    toy.add(score=9)
    toy.add(score=4, survey="after-support", type="csat")
    assert [one["id"] for one in toy.get("/open/surveys").json["surveys"]] == [
        "relationship",
        "after-support",
    ]
    of_one = toy.get("/open/pages/surveys/after-support").json["responses"]
    assert [row["type"] for row in of_one] == ["csat"]


def test_a_setting_that_is_not_there_or_cannot_be_is_named(toy):
    for wrong in ({"speed": 3}, {"times": "roman"}, {"page": "three"}):
        with pytest.raises(AssertionError, match="400"):
            toy.do("set", **wrong)
    assert toy.do("set")["times"] == "iso"


# ---------------------------------------------------------------- who may


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_every_door_opens_with_its_own_key_alone(toy):
    key, user = toy.env["PAGED_KEY"], toy.env["PAGED_USER"]
    headers = {
        "header": {"x-api-key": key},
        "bearer": {"authorization": f"Bearer {key}"},
        "word": {"authorization": f"Token {key}"},
        "named": {"authorization": f"api_key={key}"},
        "basic": {"authorization": basic(key, "")},
        "user-token": {"authorization": basic(f"{user}/token", key)},
    }
    for door in headers:
        statuses = {
            name: toy.call("GET", f"/{door}/pages", headers=given).status for name, given in headers.items()
        }
        assert statuses == {name: 200 if name == door else 401 for name in headers}
    assert toy.get("/query/pages", api_key=key).status == 200
    assert toy.get("/query/pages").status == 401
    assert toy.get("/cellar/pages").status == 404


def token(toy, **form):
    client = {"client_id": toy.env["PAGED_CLIENT_ID"], "client_secret": toy.env["PAGED_CLIENT_SECRET"]}
    return toy.post("/oauth/token", {"grant_type": "client_credentials", **client, **form})


def opens(toy, door, value):
    return toy.call("GET", f"/{door}/pages", headers={"authorization": value}).status == 200


def test_a_token_opens_its_door_until_it_dies(toy):
    told = token(toy).json
    access = told["access_token"]
    assert opens(toy, "oauth2", f"Bearer {access}")
    assert opens(toy, "raw", access)
    assert not opens(toy, "raw", f"Bearer {access}")
    toy.advance(told["expires_in"])
    assert not opens(toy, "oauth2", f"Bearer {access}")
    fresh = token(toy).json["access_token"]
    toy.fault("expired_token")
    assert [opens(toy, "oauth2", f"Bearer {fresh}") for _ in range(2)] == [False, False]


def test_a_refresh_token_is_good_once(toy):
    first = toy.env["PAGED_REFRESH_TOKEN"]
    told = token(toy, grant_type="refresh_token", refresh_token=first)
    assert (told.status, told.json["refresh_token"] == first) == (200, False)
    assert token(toy, grant_type="refresh_token", refresh_token=first).status == 400
    assert token(toy, grant_type="refresh_token", refresh_token=told.json["refresh_token"]).status == 200


def test_the_token_endpoint_knows_its_clients(toy):
    assert token(toy, client_secret="guess").status == 401
    assert token(toy, grant_type="password", username="x", password="y").status == 400
    assert token(toy, grant_type="magic").status == 400
    form = b"grant_type=client_credentials"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "authorization": basic(toy.env["PAGED_CLIENT_ID"], toy.env["PAGED_CLIENT_SECRET"]),
    }
    assert toy.call("POST", "/oauth/token", raw=form, headers=headers).status == 200


# ---------------------------------------------------------------- how often, and what goes wrong


@pytest.mark.parametrize(
    ("says", "header"),
    [("retry_after", "retry-after"), ("retry_date", "retry-after"), ("reset_unix", "x-ratelimit-reset")],
)
def test_a_429_tells_when_to_call_again_in_its_own_way(toy, says, header):
    toy.do("set", says=says, per_minute=1)
    toy.get("/open/pages")
    refused = toy.get("/open/pages")
    assert refused.status == 429
    told = refused.headers[header]
    now = toy.sandbox.house.clock.time()
    until = {
        "retry_after": lambda: float(told),
        "retry_date": lambda: parsedate_to_datetime(told).timestamp() - now,
        "reset_unix": lambda: float(told) - now,
    }[says]()
    assert -2 < until <= 60
    toy.advance(60)
    assert toy.get("/open/pages").status == 200


def test_a_429_may_tell_seconds_until_its_reset_or_nothing(toy):
    toy.do("set", says="reset_seconds")
    toy.fault("status", status=429, retry_after=42)
    assert toy.get("/open/pages").headers["x-ratelimit-reset"] == "42"
    toy.do("set", says="nothing")
    toy.fault("status", status=429, retry_after=42)
    assert not {"retry-after", "x-ratelimit-reset"} & set(toy.get("/open/pages").headers)


def test_a_day_has_so_many_calls_and_tells_what_is_left(toy):
    toy.do("set", per_day=2)
    replies = [toy.get("/open/pages") for _ in range(3)]
    assert [reply.headers["x-ratelimit-day-remaining"] for reply in replies] == ["1", "0", "0"]
    assert [reply.status for reply in replies] == [200, 200, 429]
    toy.advance(86_400)
    assert toy.get("/open/pages").status == 200


def test_an_error_may_hide_in_a_200(toy):
    toy.fault("error_inside", detail={"message": "Index out of range"})
    hidden, well = toy.get("/open/pages"), toy.get("/open/pages")
    assert (hidden.status, hidden.json["success"], hidden.json["error"]) == (200, False, "Index out of range")
    assert "responses" in well.json


def test_a_redirect_leads_to_another_hosts_file_that_wants_no_key(toy):
    toy.add(score=9)
    toy.do("set", redirect_above=0)
    toy.fault("redirect")
    moved = toy.get("/open/pages")
    address = moved.headers["location"]
    assert (moved.status, address.startswith("http://localhost/paged/files/")) == (302, True)
    assert toy.get(address).json["responses"][0]["score"] == 9
    with_key = toy.call("GET", address, headers={"x-api-key": toy.env["PAGED_KEY"]})
    assert with_key.status == 400
    toy.add(score=8)
    toy.do("set", redirect_above=1)
    assert toy.get("/open/pages").status == 302


def test_the_customers_answered_and_some_of_them_badly():
    toy = ToyCaller("paged", customers=60, responses=200)
    rows = toy.get("/open/whole").json["responses"]
    assert len(rows) == 200
    assert {row["type"] for row in rows} == {"nps", "csat"}
    assert {True, False} == {row["finished"] for row in rows}
    assert {None, "not applicable"} <= {row["score"] for row in rows}
    assert 5 < sum(row["person"] is None for row in rows) < 40
    assert rows == ToyCaller("paged", customers=60, responses=200).get("/open/whole").json["responses"]
    more = ToyCaller("paged", customers=5, responses=10, limits={"answers": 30})
    assert len(more.rows()) == 30
