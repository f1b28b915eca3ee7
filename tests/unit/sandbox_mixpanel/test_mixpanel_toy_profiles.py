"""The toy Mixpanel's profiles: 200 says little, a wrong token says nothing, and queries are few."""

import base64
import gzip
import json
from urllib.parse import urlencode

import pytest
from toy_caller import ToyCaller


@pytest.fixture
def toy():
    opened = ToyCaller("mixpanel", customers=60)
    login = f"{opened.env['MIXPANEL_USER']}:{opened.env['MIXPANEL_SECRET']}"
    opened.headers["authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    opened.do("set", per_second=1_000)
    return opened


def update(toy, id, **operations):
    wanted = {f"${name}": given for name, given in operations.items()}
    return {"$token": toy.env["MIXPANEL_TOKEN"], "$distinct_id": id, **wanted}


def engage(toy, *updates, **query):
    return toy.call("POST", "/engage", list(updates), **{"ip": "0", **query})


def known(toy):
    return toy.rows("profiles")[0]["id"]


def held(toy, id, object="profiles"):
    return toy.control("GET", f"/mixpanel/{object}/{id}")["properties"]


def query(toy, project=None, **form):
    asked = urlencode({"project_id": project or toy.env["MIXPANEL_PROJECT"]})
    body = urlencode({name: v if isinstance(v, str) else json.dumps(v) for name, v in form.items()}).encode()
    return toy.call("POST", f"/api/query/engage?{asked}", raw=body)


def ids(toy, **form):
    reply = query(toy, **form)
    assert reply.status == 200, reply.body
    return {row["$distinct_id"] for row in reply.json["results"]}


def test_an_update_sets_its_properties_and_leaves_the_others(toy):
    id = known(toy)
    name = held(toy, id)["$name"]
    reply = engage(toy, update(toy, id, set={"NPS Score": 0, "NPS Segment": "detractor"}))
    assert (reply.status, reply.body) == (200, b"1")
    assert (held(toy, id)["NPS Score"], held(toy, id)["$name"]) == (0, name)


def test_a_profile_that_is_missing_is_made(toy):
    assert engage(toy, update(toy, "ghost", set={"NPS Score": 9})).body == b"1"
    assert held(toy, "ghost") == {"NPS Score": 9}
    assert engage(toy, update(toy, "nobody", unset=["NPS Score"])).body == b"1"
    assert "nobody" not in {row["id"] for row in toy.rows("profiles")}


def test_whoever_does_not_use_the_product_has_no_profile(toy):
    assert 0 < len(toy.rows("profiles")) < 60


def test_one_valid_update_makes_the_reply_1_whatever_the_others_are(toy):
    bad = {"$token": toy.env["MIXPANEL_TOKEN"], "$set": {"NPS Score": 9}}
    good = update(toy, "good", set={"NPS Score": 9})
    assert engage(toy, bad, good).body == b"1"
    assert engage(toy, bad, bad).body == b"0"
    assert engage(toy, bad, verbose="1").json["status"] == 0
    assert engage(toy, bad, good, verbose="1").json == {"status": 1, "error": None}


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"$distinct_id": None}, "$distinct_id"),
        ({"$distinct_id": 7}, "$distinct_id"),
        ({"$token": ""}, "$token"),
        ({"$set": ["NPS Score"]}, "$set"),
        ({"$put": {"NPS Score": 1}}, "$put"),
        ({"$add": {"NPS Score": "1"}}, "$add"),
        ({"$set": {"NPS Comment": "x" * 1_000_001}}, ""),
    ],
)
def test_strict_names_what_is_wrong_and_takes_the_rest(toy, broken, field):
    wrong = {**update(toy, "bad", set={"NPS Score": 1}), **broken}
    reply = engage(toy, update(toy, "good", set={"NPS Score": 9}), wrong, strict="1")
    assert (reply.status, reply.json["num_records_imported"]) == (400, 1)
    assert [(one["index"], one["field"]) for one in reply.json["failed_records"]] == [(1, field)]
    assert held(toy, "good") == {"NPS Score": 9}
    assert engage(toy, update(toy, "good", set={"NPS Score": 9}), strict="1").json["failed_records"] == []


@pytest.mark.parametrize(("shape", "said"), [("plain", 1), ("verbose", {"status": 1, "error": None})])
def test_strict_may_answer_in_another_shape(toy, shape, said):
    toy.do("set", strict_shape=shape)
    reply = engage(toy, update(toy, "good", set={"a": 1}), {}, strict="1")
    assert (reply.status, reply.json) == (200, said)


def test_a_token_that_is_not_the_projects_is_thanked_and_nothing_is_kept(toy):
    reply = engage(toy, {**update(toy, "lost", set={"NPS Score": 9}), "$token": "another"}, strict="1")
    assert (reply.status, reply.json["failed_records"]) == (200, [])
    assert "lost" not in {row["id"] for row in toy.rows("profiles")}


def test_the_wrong_region_is_thanked_too_and_a_query_says_so(toy):
    toy.do("set", lives_elsewhere=True)
    assert engage(toy, update(toy, "lost", set={"NPS Score": 9})).body == b"1"
    assert "lost" not in {row["id"] for row in toy.rows("profiles")}
    assert query(toy, distinct_ids=["lost"]).status == 400


def test_a_dropped_update_counts_as_taken(toy):
    toy.fault("dropped", path="u-1")
    assert engage(toy, update(toy, "u-1", set={"a": 1}), update(toy, "u-2", set={"a": 1})).body == b"1"
    made = {row["id"] for row in toy.rows("profiles")}
    assert (made & {"u-1", "u-2"}) == {"u-2"}


def test_a_refused_update_is_named_by_strict_and_by_nothing_else(toy):
    toy.fault("refused", path="u-1", times=None)
    updates = update(toy, "u-2", set={"a": 1}), update(toy, "u-1", set={"a": 1})
    assert [one["index"] for one in engage(toy, *updates, strict="1").json["failed_records"]] == [1]
    assert engage(toy, *updates).body == b"1"
    assert "u-1" not in {row["id"] for row in toy.rows("profiles")}


def test_without_ip_0_the_person_moves_to_our_server(toy):
    id = known(toy)
    city = held(toy, id)["$city"]
    engage(toy, update(toy, id, set={"a": 1}))
    assert held(toy, id)["$city"] == city
    engage(toy, update(toy, id, set={"a": 1}), ip="1")
    assert held(toy, id)["$city"] == "Ashburn" != city


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 200), (2_000, 200), (2_001, 400)])
def test_a_batch_is_1_to_2000_updates(toy, count, status):
    assert engage(toy, *[update(toy, "u-1", add={"n": 1})] * count).status == status
    if status == 200:
        assert held(toy, "u-1") == {"n": count}


def test_a_batch_is_plain_json(toy):
    body = json.dumps([update(toy, "u-1", set={"a": 1})]).encode()
    toy.headers["content-encoding"] = "gzip"
    assert toy.call("POST", "/engage", raw=gzip.compress(body)).status == 400
    del toy.headers["content-encoding"]
    assert toy.call("POST", "/engage", raw=b"{}").status == 400
    toy.headers["content-type"] = "application/x-www-form-urlencoded"
    assert toy.call("POST", "/engage", raw=body).status == 400


def test_the_operations(toy):
    for operations in (
        {"set": {"a": 1, "b": [1], "c": "x"}},
        {"set_once": {"a": 9, "d": 4}},
        {"add": {"a": 2}},
        {"append": {"b": 1}},
        {"union": {"b": [1, 2]}},
        {"remove": {"b": 1}},
        {"unset": ["c"]},
    ):
        assert engage(toy, update(toy, "u-1", **operations)).body == b"1"
    assert held(toy, "u-1") == {"a": 3, "b": [2], "d": 4}
    engage(toy, update(toy, "u-1", delete=""))
    assert "u-1" not in {row["id"] for row in toy.rows("profiles")}


def test_companies_are_groups(toy):
    token = toy.env["MIXPANEL_TOKEN"]
    group = {"$token": token, "$group_key": "company", "$group_id": "A-9", "$set": {"NPS": 40}}
    assert toy.call("POST", "/groups", [group]).body == b"1"
    assert held(toy, "A-9", "groups") == {"NPS": 40}
    assert toy.call("POST", "/groups", [{**group, "$group_key": "team"}]).body == b"0"
    assert {one["properties"].get("Company") for one in toy.rows("profiles")} <= {
        None,
        *(one["id"] for one in toy.rows("groups")),
    }


@pytest.mark.parametrize(
    ("where", "who"),
    [
        ('properties["$email"] == "jo@unit.example"', {"u-1", "u-2"}),
        ('properties["$email"] == "jo@unit.example" and properties["n"] >= 2', {"u-2"}),
        ('properties["n"] == 1 or properties["n"] == 3', {"u-1", "u-3"}),
        ('"unit" in properties["$email"] and not (properties["n"] < 2)', {"u-2"}),
        ('defined(user["odd \\"name\\""])', {"u-3"}),
        ('properties["flag"] == true', {"u-3"}),
        ('properties["n"] == true', set()),
        ('properties["$email"] == "JO@unit.example"', set()),
    ],
)
def test_a_query_takes_a_where(toy, where, who):
    for one in toy.rows("profiles"):
        toy.control("DELETE", f"/mixpanel/profiles/{one['id']}")
    engage(
        toy,
        update(toy, "u-1", set={"$email": "jo@unit.example", "n": 1}),
        update(toy, "u-2", set={"$email": "jo@unit.example", "n": 2}),
        update(toy, "u-3", set={'odd "name"': 1, "n": 3, "flag": True}),
    )
    assert ids(toy, where=where) == who


@pytest.mark.parametrize("where", ['properties["a"', "a == b", 'properties["a"] ==', "(true", "true true"])
def test_a_where_that_cannot_be_read_is_a_400(toy, where):
    assert query(toy, where=where).status == 400


def test_a_query_by_ids_answers_whom_it_knows_with_the_properties_asked_for(toy):
    id = known(toy)
    engage(toy, update(toy, id, set={"NPS Score": 9}))
    asked = {"distinct_ids": [id, "nobody"], "output_properties": ["NPS Score", "none"]}
    reply = query(toy, **asked).json
    assert reply["results"] == [{"$distinct_id": id, "$properties": {"NPS Score": 9}}]
    assert (reply["page_size"], reply["total"], reply["page"]) == (1_000, 1, 0)
    toy.do("cohort", url="http://127.0.0.1:9/hook", id="7")
    toy.do("sync", id="7", members=[{"mixpanel_distinct_id": id}])
    assert ids(toy, filter_by_cohort={"id": 7}) == {id}


def test_pages_of_a_session_hold_who_was_found_first(toy):
    engage(toy, *[update(toy, f"u-{n:04d}", set={"batch": 1}) for n in range(1_500)])
    first = query(toy, where='properties["batch"] == 1').json
    toy.control("DELETE", "/mixpanel/profiles/u-0000")
    second = query(toy, session_id=first["session_id"], page="1").json
    assert [len(first["results"]), len(second["results"]), second["total"]] == [1_000, 500, 1_500]
    assert query(toy, session_id=first["session_id"], page="2").json["results"] == []
    assert query(toy, session_id="guess", page="1").status == 400


def test_queries_need_the_service_account_and_are_60_an_hour(toy):
    assert query(toy, project="1").status == 400
    login = toy.headers.pop("authorization")
    assert query(toy, distinct_ids=[]).status == 401
    toy.headers["authorization"] = login
    statuses = [query(toy, distinct_ids=[]).status for _ in range(61)]
    assert (statuses[59], statuses[60]) == (200, 429)
    toy.advance(3_601)
    assert query(toy, distinct_ids=[]).status == 200


def test_the_pages_of_people_and_companies_show_what_was_written(toy):
    id = known(toy)
    engage(
        toy, update(toy, id, set={"NPS Score": 9, "NPS Segment": "promoter", "NPS Last Survey": "2026-11-02"})
    )
    page = toy.page(f"/mixpanel/record/{id}")
    assert "promoter" in page
    assert "2026-11-02" in page
    assert id in toy.page("/")
    group = toy.rows("groups")[0]["id"]
    assert group in toy.page(f"/mixpanel/record/{group}")
    assert id in toy.page("/look/mixpanel/")
