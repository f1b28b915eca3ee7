"""/s/{id}: what a customer sees, and what of it becomes an answer."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from asgi_caller import Caller
from builders_asking import ANN
from builders_page import ID, Front, chosen, numbers, seen
from fake_clock import NOON

from nps.asking import InvitationState, PastKind
from nps.responses import ResponseStatus
from store.sql import SqlStore


def dumped(store: SqlStore) -> list[str]:
    return list(store.dump())


# ---------------------------------------------------------------- looking


def test_the_question_is_asked_with_every_number_and_what_the_ends_mean(front: Front):
    page = front.get(front.sent())
    assert page.status == 200
    assert numbers(page) == list(range(11))
    assert chosen(page) == []
    assert "How likely are you to recommend Acme?" in seen(page)
    assert "0 = Not at all likely" in seen(page)
    assert "10 = Extremely likely" in seen(page)


@pytest.mark.parametrize(
    ("survey", "scale", "ends"),
    [
        ("support-csat", range(1, 6), "1 = Very dissatisfied 5 = Very satisfied"),
        ("effort", range(1, 8), "1 = Strongly disagree 7 = Strongly agree"),
    ],
)
def test_each_metric_has_its_scale_and_a_survey_may_name_its_ends(front: Front, survey, scale, ends):
    page = front.get(front.sent(survey=survey))
    assert numbers(page) == list(scale)
    assert ends in seen(page)


def test_a_score_in_the_link_is_marked_and_nothing_else(front: Front):
    page = front.get(front.sent() + "?score=9")
    assert chosen(page) == ["9"]
    assert front.answer() is None


@pytest.mark.parametrize("nonsense", ["11", "-1", "9.5", "", "ten", "9;DROP", "٩", "9" * 5000])
def test_a_score_that_is_none_marks_nothing(front: Front, nonsense):
    page = front.get(front.sent() + f"?score={nonsense}")
    assert page.status == 200
    assert chosen(page) == []


def test_looking_changes_nothing_in_the_store_however_it_is_done(front: Front):
    path = front.sent()
    before = dumped(front.store)
    for score in range(11):
        assert front.get(f"{path}?score={score}").status == 200
        assert front.head(f"{path}?score={score}").status == 200
    assert front.get(path, user_agent="Mozilla/5.0").status == 200
    assert dumped(front.store) == before


def test_a_page_is_stored_nowhere_told_to_nobody_and_runs_no_script(front: Front):
    page = front.get(front.sent())
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "set-cookie" not in page.headers
    html = page.body.decode()
    assert "<script" not in html
    assert "<style" not in html
    assert not re.search(r'\sstyle="|\son\w+="', html)
    assert set(re.findall(r'(?:src|href)="(https?://[^"]+)"', html)) == {"https://acme.example/privacy"}


def test_the_stylesheet_is_ours_and_may_be_kept_for_ever(front: Front):
    html = front.get(front.sent()).body.decode()
    [address] = re.findall(r'rel="stylesheet" href="([^"]+)"', html)
    style = front.get(address)
    assert style.status == 200
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert b"--brand: #0f766e" in style.body
    assert b"http" not in style.body


def test_nothing_on_the_page_says_who_it_is_for(front: Front):
    page = front.get(front.sent())
    for told in ("ann@example.com", "003A", "500A", "00017", "crm", "Contact"):
        assert told not in page.body.decode()


# ---------------------------------------------------------------- answering


def test_a_score_is_stored_and_the_open_question_asked(front: Front):
    path = front.sent()
    front.later(minutes=5)
    page = front.post(path, {"score": "9"})
    assert page.status == 200
    assert "What do you like most?" in seen(page)
    assert chosen(page) == ["9"]
    answer = front.answer()
    assert answer is not None
    assert (answer.score, answer.comment, answer.survey) == (9, None, "relationship")
    assert answer.status is ResponseStatus.COMPLETE
    assert answer.answered_at == NOON + timedelta(minutes=5)
    assert answer.invited_at == NOON
    assert answer.email == "ann@example.com"
    assert answer.properties == {"npsync_invitation": ID}


def test_the_comment_completes_the_answer_and_the_thanks_say_what_happens_next(front: Front):
    path = front.sent()
    front.later(minutes=5)
    front.post(path, {"score": "3"})
    page = front.post(path, {"score": "3", "comment": "  Slow.\r\nVery.  "})
    assert page.status == 200
    assert "Thank you!" in seen(page)
    assert "the people at Acme & Sons who look after you" in seen(page)
    assert "until 4 March 2026" in seen(page)
    answer = front.answer()
    assert answer is not None
    assert (answer.score, answer.comment) == (3, "Slow.\nVery.")


def test_a_survey_may_say_its_own_thanks_and_its_own_question(front: Front):
    path = front.sent(survey="support-csat")
    assert "What was it like?" in seen(front.post(path, {"score": "4"}))
    assert "Nina reads every word." in seen(front.post(path, {"score": "4", "comment": ""}))


@pytest.mark.parametrize(
    ("score", "question"),
    [
        ("10", "What do you like most?"),
        ("8", "even better"),
        ("0", "What went wrong"),
        ("6", "What went wrong"),
    ],
)
def test_the_open_question_is_worded_for_those_who_get_it(front: Front, score, question):
    assert question in seen(front.post(front.sent(), {"score": score}))


def test_zero_is_a_score(front: Front):
    front.post(front.sent(), {"score": "0"})
    answer = front.answer()
    assert answer is not None
    assert answer.score == 0


def test_the_invitation_is_answered_its_reminders_are_cancelled_and_the_ledger_knows(front: Front):
    path = front.sent()
    front.post(path, {"score": "9"})
    found = front.store.invitation(ID)
    assert found is not None
    assert found.state is InvitationState.ANSWERED
    past = front.store.past(ANN, since=NOON - timedelta(days=1), now=front.clock.now())
    assert PastKind.ANSWER in [one.what for one in past]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Please choose a number."),
        ({"score": ""}, "Please choose a number."),
        ({"score": "11"}, "from 0 to 10"),
        ({"score": "-1"}, "from 0 to 10"),
        ({"score": "9.0"}, "from 0 to 10"),
        ({"score": "nine"}, "from 0 to 10"),
    ],
)
def test_a_score_that_is_missing_or_off_the_scale_is_asked_for_again(front: Front, form, said):
    path = front.sent()
    before = dumped(front.store)
    page = front.post(path, form)
    assert page.status == 422
    assert said in seen(page)
    assert 'role="alert"' in page.body.decode()
    assert numbers(page) == list(range(11))
    assert dumped(front.store) == before


def test_a_comment_that_is_too_long_is_shown_again_and_none_of_it_is_lost(front: Front):
    path = front.sent()
    page = front.post(path, {"score": "7", "comment": "x" * 5001})
    assert page.status == 422
    assert "5001 characters; 5000 fit" in seen(page)
    assert "x" * 5001 in page.body.decode()
    assert front.answer() is None


def test_a_comment_of_the_greatest_length_in_any_script_fits(front: Front):
    path = front.sent()
    comment = "ش" * 5000
    assert front.post(path, {"score": "7", "comment": comment}).status == 200
    answer = front.answer()
    assert answer is not None
    assert answer.comment == comment


def test_a_hostile_comment_is_kept_as_text_and_shown_as_text(front: Front):
    path = front.sent()
    hostile = "</textarea><script>alert(1)</script>{{ 7*7 }}=cmd|' /C calc'!A0\x00\x1b[31m"
    front.post(path, {"score": "7", "comment": hostile})
    answer = front.answer()
    assert answer is not None
    assert answer.comment == "</textarea><script>alert(1)</script>{{ 7*7 }}=cmd|' /C calc'!A0[31m"
    again = front.post(path, {"comment": hostile})
    assert "<script" not in again.body.decode()


def test_a_body_that_is_no_form_is_no_answer(front: Front):
    path = front.sent()
    assert front.caller.post(path, b'{"score": 9}', content_type="application/json").status == 422
    assert front.caller.post(path, b"\xff\xfe", content_type="multipart/form-data; boundary=x").status in (
        400,
        422,
    )
    assert front.answer() is None


def test_a_body_of_ten_megabytes_is_refused_unread(front: Front):
    path = front.sent()
    assert front.caller.call("POST", path, [b"x"], {"content-length": "10000000"}).status == 413
    assert front.answer() is None


# ---------------------------------------------------------------- twice, again, and too late


def test_the_same_answer_twice_is_one_answer(front: Front):
    path = front.sent()
    for _ in range(3):
        assert front.post(path, {"score": "9", "comment": "good"}).status == 200
        front.later(seconds=20)
    assert versions(front) == 1


def test_two_at_the_same_moment_are_one_answer(front: Front):
    path = front.sent()

    def press(_: int) -> int:
        caller = Caller(front.app)
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return asyncio.run(caller.calling("POST", path, [b"score=9"], kind)).status

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(press, range(8))) == [200] * 8
    assert versions(front) == 1


def versions(front: Front) -> int:
    lease = front.store.acquire("s", "test", now=NOON, seconds=600)
    assert lease is not None
    return front.store.take_up("s", ["npsync"], lease=lease, now=front.clock.now())


def test_an_edit_is_a_new_version_of_the_same_answer(front: Front):
    path = front.sent()
    front.later(minutes=1)
    front.post(path, {"score": "9", "comment": "good"})
    front.later(days=1)
    page = front.get(path)
    assert "You have already answered." in seen(page)
    assert chosen(page) == []
    assert "good" not in page.body.decode()
    front.post(path, {"score": "2"})
    answer = front.answer()
    assert answer is not None
    assert (answer.score, answer.comment) == (2, "good")
    assert answer.answered_at == NOON + timedelta(minutes=1)
    assert answer.updated_at == NOON + timedelta(minutes=1, days=1)
    assert versions(front) == 2


def test_after_the_edit_window_an_answer_stays_as_it_is(front: Front):
    path = front.sent()
    front.post(path, {"score": "9"})
    front.later(days=2)
    before = dumped(front.store)
    for page in (front.get(path), front.get(path + "?score=1"), front.post(path, {"score": "1"})):
        assert page.status == 200
        assert "You have already answered" in seen(page)
        assert "cannot be changed" in seen(page)
    assert dumped(front.store) == before


def test_a_late_edit_within_the_window_is_taken_although_the_invitation_has_expired(front: Front):
    path = front.sent()
    front.later(days=13, hours=23)
    front.post(path, {"score": "9"})
    front.later(days=1)
    assert front.post(path, {"score": "8"}).status == 200
    answer = front.answer()
    assert answer is not None
    assert answer.score == 8
