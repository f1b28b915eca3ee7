"""The toy Promoter.io: whom a campaign surveys, and how feedback is listed."""

import itertools

import pytest
from sandbox_process import running_sandbox
from toy_caller import ToyCaller

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox("--vendor", "promoter", customers=1, responses=0) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(sandbox):
    yield
    sandbox.control("DELETE", "/faults")
    do(sandbox, "set", throttle_days=30, campaign_field="campaign_id", page=25, per_minute=0)


def do(sandbox, command, **arguments):
    return sandbox.control("POST", f"/promoter/do/{command}", arguments)


def call(sandbox, method, path, body=None, key=None, **options):
    headers = {"Authorization": f"Token {key or sandbox.env['PROMOTER_KEY']}"}
    url = path if path.startswith("http") else sandbox.env["PROMOTER_URL"] + path
    return sandbox.session.request(method, url, json=body, headers=headers, timeout=10, **options)


def somebody():
    return f"person{next(_numbers)}@unit.example"


def survey(sandbox, email, **more):
    body = {"campaign_id": 99, "contact": {"email": email, "attributes": {"customer_id": "7"}}, **more}
    return call(sandbox, "POST", "/v2/survey/", body)


def survey_id(sandbox, email):
    return next(row["id"] for row in sandbox.rows("promoter", "surveys") if row["email"] == email)


def feedback(sandbox, **query):
    return call(sandbox, "GET", "/v2/feedback/", params=query).json()


def test_a_survey_is_sent_once_and_then_the_contact_is_not_eligible(sandbox):
    email = somebody()
    first = survey(sandbox, email, attributes={"npsync_invitation": "inv-1"})
    assert (first.status_code, first.json()["campaign"]) == (201, 99)
    again = survey(sandbox, email)
    assert again.status_code == 400
    assert again.json() == {"non_field_errors": ["Contact is not eligible for survey."]}
    sandbox.control("POST", "/clock", {"advance": 30 * 86_400 + 1})
    assert survey(sandbox, email).status_code == 201


def test_nobody_is_asked_twice_in_a_day_whatever_the_setting(sandbox):
    do(sandbox, "set", throttle_days=0)
    email = somebody()
    assert survey(sandbox, email).status_code == 201
    assert survey(sandbox, email).status_code == 400


@pytest.mark.parametrize("knob", ["unsubscribe", "deactivate"])
def test_who_left_is_not_eligible(sandbox, knob):
    email = somebody()
    do(sandbox, knob, email=email)
    assert survey(sandbox, email).json() == {"non_field_errors": ["Contact is not eligible for survey."]}


def test_a_400_names_the_field_that_is_missing_or_wrong(sandbox):
    contact = {"email": somebody()}
    missing = call(sandbox, "POST", "/v2/survey/", {"campaign": 99, "contact": contact})
    assert (missing.status_code, missing.json()) == (400, {"campaign_id": ["This field is required."]})
    do(sandbox, "set", campaign_field="campaign")
    assert call(sandbox, "POST", "/v2/survey/", {"campaign": 99, "contact": contact}).status_code == 201
    do(sandbox, "set", campaign_field="campaign_id")
    assert set(survey(sandbox, somebody(), campaign_id=4).json()) == {"campaign_id"}
    assert survey(sandbox, "not an address").json() == {
        "contact": {"email": ["Enter a valid email address."]}
    }


def test_the_first_version_is_flat_and_takes_texts_only(sandbox):
    body = {"campaign": 99, "email": somebody(), "attributes": {"order": "A1"}}
    assert call(sandbox, "POST", "/contacts/survey/", body).status_code == 201
    wrong = call(sandbox, "POST", "/contacts/survey/", body | {"attributes": {"order": 1}})
    assert wrong.json() == {"attributes": ["Not a valid string."]}


def test_a_missing_last_slash_loses_what_was_posted(sandbox):
    reply = call(sandbox, "POST", "/v2/survey", {"campaign_id": 99}, allow_redirects=False)
    assert (reply.status_code, reply.headers["Location"].endswith("/v2/survey/")) == (301, True)


def test_the_answer_carries_the_attributes_of_its_survey_and_lists_are_lost(sandbox):
    email = somebody()
    survey(sandbox, email, attributes={"npsync_invitation": "inv-2", "lines": [1, 2]})
    given = do(sandbox, "answer", id=survey_id(sandbox, email), score=9, comment="Good")
    (row,) = feedback(sandbox, survey__contact__email=email)["results"]
    assert (row["id"], row["score"], row["score_type"], row["comment"]) == (
        given["id"],
        9,
        "promoter",
        "Good",
    )
    assert row["survey"]["attributes"] == {"npsync_invitation": "inv-2"}
    assert row["contact"]["attributes"] == {"customer_id": "7"}
    assert row["campaign"] == {"id": 99, "name": "Relationship"}
    old = call(sandbox, "GET", f"/feedback/{row['id']}").json()
    assert (old["campaign"], "survey" in old) == ("Relationship", False)


def test_an_edit_keeps_its_date_and_moves_the_others(sandbox):
    email = somebody()
    survey(sandbox, email)
    id = survey_id(sandbox, email)
    first = do(sandbox, "answer", id=id, score=3)
    sandbox.control("POST", "/clock", {"advance": 60})
    edited = do(sandbox, "answer", id=id, score=8, comment="Fixed")
    assert (edited["posted_date"], edited["score"]) == (first["posted_date"], 8)
    assert edited["score_modified"] > first["score_modified"]


def test_feedback_pages_by_next_links_within_dates(sandbox):
    do(sandbox, "set", page=2)
    for day in (1, 2, 2, 3):
        fields = {"email": somebody(), "score": 7, "posted_date": f"2019-05-0{day}T12:00:00Z"}
        sandbox.control("POST", "/promoter/feedback", fields)
    first = feedback(sandbox, posted_date_0="2019-05-01", posted_date_1="2019-05-04")
    assert (first["count"], len(first["results"]), first["previous"]) == (4, 2, None)
    second = call(sandbox, "GET", first["next"]).json()
    assert (len(second["results"]), second["next"]) == (2, None)
    ids = {row["id"] for page in (first, second) for row in page["results"]}
    assert len(ids) == 4
    one_day = feedback(sandbox, posted_date_0="2019-05-02", posted_date_1="2019-05-03")
    assert one_day["count"] == 2
    beyond = call(sandbox, "GET", "/v2/feedback/", params={"posted_date_0": "2019-05-01", "page": 99})
    assert (beyond.status_code, beyond.json()) == (404, {"detail": "Invalid page."})


def test_a_loop_is_closed_on_the_feedback(sandbox):
    id = sandbox.control("POST", "/promoter/feedback", {"email": somebody(), "score": 2})["id"]
    assert call(sandbox, "PUT", f"/v2/feedback/{id}/", {"status": "CLOSED"}).json()["status"] == "CLOSED"
    assert call(sandbox, "PUT", f"/v2/feedback/{id}/", {"status": "DONE"}).status_code == 400
    assert call(sandbox, "PUT", "/v2/feedback/1/", {"status": "CLOSED"}).status_code == 404


def test_a_wrong_key_and_too_many_calls_are_refused(sandbox):
    assert call(sandbox, "GET", "/v2/feedback/", key="guess").status_code == 401
    do(sandbox, "set", per_minute=1)
    statuses = [call(sandbox, "GET", "/contacts/").status_code for _ in range(4)]
    assert 429 in statuses
    sandbox.fault("promoter", "status", status=429, retry_after=42)
    do(sandbox, "set", per_minute=0)
    refused = call(sandbox, "GET", "/contacts/")
    assert refused.json() == {"detail": "Request was throttled. Expected available in 42.0 seconds."}
    assert refused.headers["Retry-After"] == "42"


def test_a_contact_is_found_by_its_address_and_removed(sandbox):
    email = somebody()
    survey(sandbox, email.upper())
    (row,) = call(sandbox, "GET", "/contacts/", params={"email": email}).json()["results"]
    assert row["unsubscribed"] is False
    assert call(sandbox, "POST", "/contacts/remove/", {"email": email}).status_code == 200
    sandbox.control("POST", "/clock", {"advance": 200 * 86_400})
    assert survey(sandbox, email).status_code == 400


def test_people_see_whom_the_campaign_asked(sandbox):
    email = somebody()
    survey(sandbox, email)
    assert email in sandbox.session.get(f"{sandbox.url}/look/promoter/", timeout=10).text


# ---------------------------------------------------------------- the customers' answers


@pytest.fixture(scope="module")
def town():
    toy = ToyCaller("promoter", customers=40, responses=60)
    toy.headers["authorization"] = f"Token {toy.env['PROMOTER_KEY']}"
    return toy


def given(town, **query):
    """Every page of one listing."""
    rows, link, query = [], "/api/v2/feedback/", query
    while link:
        body = town.get(link, **query).json
        rows, link, query = [*rows, *body["results"]], body["next"], {}
    return rows


def test_the_customers_gave_feedback_and_next_links_reach_all_of_it(town):
    rows = given(town)
    assert len(rows) == len(town.rows("feedback")) > 50
    assert [row["posted_date"] for row in rows] == sorted(row["posted_date"] for row in rows)
    known = [row for row in rows if row["contact"]["attributes"].get("customer_id")]
    emails = {one.survey_email for one in town.sandbox.house.world.customers()}
    assert len(known) > 20
    givers = {row["contact"]["email"] for row in rows if "@unit." not in row["contact"]["email"]}
    assert givers <= {email and email.lower() for email in emails}


@pytest.mark.parametrize("order", ["newest", "none"])
def test_the_order_is_not_promised_and_nothing_is_lost_by_it(town, order):
    oldest = given(town)
    town.do("set", order=order)
    other = given(town)
    town.do("set", order="oldest")
    assert oldest != other
    assert sorted(row["id"] for row in oldest) == sorted(row["id"] for row in other)


def test_a_customer_answers_and_thinks_again(town):
    made = town.do(
        "answer", email="again@unit.example", score=2, comment="Slow", attributes={"customer_id": "C-5"}
    )
    town.advance(60)
    town.do("edit", id=made["id"], score=7)
    (row,) = given(town, survey__contact__email="again@unit.example")
    assert (row["score"], row["comment"], row["contact"]["attributes"]) == (7, "Slow", {"customer_id": "C-5"})
    assert row["score_modified"] > row["posted_date"] == row["created"]
    assert town.get(f"/api/feedback/{made['id']}").json["score"] == 7


def test_feedback_is_asked_for_by_campaign_its_status_and_the_score(town):
    rows = given(town)
    complete = [row["id"] for row in rows if row["campaign"]["id"] == 100]
    assert complete
    assert [row["id"] for row in given(town, survey__campaign=100)] == complete
    assert [row["id"] for row in given(town, survey__campaign__status="COMPLETE")] == complete
    assert {row["score_type"] for row in given(town, score_type="detractor")} == {"detractor"}
    assert {row["score"] for row in given(town, score=10)} == {10}


def test_a_date_that_is_none_is_refused_and_an_hour_may_have_one_digit(town):
    refused = town.get("/api/v2/feedback/", posted_date_0="yesterday")
    assert (refused.status, refused.json) == (400, {"posted_date_0": ["Enter a valid date."]})
    town.do("set", odd_hours=True)
    id = town.add("feedback", email="early@unit.example", score=9, posted_date="2026-03-02T08:20:00Z")
    assert town.get(f"/api/feedback/{id}").json["posted_date"] == "2026-03-02T8:20:00Z"
    town.do("set", odd_hours=False)
