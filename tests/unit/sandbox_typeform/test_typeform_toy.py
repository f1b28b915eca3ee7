"""The toy Typeform: responses newest first, and submissions pushed with a signature."""

import pytest
from post_box import post_box
from toy_caller import ToyCaller

from sandbox.typeform.webhooks import SECRET, signature


@pytest.fixture(scope="module")
def tool():
    return ToyCaller(
        "typeform",
        customers=30,
        responses=60,
        limits={"per_second": 0},
        headers={"authorization": "Bearer {TYPEFORM_TOKEN}"},
    )


@pytest.fixture(autouse=True)
def clean(tool):
    yield
    tool.do("set", per_second=0, lag=0.0, scale="nps", identity="hidden")
    tool.hang_up()


def responses(tool, **query):
    replied = tool.get(f"/forms/{tool.env['TYPEFORM_FORM']}/responses", **query)
    assert replied.status == 200, replied.body
    return replied.json


def everything(tool, **query):
    items, before = [], {}
    while True:
        body = responses(tool, **query, **before)
        items += body["items"]
        if body["page_count"] <= 1:
            return items
        before = {"before": items[-1]["token"]}


def test_pages_go_back_from_the_newest_by_the_token_of_the_last_one(tool):
    items = everything(tool, page_size=7)
    stamps = [item["submitted_at"] for item in items]
    assert stamps == sorted(stamps, reverse=True)
    assert items == everything(tool, page_size=1000)
    assert len({item["token"] for item in items}) == len(items) == responses(tool)["total_items"]
    newer = responses(tool, after=items[3]["token"])["items"]
    assert newer == items[:3]


def test_both_ends_of_a_time_belong_to_it(tool):
    items = everything(tool)
    one = items[len(items) // 2]["submitted_at"]
    found = responses(tool, since=one, until=one.removesuffix("Z"))["items"]
    assert [item["submitted_at"] for item in found] == [
        item["submitted_at"] for item in items if item["submitted_at"] == one
    ]


def test_only_what_was_completed_is_listed_unless_more_is_asked_for(tool):
    id = tool.add(score=4, finished=False)
    assert id not in {item["token"] for item in everything(tool)}
    partial = responses(tool, response_type="started,partial", page_size=1000)["items"]
    assert (id in {item["token"] for item in partial}, {item["response_type"] for item in partial}) == (
        True,
        {"partial"},
    )
    assert len(responses(tool, completed="false", page_size=1000)["items"]) == len(partial)


def test_a_score_is_a_number_under_its_question_and_the_quiz_says_nothing(tool):
    tool.do("answer", email="ann@unit.example", external_id="C-1", score=9, comment="Good")
    item = responses(tool, page_size=1)["items"][0]
    by_type = {answer["field"]["type"]: answer for answer in item["answers"]}
    assert (by_type["nps"]["number"], by_type["long_text"]["text"]) == (9, "Good")
    assert (item["hidden"], item["calculated"]) == (
        {"email": "ann@unit.example", "customer_id": "C-1"},
        {"score": 0},
    )
    tool.do("answer", score=0)
    assert [answer["number"] for answer in responses(tool, page_size=1)["items"][0]["answers"]] == [0]
    tool.do("set", scale="opinion_scale", identity="answer")
    item = next(one for one in everything(tool) if len(one["answers"]) == 3)
    assert {answer["field"]["type"] for answer in item["answers"]} == {"opinion_scale", "long_text", "email"}
    form = tool.get(f"/forms/{tool.env['TYPEFORM_FORM']}").json
    assert [field["type"] for field in form["fields"]] == ["opinion_scale", "long_text", "email"]


def test_what_was_submitted_just_now_may_be_listed_later(tool):
    tool.do("set", lag=1800.0)
    id = tool.add(score=9)
    assert id not in {item["token"] for item in everything(tool)}
    tool.advance(1801)
    assert id in {item["token"] for item in everything(tool)}


def test_two_calls_a_second(tool):
    tool.do("set", per_second=2)
    tool.advance(1 - tool.sandbox.house.clock.time() % 1 + 0.01)
    replies = [tool.get("/forms") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[-1].headers["retry-after"] == "1"


def test_what_cannot_be_asked_is_refused(tool):
    form = tool.env["TYPEFORM_FORM"]
    assert tool.call("GET", "/forms", headers={"authorization": "Bearer guess"}).status == 403
    assert tool.get("/forms/nobody/responses").json["code"] == "FORM_NOT_FOUND"
    for query in (
        {"page_size": 1001},
        {"since": "yesterday"},
        {"before": "x"},
        {"sort": "submitted_at,asc", "before": "x"},
    ):
        assert tool.get(f"/forms/{form}/responses", **query).status == 400
    assert tool.get("/forms").json["items"][0]["id"] == form


# ---------------------------------------------------------------- pushed


def test_the_known_answer():
    body = b'{"event_id":"LtWXD3crgy","event_type":"form_response"}'
    assert signature("test_secret", body) == "sha256=n3nfN41Qq3tAGvfd97TwHHlMUZlM7+84CSrPo4257Tk="


def test_a_submission_is_pushed_whole_and_signed(tool):
    with post_box() as box:
        tool.do("webhook", url=f"{box.url}/hooks/forms")
        made = tool.do("answer", email="ann@unit.example", score=9, comment="Good")
        tool.do("answer", score=3, finished=False)
        tool.settle()
        (got,) = box.received
    told = got.json()
    assert got.headers["typeform-signature"] == signature(SECRET, got.body)
    assert (told["event_type"], told["form_response"]["token"]) == ("form_response", made["id"])
    assert told["form_response"]["answers"][0]["number"] == 9
    assert told["form_response"]["definition"]["fields"][0]["type"] == "nps"


def test_a_webhook_may_be_registered_over_the_api_for_one_form_and_ended(tool):
    form = tool.env["TYPEFORM_FORM"]
    with post_box() as box:
        put = tool.call("PUT", f"/forms/{form}/webhooks/crm", {"url": box.url, "secret": "s"})
        assert (put.status, put.json["tag"]) == (200, "crm")
        tool.do("answer", score=9, survey="Supp0r")
        tool.do("answer", score=9)
        tool.settle()
        assert [got.headers["typeform-signature"] == signature("s", got.body) for got in box.take()] == [True]
        assert tool.call("DELETE", f"/forms/{form}/webhooks/crm").status == 204
        tool.do("answer", score=9)
        tool.settle()
        assert box.take() == []


def test_a_receiver_that_is_gone_ends_the_webhook_and_a_busy_one_is_tried_again(tool):
    with post_box() as box:
        tool.do("webhook", url=box.url)
        box.answers.extend([(503, b""), (200, b"")])
        tool.do("answer", score=9)
        tool.settle()
        tool.advance(150)
        tool.settle()
        ids = [got.json()["event_id"] for got in box.take()]
        assert len(ids) == 2
        assert len(set(ids)) == 1
        box.answers.append((410, b""))
        for _ in range(2):
            tool.do("answer", score=9)
            tool.settle(early=True)
        assert len(box.take()) == 1
