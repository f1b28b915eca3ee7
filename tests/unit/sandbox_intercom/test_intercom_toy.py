"""The toy Intercom: reading contacts and conversations, and the notifications it sends."""

import hashlib
import hmac
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from post_box import post_box
from sandbox_process import running_sandbox

from sandbox.intercom.words import signature

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox("--vendor", "intercom", customers=120, responses=0) as running:
        yield running


@pytest.fixture
def box():
    with post_box() as opened:
        yield opened


@pytest.fixture(autouse=True)
def clean(sandbox):
    yield
    do(sandbox, "webhook", url=None)
    do(sandbox, "set", search_lag=0.0, per_window=0, conversations_by_day=False)
    sandbox.control("DELETE", "/faults")
    sandbox.control("DELETE", "/deliveries")


def do(sandbox, command, **arguments):
    return sandbox.control("POST", f"/intercom/do/{command}", arguments)


def settled(sandbox, **how):
    return sandbox.control("POST", "/deliveries/settle", how)


def call(sandbox, method, path, body=None, token=None):
    headers = {
        "Authorization": f"Bearer {token or sandbox.env['INTERCOM_TOKEN']}",
        "Intercom-Version": "2.16",
    }
    url = sandbox.env["INTERCOM_URL"] + path
    return sandbox.session.request(method, url, json=body, headers=headers, timeout=10)


def contact(sandbox, **fields):
    return sandbox.control("POST", "/intercom/contacts", fields)["id"]


def conversation(sandbox, *contacts):
    return sandbox.control("POST", "/intercom/conversations", {"contacts": list(contacts)})["id"]


def found(sandbox, *filters, kind="contacts", **more):
    query = {"operator": "AND", "value": list(filters)}
    return call(sandbox, "POST", f"/{kind}/search", {"query": query, **more})


def where(field, operator, value):
    return {"field": field, "operator": operator, "value": value}


def subscribed(sandbox, box, **more):
    do(sandbox, "webhook", url=f"{box.url}/hooks/chat", **more)
    settled(sandbox)
    return box.take()


def test_the_signature_is_that_of_the_known_answers():
    body = (
        b'{"type":"notification_event","app_id":"abc123","data":{"type":"notification_event_data","item":{"type":'
        b'"conversation","id":"1911149811","state":"closed","open":false,"updated_at":1748332925}},"links":{},"id":'
        b'"notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3","topic":"conversation.admin.closed","delivery_status":'
        b'"pending","delivery_attempts":1,"delivered_at":0,"first_sent_at":1748332926,"created_at":1748332925,'
        b'"self":null}'
    )
    assert len(body) == 419
    assert signature("intercom-client-secret-test", body) == "sha1=a2f5ab49fd86848bcdb2d7f23c64fa3cc8b1c0e9"
    ping = '{"topic":"ping","note":"café ✓"}'.encode()
    assert signature("intercom-client-secret-test", ping) == "sha1=29f14cb139298b9a8d12eda1021e8802757641ba"


def test_a_contact_is_found_by_its_address_and_read(sandbox):
    id = contact(sandbox, email="Jo@unit.example", external_id="X-1", name="Jo")
    (row,) = found(sandbox, where("email", "=", "jo@unit.example")).json()["data"]
    assert (row["id"], row["external_id"], row["role"]) == (id, "X-1", "user")
    assert call(sandbox, "GET", f"/contacts/{id}").json()["email"] == "Jo@unit.example"
    missing = call(sandbox, "GET", "/contacts/none")
    assert (missing.status_code, missing.json()["type"]) == (404, "error.list")
    assert missing.json()["request_id"]


def test_a_merged_contact_is_gone_with_a_link_to_the_other(sandbox):
    kept = contact(sandbox, email="kept@unit.example", external_id="X-kept")
    gone = contact(sandbox, email="gone@unit.example", external_id="X-gone")
    talk = conversation(sandbox, gone)
    sandbox.control("POST", f"/intercom/contacts/{kept}/merge", {"loser": gone})
    reply = call(sandbox, "GET", "/contacts/find_by_external_id/X-gone")
    assert (reply.status_code, kept in reply.headers["Link"]) == (410, True)
    assert found(sandbox, where("email", "=", "gone@unit.example")).json()["data"] == []
    people = call(sandbox, "GET", f"/conversations/{talk}").json()["contacts"]["contacts"]
    assert [one["id"] for one in people] == [kept]
    assert call(sandbox, "GET", "/contacts/find_by_external_id/X-kept").json()["id"] == kept


def test_dates_of_contacts_compare_by_day_of_the_workspace(sandbox):
    id = contact(sandbox, email="today@unit.example")
    at = call(sandbox, "GET", f"/contacts/{id}").json()["updated_at"]
    mine = where("email", "=", "today@unit.example")
    noon = datetime.fromtimestamp(at, NEW_YORK).replace(hour=12, minute=0)
    yesterday = int((noon - timedelta(days=1)).timestamp())
    assert found(sandbox, mine, where("updated_at", ">", int(noon.timestamp()))).json()["total_count"] == 0
    assert found(sandbox, mine, where("updated_at", ">", yesterday)).json()["total_count"] == 1
    assert found(sandbox, mine, where("updated_at", "=", int(noon.timestamp()))).json()["total_count"] == 1
    assert found(sandbox, where("updated_at", ">=", at)).status_code == 400
    assert found(sandbox, where("updated_at", "IN", [at])).status_code == 400


def test_search_pages_by_cursor_and_has_walls(sandbox):
    seen, cursor = [], None
    while True:
        paging = {"per_page": 50, **({"starting_after": cursor} if cursor else {})}
        page = found(sandbox, where("role", "=", "user"), pagination=paging).json()
        seen += [row["id"] for row in page["data"]]
        if "next" not in page["pages"]:
            break
        cursor = page["pages"]["next"]["starting_after"]
    assert len(seen) == len(set(seen)) == page["total_count"] > 100
    assert found(sandbox, *[where("role", "=", "user")] * 16).status_code == 400
    deep = {"operator": "AND", "value": [{"operator": "OR", "value": [{"operator": "AND", "value": []}]}]}
    assert call(sandbox, "POST", "/contacts/search", {"query": deep}).status_code == 400


def test_a_new_contact_may_be_missing_from_search_for_a_while(sandbox):
    do(sandbox, "set", search_lag=120.0)
    contact(sandbox, email="late@unit.example")
    assert found(sandbox, where("email", "=", "late@unit.example")).json()["data"] == []
    sandbox.control("POST", "/clock", {"advance": 121})
    assert len(found(sandbox, where("email", "=", "late@unit.example")).json()["data"]) == 1


def test_only_the_keys_that_are_sent_change_and_attributes_must_exist(sandbox):
    id = contact(sandbox, email="write@unit.example", name="Wri Te")
    body = {"custom_attributes": {"nps_score": 0}}
    assert call(sandbox, "PUT", f"/contacts/{id}", body).status_code == 400
    attribute = {"name": "nps_score", "model": "contact", "data_type": "integer"}
    assert call(sandbox, "POST", "/data_attributes", attribute).status_code == 200
    assert call(sandbox, "POST", "/data_attributes", attribute | {"model": "conversation"}).status_code == 422
    row = call(sandbox, "PUT", f"/contacts/{id}", body).json()
    assert (row["custom_attributes"]["nps_score"], row["name"]) == (0, "Wri Te")
    assert sandbox.traffic("intercom")["fields_changed"]["contacts"]["nps_score"] == 1
    assert call(sandbox, "PUT", f"/contacts/{id}", {"id": "x"}).status_code == 400


def test_closing_and_reopening_move_the_statistics_and_a_poll_finds_them(sandbox):
    sandbox.control("POST", "/clock", {"advance": 3600})
    id = conversation(sandbox, contact(sandbox, email="asker@unit.example"))
    before = call(sandbox, "GET", f"/conversations/{id}").json()
    assert (before["open"], before["statistics"]["last_close_at"]) == (True, None)
    do(sandbox, "close_conversation", id=id, by="bot")
    closed = call(sandbox, "GET", f"/conversations/{id}").json()
    assert (closed["open"], closed["state"]) == (False, "closed")
    at = closed["statistics"]["last_close_at"]
    rows = found(sandbox, where("statistics.last_close_at", ">", at - 1), kind="conversations").json()
    assert [row["id"] for row in rows["conversations"]] == [id]
    do(sandbox, "reopen_conversation", id=id)
    again = call(sandbox, "GET", f"/conversations/{id}").json()
    assert (again["open"], again["statistics"]["count_reopens"]) == (True, 1)


def test_the_workspace_starts_with_conversations_open_and_closed(sandbox):
    states = {row["state"] for row in sandbox.rows("intercom", "conversations")}
    assert states == {"open", "closed"}


def test_an_address_is_checked_with_head_before_anything_is_sent(sandbox, box):
    check, ping = subscribed(sandbox, box)
    assert (check.method, ping.json()["topic"]) == ("HEAD", "ping")
    box.usual = (405, b"")
    assert [post.method for post in subscribed(sandbox, box)] == ["HEAD"]
    do(sandbox, "close_conversation", id=conversation(sandbox, contact(sandbox, email="h@unit.example")))
    settled(sandbox)
    assert box.take() == []


def test_a_close_by_an_admin_is_told_and_signed_and_one_by_a_bot_is_not(sandbox, box):
    subscribed(sandbox, box)
    person = contact(sandbox, email="told@unit.example", external_id="X-told")
    id = conversation(sandbox, person)
    do(sandbox, "close_conversation", id=id, by="bot")
    do(sandbox, "close_conversation", id=id)
    settled(sandbox)
    (post,) = box.take()
    mac = hmac.new(sandbox.env["INTERCOM_CLIENT_SECRET"].encode(), post.body, hashlib.sha1).hexdigest()
    assert post.headers["x-hub-signature"] == f"sha1={mac}"
    told = post.json()
    assert (told["topic"], told["data"]["item"]["id"]) == ("conversation.admin.closed", id)
    assert told["data"]["item"]["contacts"]["contacts"][0]["external_id"] == "X-told"


def test_a_failure_is_tried_once_more_after_a_minute_with_the_same_id(sandbox, box):
    subscribed(sandbox, box)
    box.usual = (500, b"")
    do(sandbox, "close_conversation", id=conversation(sandbox, contact(sandbox, email="r@unit.example")))
    (delivery,) = [one for one in settled(sandbox) if one["state"] == "waiting"]
    sandbox.control("POST", "/clock", {"advance": 61})
    settled(sandbox)
    first, second = (post.json() for post in box.take())
    assert first["id"] == second["id"]
    assert (first["delivery_attempts"], second["delivery_attempts"]) == (1, 2)
    assert sandbox.control("GET", f"/deliveries/{delivery['id']}")["state"] == "given_up"


def test_a_410_ends_the_subscription(sandbox, box):
    subscribed(sandbox, box)
    box.answers.append((410, b""))
    talk = conversation(sandbox, contact(sandbox, email="e@unit.example"))
    do(sandbox, "close_conversation", id=talk)
    settled(sandbox)
    do(sandbox, "reopen_conversation", id=talk)
    settled(sandbox)
    assert len(box.take()) == 1


def test_other_topics_are_told_where_they_are_subscribed(sandbox, box):
    subscribed(sandbox, box, topics=["contact.unsubscribed", "contact.merged", "conversation.rating.added"])
    ann, ben = contact(sandbox, email="a1@unit.example"), contact(sandbox, email="b1@unit.example")
    talk = conversation(sandbox, ann)
    do(sandbox, "close_conversation", id=talk)
    do(sandbox, "rate_conversation", id=talk, rating=4, remark="ok")
    do(sandbox, "unsubscribe", id=ann)
    sandbox.control("POST", f"/intercom/contacts/{ann}/merge", {"loser": ben})
    settled(sandbox)
    told = {post.json()["topic"]: post.json()["data"]["item"] for post in box.take()}
    assert set(told) == {"contact.unsubscribed", "contact.merged", "conversation.rating.added"}
    assert told["contact.merged"]["merged_from"]["id"] == ben
    assert told["conversation.rating.added"]["conversation_rating"]["rating"] == 4
    assert call(sandbox, "GET", f"/contacts/{ann}").json()["unsubscribed_from_emails"] is True


def test_a_wrong_token_and_too_many_calls_are_refused(sandbox):
    assert call(sandbox, "GET", "/data_attributes", token="guess").status_code == 401
    do(sandbox, "set", per_window=1)
    replies = [call(sandbox, "GET", "/data_attributes") for _ in range(4)]
    refused = [reply for reply in replies if reply.status_code == 429]
    assert refused[0].json()["errors"][0]["code"] == "rate_limit_exceeded"
    assert refused[0].headers["X-RateLimit-Remaining"] == "0"


def test_people_see_the_conversations(sandbox):
    page = sandbox.session.get(f"{sandbox.url}/look/intercom/", timeout=10)
    assert (page.status_code, "closed" in page.text) == (200, True)


def answers_told(posts):
    return [post.json()["data"]["item"] for post in posts if post.json()["topic"] == "content_stat.survey"]


def test_an_answer_to_a_survey_is_told_question_by_question_and_then_whole(sandbox, box):
    subscribed(sandbox, box)
    id = contact(sandbox, email="surveyed@unit.example", external_id="X-s")
    do(sandbox, "answer_survey", id=id, score=9, comment="Good")
    settled(sandbox)
    posts = box.take()
    stats = [item["content_stat"] for item in answers_told(posts)]
    by_kind = {
        kind: [stat for stat in stats if stat["stat_type"] == kind] for kind in ("answer", "completion")
    }
    assert sorted(stat["response"] for stat in by_kind["answer"]) == ["9", "Good"]
    (whole,) = by_kind["completion"]
    assert [one["response"] for one in whole["answers"]] == ["9", "Good"]
    assert (whole["contact"]["id"], whole["contact"]["external_id"]) == (id, "X-s")
    secret = sandbox.env["INTERCOM_CLIENT_SECRET"]
    assert all(post.headers["x-hub-signature"] == signature(secret, post.body) for post in posts)


def test_where_an_answers_keys_stand_and_what_is_no_answer(sandbox, box):
    subscribed(sandbox, box, topics=["content_stat.survey"])
    contact(sandbox, email="Leaves@unit.example")
    do(sandbox, "set", survey_keys="beside", survey_contact="id")
    do(sandbox, "answer_survey", email="leaves@unit.example", score=0, finished=False)
    do(sandbox, "touch_survey", email="leaves@unit.example", stat="dismissal")
    do(sandbox, "set", survey_keys="inside", survey_contact="whole")
    settled(sandbox)
    told = {item["content_stat"]["stat_type"]: item for item in answers_told(box.take())}
    assert told.keys() == {"answer", "dismissal"}
    assert (told["answer"]["response"], told["answer"]["contact"].keys()) == ("0", {"type", "id"})
