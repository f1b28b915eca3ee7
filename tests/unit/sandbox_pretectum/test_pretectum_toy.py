"""The toy Pretectum: a raw token, versions, values that do not fit, and a search that finds too much."""

from urllib.parse import quote

import pytest
from toy_caller import ToyCaller

US, EU = "US Customers", "EU Customers"


@pytest.fixture
def toy():
    opened = ToyCaller("pretectum", customers=60)
    opened.headers["authorization"] = token(opened).json["access_token"]
    return opened


def token(toy, path="/oauth2/token", **changed):
    env = toy.env
    body = {
        "client_id": env["PRETECTUM_CLIENT_ID"],
        "client_secret": env["PRETECTUM_CLIENT_SECRET"],
        **changed,
    }
    return toy.call("POST", path, body)


def place(toy, dataset=US, schema="Individual Customer"):
    areas = toy.call("GET", "/v1/my/businessareas").json
    area = next(one["businessAreaId"] for one in areas if one["name"] == "Customer")
    schemas = f"/v1/businessareas/{area}/schemas"
    id = next(one["schemaId"] for one in toy.call("GET", schemas).json["items"] if one["name"] == schema)
    sets = toy.call("GET", f"{schemas}/{id}/datasets").json["items"]
    set_id = next(one["dataSetId"] for one in sets if one["dataSetName"] == dataset)
    return f"{schemas}/{id}/datasets/{set_id}/dataobjects"


def listed(toy, **how):
    items, key = [], None
    while True:
        reply = toy.call("GET", place(toy, **how), **({"pageKey": key} if key else {})).json
        items += reply["items"]
        key = reply["nextPageKey"]
        if key is None:
            return items


def made(toy, **fields):
    return toy.control("POST", "/pretectum/customers", {"Customer Id": "X-1", "Last Name": "Unit", **fields})[
        "id"
    ]


def put(toy, id, **body):
    return toy.call("PUT", f"{place(toy)}/{quote(id)}", body)


def found(toy, query, **names):
    reply = toy.call("GET", "/dataobjects/search", query=query, **names)
    assert reply.status == 200, reply.body
    return reply.json


def hits(toy, query, **names):
    return {hit["Customer Id"] for hit in found(toy, query, **names)["hits"]}


def test_a_token_is_asked_for_in_json_and_sent_without_the_word_bearer(toy):
    told = token(toy).json
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    toy.headers["authorization"] = f"Bearer {told['access_token']}"
    assert toy.call("GET", "/v1/my/businessareas").status == 401
    toy.headers["authorization"] = told["access_token"]
    assert toy.call("GET", "/v1/my/businessareas").status == 200
    assert token(toy, client_secret="wrong").status == 401
    assert toy.call("POST", "/oauth2/token", raw=b"client_id=a&client_secret=b").status == 400


def test_the_token_is_at_one_of_the_two_paths_of_the_documents(toy):
    assert token(toy, "/v1/oauth2/token").status == 404
    toy.do("set", token_path="/v1/oauth2/token")
    assert (token(toy).status, token(toy, "/v1/oauth2/token").status) == (404, 200)


def test_a_token_dies_after_its_time_and_whenever_it_is_told_to(toy):
    toy.advance(3601)
    assert toy.call("GET", "/v1/my/businessareas").status == 401
    toy.headers["authorization"] = token(toy).json["access_token"]
    toy.fault("expired_token", after=1)
    assert [toy.call("GET", "/v1/my/businessareas").status for _ in range(3)] == [200, 401, 401]


def test_business_areas_come_bare_or_wrapped(toy):
    bare = toy.call("GET", "/v1/my/businessareas").json
    toy.do("set", areas_wrapped=True)
    assert toy.call("GET", "/v1/my/businessareas").json == {"response": bare}


def test_a_schema_tells_types_lengths_codes_and_the_format_of_dates(toy):
    toy.do("set", date_format="DD.MM.YYYY")
    path = place(toy).partition("/datasets")[0]
    fields = {one["name"]: one for one in toy.call("GET", path).json["fields"]}
    assert (fields["NPS Score"]["dataType"], fields["NPS Score"]["min"], fields["NPS Score"]["max"]) == (
        "integer",
        0,
        10,
    )
    assert [one["code"] for one in fields["NPS Segment"]["staticPicklist"]] == [
        "promoter",
        "passive",
        "detractor",
    ]
    assert (fields["NPS Comment"]["min"], fields["NPS Comment"]["max"]) == (1, 500)
    assert (fields["NPS Last Survey"]["dateFormat"], fields["NPS Last Survey"]["dateSeparator"]) == (
        "DD.MM.YYYY",
        ".",
    )
    assert fields["Email"]["isPII"]


def test_a_list_goes_on_where_it_was_although_objects_come_and_go(toy):
    toy.do("set", page=7)
    everything = {row["_dataObjectId"] for row in listed(toy)}
    assert everything == {row["id"] for row in toy.rows("customers") if row["dataset"] == US}
    first = toy.call("GET", place(toy)).json
    assert len(first["items"]) == 7
    assert toy.call("DELETE", f"{place(toy)}/{first['items'][-1]['_dataObjectId']}").status == 204
    second = toy.call("GET", place(toy), pageKey=first["nextPageKey"]).json
    seen = {row["_dataObjectId"] for row in first["items"]}
    assert len(second["items"]) == 7
    assert seen.isdisjoint(row["_dataObjectId"] for row in second["items"])
    assert toy.call("GET", place(toy), pageKey="???").status == 400


def test_some_people_share_an_address_and_some_have_none(toy):
    emails = [row.get("Email") for row in listed(toy)]
    known = [email for email in emails if email]
    assert None in emails
    assert len(known) > len(set(known))


def test_an_update_changes_only_what_was_sent_and_moves_the_version(toy):
    id = made(toy, Email="ann@unit.example")
    reply = put(toy, id, _version=1, **{"NPS Score": 9, "NPS Comment": "Good 👍"})
    assert (reply.status, reply.body) == (204, b"")
    row = toy.control("GET", f"/pretectum/customers/{id}")
    assert (row["version"], row["NPS Score"], row["Email"]) == (2, 9, "ann@unit.example")
    assert put(toy, id, _version=2, **{"NPS Score": None}).status == 204
    assert "NPS Score" not in toy.control("GET", f"/pretectum/customers/{id}")


def test_an_old_version_is_a_400_and_so_is_a_name_the_schema_does_not_have(toy):
    id = made(toy)
    toy.control("PATCH", f"/pretectum/customers/{id}", {"Role": "Buyer"})
    assert put(toy, id, _version=1, **{"NPS Score": 9}).status == 400
    assert put(toy, id, **{"NPS Score": 9}).status == 400
    assert put(toy, id, _version=2, **{"nps score": 9}).status == 400
    assert put(toy, id, _version=2, **{"NPS Score": 9}).status == 204


def test_somebody_else_may_be_quicker_and_some_objects_are_never_taken(toy):
    id = made(toy)
    toy.fault("version_conflict", path=id)
    assert [put(toy, id, _version=n, **{"NPS Score": 9}).status for n in (1, 1, 2)] == [400, 400, 204]
    toy.fault("refused", path=id, times=None)
    assert {put(toy, id, _version=n).status for n in (2, 3, 4)} == {400}
    assert put(toy, made(toy), _version=1).status == 204


def test_versions_need_not_grow_by_one(toy):
    toy.do("set", version_step=5)
    id = made(toy)
    assert put(toy, id, _version=1, **{"NPS Score": 9}).status == 204
    assert toy.control("GET", f"/pretectum/customers/{id}")["version"] == 6


@pytest.mark.parametrize(
    ("field", "bad", "good"),
    [
        ("NPS Score", 11, 10),
        ("NPS Score", "nine", "9"),
        ("NPS Segment", "Promoter", "promoter"),
        ("NPS Last Survey", "2026-11-02", "11/02/2026"),
        ("NPS Last Survey", "02/30/2026", "02/28/2026"),
        ("NPS Comment", "x" * 501, "x" * 500),
        ("NPS Comment", "", "x"),
        ("Email Opt Out", "maybe", True),
    ],
)
def test_a_value_that_does_not_fit_is_kept_and_listed(toy, field, bad, good):
    created = toy.call("POST", place(toy), {"Customer Id": "X-2", "Last Name": "Unit", field: bad}).json
    assert [one["name"] for one in created["_errors"]] == [field]
    assert created[field] == bad
    assert put(toy, created["_dataObjectId"], _version=created["_version"], **{field: good}).status == 204
    held = next(row for row in listed(toy) if row["_dataObjectId"] == created["_dataObjectId"])
    assert (held["_errors"], held[field]) == ([], good)


def test_a_deleted_object_is_flagged_and_no_longer_found(toy):
    id = made(toy, Email="gone@unit.example")
    assert hits(toy, '"gone@unit.example"') == {"X-1"}
    assert toy.call("DELETE", f"{place(toy)}/{id}").status == 204
    assert hits(toy, '"gone@unit.example"') == set()
    assert put(toy, id, _version=2).status == 404
    assert toy.control("GET", f"/pretectum/customers/{id}")["deleted"]


def test_a_search_for_an_address_finds_others_that_hold_its_words(toy):
    made(toy, Email="jo@unit.example")
    made(toy, Email="mary.jo@unit.example", **{"Customer Id": "X-2"})
    made(toy, Email="jo@unit.example.org", **{"Customer Id": "X-3"})
    made(toy, Email="unit.jo@example.example", **{"Customer Id": "X-4"})
    assert hits(toy, 'Email:"jo@unit.example"') == {"X-1", "X-2", "X-3"}
    assert hits(toy, 'email:"JO@UNIT.EXAMPLE"') == {"X-1", "X-2", "X-3"}


@pytest.mark.parametrize(
    ("query", "who"),
    [
        ("Unit", {"A", "B"}),
        ("unit buyer", {"A"}),
        ("unit AND manager", {"B"}),
        ("buyer OR manager", {"A", "B"}),
        ("Unit NOT Role:Buyer", {"B"}),
        ("email:*@unit.example", {"A"}),
        ('"b two"', {"B"}),
        ('"two b"', set()),
        ("Role:Nobody", set()),
        ("Nothing:Buyer", set()),
        (r"Customer\ Id:A", {"A"}),
        ('"Customer Id":A', {"A"}),
    ],
)
def test_the_query_language(toy, query, who):
    for thing in list(toy.rows("customers")):
        toy.control("DELETE", f"/pretectum/customers/{thing['id']}")
    made(toy, Email="a@unit.example", Role="Buyer", **{"Customer Id": "A"})
    made(toy, Role="Manager", **{"Customer Id": "B", "First Name": "B", "Company Name": "B Two"})
    assert hits(toy, query) == who


@pytest.mark.parametrize("query", ["", '"open', "a AND", "OR b", "a:b:c", 'x"y', "NOT"])
def test_a_query_that_cannot_be_read_is_a_400(toy, query):
    assert toy.call("GET", "/dataobjects/search", query=query).status == 400


def test_search_filters_take_names_and_hits_have_no_version(toy):
    twice = next(row for row in toy.rows("customers") if row["dataset"] == EU)["Customer Id"]
    both = found(toy, f'"{twice}"', businessArea="all")
    assert {hit["_dataSetName"] for hit in both["hits"]} == {US, EU}
    one = found(toy, f'"{twice}"', businessArea="Customer", schema="Individual Customer", dataSet=US)
    assert [hit["_dataSetName"] for hit in one["hits"]] == [US]
    assert "_version" not in one["hits"][0]
    toy.do("set", hits_with_version=True)
    assert found(toy, f'"{twice}"', dataSet=US)["hits"][0]["_version"] == 1


def test_the_index_may_lag_behind_what_was_written(toy):
    id = made(toy, Email="old@unit.example")
    toy.advance(60)
    toy.do("set", search_lag=30.0)
    assert put(toy, id, _version=1, Email="new@unit.example").status == 204
    assert (hits(toy, "old@unit.example"), hits(toy, "new@unit.example")) == ({"X-1"}, set())
    made(toy, Email="later@unit.example", **{"Customer Id": "X-2"})
    assert hits(toy, "later@unit.example") == set()
    toy.advance(31)
    assert (hits(toy, "old@unit.example"), hits(toy, "new@unit.example")) == (set(), {"X-1"})
    assert hits(toy, "later@unit.example") == {"X-2"}


def test_one_object_by_its_id_is_there_only_if_the_knob_says_so(toy):
    id = made(toy)
    assert toy.call("GET", f"{place(toy)}/{id}").status == 404
    toy.do("set", get_by_id=True)
    assert toy.call("GET", f"{place(toy)}/{id}").json["_version"] == 1
    assert toy.call("GET", f"{place(toy, EU)}/{id}").status == 404


def test_a_client_without_the_right_is_told_403(toy):
    id = made(toy)
    toy.do("permit", update=False)
    assert put(toy, id, _version=1).status == 403
    assert toy.call("GET", place(toy)).status == 200


def test_too_many_calls_are_a_429_with_or_without_retry_after(toy):
    toy.advance(61)
    toy.do("set", per_minute=1)
    replies = [toy.call("GET", "/v1/my/businessareas") for _ in range(2)]
    assert [one.status for one in replies] == [200, 429]
    assert 1 <= int(replies[1].headers["retry-after"]) <= 61
    toy.do("set", tells_wait=False)
    assert "retry-after" not in toy.call("GET", "/v1/my/businessareas").headers


def test_a_field_can_disappear_from_the_schema(toy):
    id = made(toy, **{"NPS Score": 9})
    toy.do("hide_field", name="NPS Score")
    assert put(toy, id, _version=1, **{"NPS Score": 8}).status == 400
    toy.do("show_field", name="NPS Score")
    assert put(toy, id, _version=1, **{"NPS Score": 8}).status == 204


def test_the_page_of_an_object_shows_the_score_and_what_was_written(toy):
    id = made(toy, Email="ann@unit.example", **{"First Name": "Ann"})
    put(toy, id, _version=1, **{"NPS Score": 9, "NPS Segment": "promoter", "NPS Comment": "<b>Good</b>"})
    put(toy, id, _version=2, **{"NPS Score": "nine"})
    page = toy.page(f"/pretectum/record/{id}")
    assert "Ann Unit" in page
    assert "&lt;b&gt;Good&lt;/b&gt;" in page
    assert "Values that do not fit" in page
    assert "<del>9</del>" in page
    assert id in toy.page("/?q=ann@unit.example")
    assert id in toy.page("/")
    assert "US Customers" in toy.page("/look/pretectum/")
