"""Reading Wootric: its wall, its times, its edits and its people. The vendor is played by a list of rows."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
import responses
from fake_clock import NOON, Calls, FakeClock, MemoryInMemory, Notices, fake_tools
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.contract import Needs, Verdict
from connectors.wootric import CONNECTOR
from connectors.wootric.rows import NOBODY, Moments, response
from connectors.wootric.settings import WootricSettings
from connectors.wootric.source import Wootric
from nps.errors import AccessError, UnavailableError
from nps.responses import Cursor, Page, ResponseStatus, SurveyResponse

BASE = "https://api.wootric.com"
SECRET = "s3cr3t"
MONDAY = 1_772_000_000  # some second before the fake clock's now

Answer = tuple[int, Mapping[str, str], str]


def at(second: int, offset: str = " +0000") -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}{offset}"


def answer(number: int, second: int | None = None, **overrides: Any) -> dict[str, Any]:
    moment = at(MONDAY + number if second is None else second)
    row = {"id": number, "end_user_id": 9000 + number, "survey_id": 7, "score": 9, "text": "", "tags": []}
    row |= {"completed": True, "excluded_from_calculations": False, "created_at": moment}
    return row | {"updated_at": moment, "end_user": {"email": f"p{number}@acme.com"}} | overrides


def end_user(number: int, second: int = MONDAY, **overrides: Any) -> dict[str, Any]:
    row = {"id": number, "email": f"u{number}@acme.com", "phone_number": None, "external_id": None}
    return row | {"updated_at": at(second), "last_response": None} | overrides


class Vendor:
    """Wootric as far as a reader sees it."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.end_users: list[dict[str, Any]] = []
        self.tokens = 0
        self.revoked = 0  # tokens up to this one are refused
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: dict[str, str] = {}
        self.sign_in: Answer | None = None

    def token(self, request: requests.PreparedRequest) -> Answer:
        self.asked.append(("/oauth/token", dict(parse_qsl(str(request.body)))))
        if self.sign_in is not None:
            return self.sign_in
        self.tokens += 1
        return 200, {}, json.dumps({"access_token": f"token-{self.tokens}", "expires_in": 7200})

    def list_answers(self, request: requests.PreparedRequest) -> Answer:
        return self._list(request, self.answers, "created")

    def list_end_users(self, request: requests.PreparedRequest) -> Answer:
        return self._list(request, self.end_users, "updated")

    def one_end_user(self, request: requests.PreparedRequest) -> Answer:
        path = urlsplit(str(request.url)).path
        self.asked.append((path, {}))
        found = [row for row in self.end_users if row["id"] == int(path.rsplit("/", 1)[1])]
        return (200, {}, json.dumps(found[0])) if found else (404, {}, "{}")

    def _list(self, request: requests.PreparedRequest, rows: list[dict[str, Any]], name: str) -> Answer:
        url = urlsplit(str(request.url))
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.asked.append((url.path, query))
        if int(str(request.headers["Authorization"]).rsplit("-", 1)[1]) <= self.revoked:
            return 401, {}, "{}"
        page, size = int(query["page"]), int(query["per_page"])
        if page > 30 or size > 50:
            return 400, {}, '{"error": "over the wall"}'
        start = int(query.get(f"{name}[gte]", 0))
        column = f"{name}_at"
        listed = sorted(rows, key=lambda row: (second_of(row[column]), row["id"]))
        if query.get("sort_order") != "asc":
            listed.reverse()
        listed = [row for row in listed if second_of(row[column]) >= start]
        return 200, self.headers, json.dumps(listed[(page - 1) * size : page * size])

    def calls(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)


@cache
def second_of(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp())


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    played = Vendor()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=played.token)
        mock.add_callback(responses.GET, f"{BASE}/v1/responses", callback=played.list_answers)
        mock.add_callback(responses.GET, f"{BASE}/v1/end_users", callback=played.list_end_users)
        mock.add_callback(
            responses.GET, re.compile(rf"{BASE}/v1/end_users/\d+"), callback=played.one_end_user
        )
        yield played


def wootric(
    clock: FakeClock | None = None,
    memory: MemoryInMemory | None = None,
    notice: Notices | None = None,
    count_call: Calls | None = None,
    **settings: Any,
) -> Wootric:
    signed = {"client_id": "id", "client_secret": SECRET} | settings
    tools = fake_tools("inmoment", clock=clock, memory=memory, notice=notice, count_call=count_call)
    return Wootric(WootricSettings.model_validate(signed), tools)


def read(
    source: Wootric, cursor: Cursor | None = None, since: datetime | None = None
) -> list[SurveyResponse]:
    return [one for page in source.read(cursor, since=since) for one in page.responses]


def ids(answers: list[SurveyResponse]) -> list[int]:
    return [int(one.id) for one in answers]


# ---------------------------------------------------------------- the listing


def test_answers_come_oldest_first_and_each_once(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 131)]
    assert ids(read(wootric())) == list(range(1, 131))


def test_a_quiet_day_costs_a_sign_in_and_two_calls(vendor: Vendor) -> None:
    calls = Calls()
    vendor.answers = [answer(1)]
    read(wootric(count_call=calls))
    assert calls.count == len(vendor.asked) == 3


def test_the_wall_of_1500_rows_is_passed_without_loss_or_repetition(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 4_001)]
    assert ids(read(wootric())) == list(range(1, 4_001))
    assert max(int(query["page"]) for path, query in vendor.asked if path == "/v1/responses") == 30


def test_many_answers_of_one_second_on_the_wall_are_all_read(vendor: Vendor) -> None:
    vendor.answers = [answer(n, MONDAY + (n // 700)) for n in range(1, 3_001)]
    assert sorted(ids(read(wootric()))) == list(range(1, 3_001))


@pytest.mark.parametrize("seed", range(3))
def test_any_spread_over_seconds_is_read_completely(vendor: Vendor, seed: int) -> None:
    dice = random.Random(seed)
    vendor.answers = [answer(n, MONDAY + dice.randrange(40)) for n in range(1, 5_001)]
    found = ids(read(wootric()))
    assert sorted(found) == list(range(1, 5_001))


def test_more_than_1500_answers_in_one_second_are_said_loudly_and_stepped_over(vendor: Vendor) -> None:
    notices = Notices()
    vendor.answers = [answer(n, MONDAY) for n in range(1, 1_701)] + [answer(5_000)]
    found = ids(read(wootric(notice=notices)))
    assert found == [*range(1, 1_501), 5_000]
    assert [(event, facts["second"]) for event, facts in notices] == [("wootric_second_overfull", MONDAY)]


def test_reading_on_from_any_cursor_loses_nothing(vendor: Vendor) -> None:
    vendor.answers = [answer(n, MONDAY + n // 7) for n in range(1, 3_501)]
    source = wootric(overlap="1 minute")
    pages = list(source.read(None, since=None))
    assert len(pages) > 2
    before: dict[str, SurveyResponse] = {}
    for page in pages:
        before |= {one.id: one for one in page.responses}
        after = {one.id: one for one in read(source, page.cursor)}
        assert len(before | after) == 3_500
        assert all(after[name] == before[name] for name in before.keys() & after.keys())


def test_pages_are_handed_over_about_a_thousand_answers_at_a_time(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 2_501)]
    sizes = [len(page.responses) for page in wootric().read(None, since=None)]
    assert sum(sizes) == 2_500
    assert max(sizes) <= 1_050


def test_nothing_new_gives_no_page_and_keeps_the_cursor(vendor: Vendor) -> None:
    assert list(wootric().read(None, since=None)) == []


def test_since_bounds_the_first_read_and_the_overlap_of_later_ones(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 101)]
    since = datetime.fromtimestamp(MONDAY + 51, UTC)
    source = wootric()
    pages = list(source.read(None, since=since))
    assert ids([one for page in pages for one in page.responses]) == list(range(51, 101))
    assert ids(read(source, pages[-1].cursor)) == list(range(51, 101))


def test_the_overlap_reads_recent_answers_again_so_that_edits_are_seen(vendor: Vendor) -> None:
    day = 86_400
    vendor.answers = [answer(n, MONDAY - 20 * day + n * day) for n in range(1, 21)]
    source = wootric(overlap="7 days")
    last = list(source.read(None, since=None))[-1]
    vendor.answers[15] |= {"text": "came later", "updated_at": at(MONDAY + 5)}
    again = read(source, last.cursor)
    assert ids(again) == list(range(13, 21))
    assert again[3].comment == "came later"
    assert again[3].updated_at == datetime.fromtimestamp(MONDAY + 5, UTC)


def test_an_answer_from_the_future_does_not_carry_the_cursor_away(vendor: Vendor) -> None:
    far = int((NOON + timedelta(days=400)).timestamp())
    vendor.answers = [answer(1), answer(2, far)]
    last: Page = list(wootric().read(None, since=None))[-1]
    assert last.cursor.state["created"] == int(NOON.timestamp())


def test_rows_out_of_order_are_refused_because_reading_on_would_lose_some(vendor: Vendor) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.get(f"{BASE}/v1/responses", json=[answer(5), answer(3)])
        with pytest.raises(UnavailableError, match="oldest first"):
            read(wootric())


def test_the_same_page_twice_is_refused(vendor: Vendor) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.get(f"{BASE}/v1/responses", json=[answer(3), answer(5)])
        with pytest.raises(UnavailableError, match="same page twice"):
            read(wootric())


@pytest.mark.parametrize("body", ['{"error": "x"}', "[1, 2]", "<html>busy</html>", "null"])
def test_a_200_that_is_no_list_of_rows_is_refused(vendor: Vendor, body: str) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.get(f"{BASE}/v1/responses", body=body)
        with pytest.raises(UnavailableError, match=r"inmoment: GET /v1/responses"):
            read(wootric())


# ---------------------------------------------------------------- rows


def only(vendor: Vendor, *rows: dict[str, Any], **settings: Any) -> SurveyResponse:
    vendor.answers = list(rows)
    [one] = read(wootric(**settings))
    return one


def test_a_row_becomes_an_answer(vendor: Vendor) -> None:
    row = answer(1, MONDAY, score=0, text="Zoë said: =cmd()\n😀", tags=["PRICE"], survey_id=1146)
    row["end_user"] |= {"properties": {"plan": "pro"}}
    assert only(vendor, row) == SurveyResponse(
        source="inmoment",
        id="1",
        answered_at=datetime.fromtimestamp(MONDAY, UTC),
        updated_at=datetime.fromtimestamp(MONDAY, UTC),
        survey="1146",
        score=0,
        comment="Zoë said: =cmd()\n😀",
        email="p1@acme.com",
        properties={"plan": "pro", "tags": ["PRICE"]},
    )


@pytest.mark.parametrize("score", [10, 0, 9.5, "9", "", None, "Extremely likely - 10"])
def test_a_score_is_handed_over_as_it_came(vendor: Vendor, score: Any) -> None:
    assert only(vendor, answer(1, score=score)).score == score


@pytest.mark.parametrize("score", [True, [9], {"value": 9}])
def test_a_score_of_another_kind_becomes_text_nobody_takes_for_one(vendor: Vendor, score: Any) -> None:
    assert only(vendor, answer(1, score=score)).score == json.dumps(score, separators=(",", ":"))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-12-16 09:05:00 -0800", datetime(2016, 12, 16, 17, 5, tzinfo=UTC)),
        ("2016-12-16 09:05:00 +0530", datetime(2016, 12, 16, 3, 35, tzinfo=UTC)),
        ("2016-12-16 09:05:00", datetime(2016, 12, 16, 9, 5, tzinfo=UTC)),
        ("2016-08-04T13:57:26.558-07:00", datetime(2016, 8, 4, 20, 57, 26, 558_000, tzinfo=UTC)),
        ("2016-08-04T13:57:26.558Z", datetime(2016, 8, 4, 13, 57, 26, 558_000, tzinfo=UTC)),
    ],
)
def test_every_way_to_write_a_time_is_read_into_utc(vendor: Vendor, text: str, moment: datetime) -> None:
    assert only(vendor, answer(1, updated_at=text)).updated_at == moment


def test_times_without_an_offset_are_taken_as_utc_and_said_once(vendor: Vendor) -> None:
    notices = Notices()
    vendor.answers = [answer(n, updated_at="2026-01-01 10:00:00") for n in range(1, 60)]
    read(wootric(notice=notices))
    assert [event for event, _ in notices] == ["wootric_time_without_offset"]


@pytest.mark.parametrize("moment", ["yesterday", "", 5, None, "2026-02-30 10:00:00 +0000"])
def test_a_row_with_a_broken_date_becomes_a_problem_and_the_rest_is_read(vendor: Vendor, moment: Any) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        rows = [answer(1), answer(2, created_at=moment), answer(3)]
        pages = [rows, []]
        mock.add_callback(
            responses.GET,
            f"{BASE}/v1/responses",
            callback=lambda request: (200, {}, json.dumps(pages[0 if "page=1&" in str(request.url) else 1])),
        )
        one, two, three = read(wootric())
    assert two.id == "2"
    assert two.problem == "answer 2 has no readable date"
    assert one.problem is three.problem is None


def test_a_row_without_an_id_keeps_the_same_made_up_one(vendor: Vendor) -> None:
    row = answer(1)
    row["id"] = None
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.add_callback(
            responses.GET,
            f"{BASE}/v1/responses",
            callback=lambda request: (200, {}, json.dumps([row] if "page=1&" in str(request.url) else [])),
        )
        [first], [second] = read(wootric()), read(wootric())
    assert first == second
    assert first.id.startswith("unreadable-")
    assert first.problem


def test_what_must_not_count_is_excluded(vendor: Vendor) -> None:
    assert only(vendor, answer(1, excluded_from_calculations=True)).status is ResponseStatus.EXCLUDED


def test_not_completed_waits_only_when_the_settings_say_so(vendor: Vendor) -> None:
    row = answer(1, completed=False)
    assert only(vendor, row).status is ResponseStatus.COMPLETE
    assert only(vendor, row, partial_when_incomplete=True).status is ResponseStatus.PARTIAL


@pytest.mark.parametrize(
    ("properties", "read_as"),
    [('{"plan": "x"}', {"plan": "x"}), ("not json", {}), (None, {}), ({"a": 1}, {"a": 1}), ("[1]", {})],
)
def test_properties_may_come_as_a_string(vendor: Vendor, properties: Any, read_as: Any) -> None:
    assert (
        only(vendor, answer(1, end_user={"email": "a@b.c", "properties": properties})).properties == read_as
    )


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    junk=st.dictionaries(st.sampled_from(sorted({**answer(1), "extra": 0})), JUNK, max_size=6),
    end_user=JUNK | st.dictionaries(st.sampled_from(["email", "properties", "external_id"]), JUNK),
)
def test_no_row_whatever_stops_the_reading(junk: dict[str, Any], end_user: Any) -> None:
    row = answer(1) | {"end_user": end_user} | junk
    times = Moments(lambda: None)
    one, again = (
        response(row, NOBODY, source="x", moments=times, channel=None, partial_when_incomplete=True)
        for _ in range(2)
    )
    assert one == again
    assert one.id
    assert all(isinstance(text, str | None) for text in (one.email, one.comment, one.survey, one.phone))


def test_rows_without_an_id_are_never_taken_for_one_another(vendor: Vendor) -> None:
    pages = [[answer(1, MONDAY, id=None, text="a")], [answer(1, MONDAY, id=None, text="b")], []]
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.add_callback(
            responses.GET,
            f"{BASE}/v1/responses",
            callback=lambda request: (200, {}, json.dumps(pages[int(page_of(request)) - 1])),
        )
        assert len({one.id for one in read(wootric())}) == 2


def page_of(request: requests.PreparedRequest) -> str:
    return parse_qs(urlsplit(str(request.url)).query)["page"][0]


# ---------------------------------------------------------------- people


def anonymous(number: int, user: int, **overrides: Any) -> dict[str, Any]:
    return answer(number, end_user_id=user, end_user={"properties": {}}, **overrides)


def test_people_are_swept_up_in_bulk_when_answers_do_not_name_them(vendor: Vendor) -> None:
    vendor.answers = [anonymous(n, 9_000 + n) for n in range(1, 301)]
    vendor.end_users = [end_user(9_000 + n, MONDAY + n, external_id=f"x{n}") for n in range(1, 301)]
    found = read(wootric())
    assert [(one.email, one.external_id) for one in found] == [
        (f"u{9_000 + n}@acme.com", f"x{n}") for n in range(1, 301)
    ]
    assert not any(path.startswith("/v1/end_users/") for path, _ in vendor.asked)
    # Seven pages; how many more were asked for ahead before the end was known is a matter of threads.
    assert vendor.calls("/v1/end_users") <= 20


def test_people_are_remembered_over_runs(vendor: Vendor) -> None:
    memory = MemoryInMemory()
    vendor.answers = [anonymous(n, 9_000 + n) for n in range(1, 301)]
    vendor.end_users = [end_user(9_000 + n, MONDAY + n) for n in range(1, 301)]
    source = wootric(memory=memory)
    first = read(source)
    source.close()  # a page that was asked for ahead may still be under way
    vendor.asked.clear()
    assert read(wootric(memory=memory)) == first
    assert vendor.calls("/v1/end_users") == 2


def test_only_who_is_not_in_the_list_is_asked_for_alone_and_a_deleted_one_is_nobody(vendor: Vendor) -> None:
    memory = MemoryInMemory()
    vendor.answers = [anonymous(1, 1), anonymous(2, 2)]
    vendor.end_users = [end_user(1)]
    for _ in range(2):
        one, two = read(wootric(memory=memory))
        assert (one.email, two.email) == ("u1@acme.com", None)
    assert vendor.calls("/v1/end_users/2") == 1
    assert vendor.calls("/v1/end_users/1") == 0


def test_sweeping_is_bounded_by_what_asking_for_each_would_cost(vendor: Vendor) -> None:
    vendor.answers = [anonymous(1, 7_999)]
    vendor.end_users = [end_user(n, MONDAY + n) for n in range(1, 8_001)]
    [one] = read(wootric())
    assert one.email == "u7999@acme.com"
    assert vendor.calls("/v1/end_users") <= 30
    assert vendor.calls("/v1/end_users/7999") == 1


def test_a_changed_address_is_noticed_by_a_later_run(vendor: Vendor) -> None:
    memory = MemoryInMemory()
    vendor.answers = [anonymous(1, 1)]
    vendor.end_users = [end_user(1), end_user(2, MONDAY + 1)]
    read(wootric(memory=memory))
    vendor.end_users[0] |= {"email": "new@acme.com", "updated_at": at(MONDAY + 50)}
    assert read(wootric(memory=memory))[0].email == "new@acme.com"


def test_nobody_is_looked_up_when_the_answer_names_the_person(vendor: Vendor) -> None:
    vendor.answers = [answer(1)]
    read(wootric())
    assert vendor.calls("/v1/end_users") == 0


def test_looking_up_always_adds_phone_and_external_id(vendor: Vendor) -> None:
    vendor.answers = [answer(1, end_user_id=1)]
    vendor.end_users = [end_user(1, phone_number="+14155550100", external_id="007")]
    [one] = read(wootric(look_up="always"))
    assert (one.email, one.phone, one.external_id) == ("p1@acme.com", "+14155550100", "007")


def test_never_looking_up_makes_no_call(vendor: Vendor) -> None:
    vendor.answers = [anonymous(1, 1)]
    read(wootric(look_up="never"))
    assert vendor.calls("/v1/end_users") == 0


def last_response(number: int, channel: str) -> dict[str, Any]:
    return {"last_response": {"id": number, "score": 9, "survey": {"channel": channel}}}


def test_the_channel_is_told_by_the_persons_last_answer(vendor: Vendor) -> None:
    vendor.answers = [anonymous(1, 1), anonymous(2, 1)]
    vendor.end_users = [end_user(1, **last_response(2, "mobile:ios"))]
    one, two = read(wootric(channel="email"))
    assert (one.channel, two.channel) == ("email", "mobile")


def test_an_earlier_answer_keeps_its_channel_when_the_person_answers_again(vendor: Vendor) -> None:
    memory = MemoryInMemory()
    vendor.answers = [anonymous(1, 1)]
    vendor.end_users = [end_user(1, **last_response(1, "web"))]
    [first] = read(wootric(memory=memory))
    vendor.answers.append(anonymous(2, 1))
    vendor.end_users[0] |= {"updated_at": at(MONDAY + 9), **last_response(2, "mobile:ios")}
    again, second = read(wootric(memory=memory))
    assert again == first
    assert (again.channel, second.channel) == ("web", "mobile")


# ---------------------------------------------------------------- signing in and pacing


def test_signing_in_asks_for_client_credentials_once(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 500)]
    read(wootric())
    [(_, form)] = [asked for asked in vendor.asked if asked[0] == "/oauth/token"]
    assert form == {"grant_type": "client_credentials", "client_id": "id", "client_secret": SECRET}


def test_signing_in_by_login_asks_for_the_password_grant(vendor: Vendor) -> None:
    read(wootric(client_id=None, client_secret=None, username="ops@acme.com", password=SECRET))
    assert vendor.asked[0][1] == {"grant_type": "password", "username": "ops@acme.com", "password": SECRET}


def test_the_token_is_renewed_before_its_two_hours_end(vendor: Vendor) -> None:
    clock = FakeClock()
    source = wootric(clock)
    read(source)
    clock.advance(7_141)
    read(source)
    assert vendor.tokens == 2


def test_a_revoked_token_is_renewed_once_for_all_threads(vendor: Vendor) -> None:
    source = wootric()
    vendor.answers = [answer(n) for n in range(1, 1_000)]
    read(source)
    vendor.revoked = 1
    assert len(read(source)) == 999
    assert vendor.tokens == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_are_lost_access_and_are_not_shown(vendor: Vendor, status: int) -> None:
    vendor.sign_in = (status, {}, json.dumps({"error": SECRET}))
    with pytest.raises(AccessError, match="inmoment: sign in: Wootric refuses these credentials") as caught:
        read(wootric())
    assert SECRET not in str(caught.value)
    assert vendor.calls("/oauth/token") == 1


def test_the_rate_headers_pace_all_calls(vendor: Vendor) -> None:
    clock = FakeClock()
    vendor.headers = {"X-Rate-Limit-Limit": "20"}
    vendor.answers = [answer(n) for n in range(1, 40 * 50)]
    read(wootric(clock))
    assert 60 <= clock.monotonic() <= 200  # two windows at least; how many calls were under way varies


def test_a_spent_minute_waits_for_its_reset(vendor: Vendor) -> None:
    clock = FakeClock()
    reset = int(clock.now().timestamp()) + 40
    vendor.headers = {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(reset)}
    source = wootric(clock)
    read(source)
    vendor.headers = {}
    read(source)
    assert 40 <= clock.monotonic() < 45


def test_a_reset_on_another_clock_never_stops_us_for_long(vendor: Vendor) -> None:
    clock = FakeClock()
    vendor.headers = {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "99999999999"}
    source = wootric(clock)
    read(source)
    vendor.headers = {}
    read(source)
    assert clock.monotonic() <= 190


@pytest.mark.parametrize(
    ("account", "host"),
    [
        (None, "https://api.wootric.com"),
        ("NPS-1234", "https://api.wootric.com"),
        ("NPS-EU-1234", "https://api.wootric.eu"),
        ("NPS-AU-1234", "https://api.wootric.au"),
    ],
)
def test_the_account_token_chooses_the_region(account: str | None, host: str) -> None:
    settings = WootricSettings.model_validate(
        {"client_id": "x", "client_secret": "y", "account_token": account}
    )
    assert settings.address == host


def test_a_base_url_overrides_the_region() -> None:
    settings = WootricSettings.model_validate(
        {
            "client_id": "x",
            "client_secret": "y",
            "account_token": "NPS-EU-1",
            "base_url": "http://127.0.0.1:5/w",
        }
    )
    assert settings.address == "http://127.0.0.1:5/w"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs client_id"),
        ({"client_id": "x"}, "needs client_id"),
        ({"client_id": "x", "client_secret": "y", "username": "z"}, "not both"),
        ({"client_id": "x", "client_secret": "y", "base_url": "http://evil.example"}, "https"),
        ({"client_id": "x", "client_secret": "y", "overlap": "7"}, "not a duration"),
        ({"client_id": "x", "client_secret": "y", "look_up": "sometimes"}, "when_needed"),
        ({"client_id": "x", "client_secret": "y", "clientid": "z"}, "clientid"),
    ],
)
def test_wrong_settings_say_what_is_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WootricSettings.model_validate(settings)


def test_access_is_tried_and_what_the_key_can_do_besides_is_named(vendor: Vendor) -> None:
    grants = {grant.permission: grant.verdict for grant in wootric().access(Needs(answers=True))}
    assert grants["read responses"] is Verdict.OK
    assert grants["read end users"] is Verdict.OK
    assert grants["write access"] is Verdict.EXCESS


def test_a_refused_list_is_a_missing_permission(vendor: Vendor) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.get(f"{BASE}/v1/responses", json=[])
        mock.get(f"{BASE}/v1/end_users", status=403)
        grants = {grant.permission: grant.verdict for grant in wootric().access(Needs(answers=True))}
    assert grants["read end users"] is Verdict.MISSING


def test_it_closes_cleanly_in_the_middle_of_a_read(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 3_000)]
    source = wootric()
    pages = source.read(None, since=None)
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    source.close()


def test_the_connector_declares_itself() -> None:
    assert CONNECTOR.name == "wootric"
    assert CONNECTOR.source is not None
    assert CONNECTOR.destination is None
