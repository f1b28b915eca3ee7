"""The toy Mixpanel: whole days of raw events, and cohorts pushed page by page."""

import base64
import gzip
import json
from datetime import datetime, timedelta

import pytest
from post_box import post_box
from sandbox_process import running_sandbox


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox("--vendor", "mixpanel", customers=40, responses=0) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(sandbox):
    do(sandbox, "set", per_hour=10_000, per_second=10_000, time_zone="UTC")
    yield
    do(sandbox, "cohort", url=None)
    sandbox.control("DELETE", "/faults")
    sandbox.control("DELETE", "/deliveries")


@pytest.fixture
def box():
    with post_box() as opened:
        yield opened


def do(sandbox, command, **arguments):
    return sandbox.control("POST", f"/mixpanel/do/{command}", arguments)


def settled(sandbox, **how):
    return sandbox.control("POST", "/deliveries/settle", how)


def export(sandbox, login=None, **query):
    env = sandbox.env
    auth = login or (env["MIXPANEL_USER"], env["MIXPANEL_SECRET"])
    params = {"project_id": env["MIXPANEL_PROJECT"], **query}
    return sandbox.session.get(f"{env['MIXPANEL_URL']}/api/2.0/export", auth=auth, params=params, timeout=10)


def rows(sandbox, first, last, **query):
    reply = export(sandbox, from_date=first, to_date=last, **query)
    assert reply.status_code == 200, reply.text
    return [json.loads(line) for line in reply.text.splitlines()]


def at(text):
    return datetime.fromisoformat(text).timestamp()


def member(id, **more):
    return {"mixpanel_distinct_id": id, "email": f"{id}@unit.example", **more}


def sync(sandbox, **what):
    told = do(sandbox, "sync", **what)
    settled(sandbox)
    return told


def success(box):
    box.usual = lambda post: (
        200,
        json.dumps({"action": post.json()["action"], "status": "success"}).encode(),
    )


def told(box):
    posts = [post.json() for post in box.take()]
    return [
        (
            post["action"],
            post["parameters"]["page_info"]["page_count"],
            post["parameters"]["page_info"]["total_pages"],
            sorted(one["mixpanel_distinct_id"] for one in post["parameters"]["members"]),
        )
        for post in posts
    ]


def test_an_export_is_whole_days_with_both_ends(sandbox):
    for time in (
        "2024-03-01T00:00:00Z",
        "2024-03-01T23:59:59Z",
        "2024-03-02T12:00:00Z",
        "2024-03-03T00:00:00Z",
    ):
        do(sandbox, "track", event="Feature Used", distinct_id="u-1", time=at(time))
    assert len(rows(sandbox, "2024-03-01", "2024-03-01")) == 2
    found = rows(sandbox, "2024-03-01", "2024-03-02")
    assert [row["properties"]["time"] for row in found] == sorted(row["properties"]["time"] for row in found)
    assert len(found) == 3
    assert set(found[0]["properties"]) == {"time", "distinct_id", "$insert_id", "mp_processing_time_ms"}


def test_an_old_project_has_days_and_times_of_its_own_zone(sandbox):
    do(sandbox, "set", time_zone="America/New_York")
    do(sandbox, "track", event="Local", distinct_id="u-2", time=at("2024-04-02T02:30:00Z"))
    (row,) = rows(sandbox, "2024-04-01", "2024-04-01", event='["Local"]')
    assert row["properties"]["time"] == at("2024-04-01T22:30:00Z")
    assert rows(sandbox, "2024-04-02", "2024-04-02", event='["Local"]') == []


def test_only_the_events_asked_for_come_and_no_more_than_the_limit(sandbox):
    for number in range(3):
        do(
            sandbox,
            "track",
            event="Wanted",
            distinct_id=f"u-{number}",
            time=at("2024-05-01T10:00:00Z") + number,
        )
    do(sandbox, "track", event="Other", distinct_id="u-1", time=at("2024-05-01T10:00:00Z"))
    found = rows(sandbox, "2024-05-01", "2024-05-01", event='["Wanted"]', limit=2, time_in_ms="true")
    assert [row["event"] for row in found] == ["Wanted", "Wanted"]
    assert found[0]["properties"]["time"] == at("2024-05-01T10:00:00Z") * 1000


def test_a_late_event_says_when_it_was_processed(sandbox):
    do(sandbox, "track", event="Late", distinct_id="u-1", late=2 * 86_400)
    now = datetime.fromisoformat(sandbox.control("GET", "/")["now"])
    (row,) = rows(sandbox, f"{now - timedelta(days=3):%Y-%m-%d}", f"{now:%Y-%m-%d}", event='["Late"]')
    processed = row["properties"]["mp_processing_time_ms"] / 1000
    assert 2 * 86_400 - 5 <= processed - row["properties"]["time"] <= 2 * 86_400 + 5


def test_an_export_may_repeat_rows(sandbox):
    do(sandbox, "track", event="Twice", distinct_id="u-1", time=at("2024-06-01T10:00:00Z"), insert_id="i-1")
    sandbox.fault("mixpanel", "repeated_rows")
    found = rows(sandbox, "2024-06-01", "2024-06-01")
    assert [row["properties"]["$insert_id"] for row in found] == ["i-1", "i-1"]


def test_the_body_is_compressed_for_who_can_take_it(sandbox):
    do(sandbox, "track", event="Zip", distinct_id="u-1", time=at("2024-06-02T10:00:00Z"))
    env = sandbox.env
    reply = sandbox.session.get(
        f"{env['MIXPANEL_URL']}/api/2.0/export",
        auth=(env["MIXPANEL_USER"], env["MIXPANEL_SECRET"]),
        params={"project_id": env["MIXPANEL_PROJECT"], "from_date": "2024-06-02", "to_date": "2024-06-02"},
        headers={"Accept-Encoding": "gzip"},
        stream=True,
        timeout=10,
    )
    assert reply.headers["Content-Encoding"] == "gzip"
    assert b'"Zip"' in gzip.decompress(reply.raw.read(decode_content=False))


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from_date": "2024-01-02", "to_date": "2024-01-01"},
        {"from_date": "2024-01-01", "to_date": "2024-01-01", "limit": 100_001},
        {"from_date": "2024-01-01", "to_date": "2024-01-01", "event": "Feature Used"},
        {"from_date": "2024-01-01", "to_date": "2024-01-01", "project_id": "1"},
    ],
)
def test_a_wrong_question_is_a_400(sandbox, query):
    assert export(sandbox, **query).status_code == 400


def test_wrong_credentials_and_too_many_queries_are_refused(sandbox):
    day = {"from_date": "2024-01-01", "to_date": "2024-01-01"}
    assert export(sandbox, login=("npsync", "guess"), **day).status_code == 401
    sandbox.control("POST", "/clock", {"advance": 3_601})
    do(sandbox, "set", per_hour=2, per_second=100)
    assert [export(sandbox, **day).status_code for _ in range(3)] == [200, 200, 429]
    do(sandbox, "set", per_hour=100, per_second=0)
    assert export(sandbox, **day).status_code == 429


def test_a_first_sync_tells_everybody_and_the_next_the_difference(sandbox, box):
    success(box)
    do(sandbox, "cohort", url=f"{box.url}/hooks/product", user="npsync", password="s3cret")
    sync(sandbox, members=[member("u-1"), member("u-2")])
    post = box.received[0]
    assert post.headers["authorization"] == "Basic " + base64.b64encode(b"npsync:s3cret").decode()
    assert post.json()["parameters"]["mixpanel_cohort_name"] == "Used export"
    assert told(box) == [("members", 1, 1, ["u-1", "u-2"])]
    sync(sandbox, add=[member("u-3")], remove=["u-1"])
    assert told(box) == [("add_members", 1, 1, ["u-3"]), ("remove_members", 1, 1, ["u-1"])]
    sync(sandbox)
    assert told(box) == [("add_members", 1, 1, [])]
    sync(sandbox, full=True)
    assert told(box) == [("members", 1, 1, ["u-2", "u-3"])]


def test_pages_come_one_after_the_other_and_share_a_session(sandbox, box):
    success(box)
    do(sandbox, "cohort", url=f"{box.url}/c", page=2, first="add_members")
    sync(sandbox, members=[member(f"u-{number}") for number in range(5)])
    sessions = {post.json()["parameters"]["mixpanel_session_id"] for post in box.received}
    pages = told(box)
    assert [(action, number, total) for action, number, total, _ in pages] == [
        ("add_members", 1, 3),
        ("add_members", 2, 3),
        ("add_members", 3, 3),
    ]
    assert len(sessions) == 1


def test_a_failure_in_the_middle_starts_from_the_top_in_the_next_sync(sandbox, box):
    success(box)
    do(sandbox, "cohort", url=f"{box.url}/c", page=1)
    box.answers.append((200, b'{"action": "members", "status": "success"}'))
    box.answers.extend([(503, b"")] * 6)
    sync(sandbox, members=[member("u-1"), member("u-2")])
    for _ in range(6):
        settled(sandbox, early=True)
    assert [number for _, number, _, _ in told(box)] == [1, *[2] * 6]
    sync(sandbox)
    assert [(action, number) for action, number, _, _ in told(box)] == [("members", 1), ("members", 2)]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_4xx_pauses_until_a_person_resumes(sandbox, box, status):
    success(box)
    do(sandbox, "cohort", url=f"{box.url}/c")
    box.answers.append((status, b"{}"))
    sync(sandbox, members=[member("u-1")])
    paused = sandbox.rows("mixpanel", "cohorts")[0]
    assert (paused["paused"], paused["told"]) == (f"the receiver answered {status}", None)
    box.take()
    sync(sandbox)
    assert told(box) == []
    do(sandbox, "resume")
    sync(sandbox)
    assert told(box) == [("members", 1, 1, ["u-1"])]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"ok",
        b'{"status": "failure", "action": "members"}',
        b"[]",
        b'{"status": "success", "action": "add_members"}',
    ],
)
def test_a_200_that_does_not_say_success_is_a_failure(sandbox, box, answer):
    do(sandbox, "cohort", url=f"{box.url}/c")
    box.usual = (200, answer)
    sync(sandbox, members=[member("u-1")])
    assert sandbox.rows("mixpanel", "cohorts")[0]["told"] is None


def test_people_of_the_world_make_events_and_a_cohort(sandbox, box):
    success(box)
    do(sandbox, "cohort", url=f"{box.url}/c")
    assert do(sandbox, "track_customers", event="Export", count=3) == {"tracked": 3}
    assert do(sandbox, "sync_customers", count=3)["members"] == 3
    settled(sandbox)
    assert told(box)[0][3] == ["C-000001", "C-000002", "C-000003"]
    page = sandbox.session.get(f"{sandbox.url}/look/mixpanel/", timeout=10).text
    assert "C-000001" in page
