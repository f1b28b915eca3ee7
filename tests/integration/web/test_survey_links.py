"""/s/{id}: links that lead nowhere, languages, too many requests, robots, previews, and where the page may stand."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from asgi_caller import Caller
from builders_asking import ANN, claim, reserve
from builders_page import ID, Front, seen
from fake_clock import NOON

from nps.asking import InvitationState, StepState
from nps.errors import UnavailableError
from store.sql import SqlStore

GONE = [
    "/s/AAAAAAAAAAAAAAAAAAAAAA",
    "/s/x",
    "/s/" + "A" * 200,
    "/s/%00",
    "/s/..%2F..%2Fetc",
    "/s/'%20OR%201=1",
]


def dumped(store: SqlStore) -> list[str]:
    return list(store.dump())


# ---------------------------------------------------------------- links that lead nowhere


@pytest.mark.parametrize("path", GONE)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_link_that_nobody_was_sent_is_not_there(front: Front, path, method):
    reply = front.caller.call(method, path, [], {})
    assert reply.status == 404


def test_unknown_forged_expired_and_never_sent_links_show_one_and_the_same_page(front: Front):
    expired = front.sent("E" * 22)
    front.queued("Q" * 22)
    front.later(days=14)
    pages = [front.get(path) for path in (*GONE[:2], expired, "/s/" + "Q" * 22)]
    assert [page.status for page in pages] == [404, 404, 410, 404]
    assert len({page.body for page in pages}) == 1
    assert "This link does not work" in seen(pages[0])
    assert front.post(expired, {"score": "9"}).status == 410
    assert front.answer("E" * 22) is None


def test_an_invitation_that_only_casts_its_shadow_takes_no_answer(front: Front):
    front.queued(state=InvitationState.SHADOW)
    before = dumped(front.store)
    assert front.post(f"/s/{ID}", {"score": "9"}).status == 404
    assert dumped(front.store) == before


def test_a_message_that_arrives_before_its_sending_is_settled_can_be_answered(front: Front):
    front.queued()
    [claimed] = claim(front.store)
    reserve(front.store, claimed, ANN)
    assert front.post(f"/s/{ID}", {"score": "9"}).status == 200
    answer = front.answer()
    assert answer is not None
    assert answer.score == 9


def test_a_survey_that_left_the_yaml_is_over(front: Front):
    path = front.sent(survey="long-gone")
    assert front.get(path).status == 410
    assert front.get(front.sent("N" * 22, survey="not-ours")).status == 410


# ---------------------------------------------------------------- languages


def test_the_page_speaks_the_browsers_language_where_the_question_does(front: Front):
    page = front.get(front.sent(), accept_language="de-CH,de;q=0.9,en;q=0.5")
    assert '<html lang="de" dir="ltr">' in page.body.decode()
    assert "Wie wahrscheinlich empfehlen Sie Acme weiter?" in seen(page)
    assert "10 = Sehr wahrscheinlich" in seen(page)


def test_a_browser_in_a_language_the_question_is_not_asked_in_changes_nothing(front: Front):
    page = front.get(front.sent(), accept_language="fr")
    assert '<html lang="en"' in page.body.decode()


def test_the_links_language_comes_before_the_browsers_and_stays_through_all_steps(front: Front):
    path = front.sent() + "?lang=de"
    page = front.get(path, accept_language="en")
    assert '<html lang="de"' in page.body.decode()
    assert f'action="/s/{ID}?lang=de"' in page.body.decode()
    assert "Was gefällt Ihnen am besten?" in seen(front.post(path, {"score": "10"}, accept_language="en"))


def test_a_page_in_arabic_runs_from_right_to_left_and_marks_what_is_not_arabic(front: Front):
    html = front.get(front.sent() + "?lang=ar").body.decode()
    assert '<html lang="ar" dir="rtl">' in html
    assert '<h1 lang="en" dir="auto">How likely are you to recommend Acme?</h1>' in html


# ---------------------------------------------------------------- too many, robots, wording


def test_one_link_is_served_so_often_and_then_asks_for_patience(front: Front):
    path = front.sent()
    statuses = [front.get(path).status for _ in range(70)]
    assert statuses[:60] == [200] * 60
    assert statuses[-1] == 429
    page = front.get(path)
    assert page.headers["retry-after"] == "60"
    assert "Please try again in a minute." in seen(page)
    front.later(minutes=1)
    assert front.get(path).status == 200


def test_whoever_guesses_links_is_slowed_down_and_others_are_not(front: Front):
    path = front.sent()
    statuses = [front.get(f"/s/{number:022d}").status for number in range(70)]
    assert statuses[:60] == [404] * 60
    assert statuses[-1] == 429
    assert front.get(path).status == 200


def test_an_answer_after_a_program_opened_every_link_says_so(front: Front):
    path = front.sent()
    front.later(minutes=5)
    for score in range(11):
        front.get(f"{path}?score={score}")
    front.post(path, {"score": "10"})
    answer = front.answer()
    assert answer is not None
    assert answer.properties["npsync_suspicion"] == "several_scores"


def test_an_answer_seconds_after_the_sending_says_so_until_words_follow(front: Front):
    path = front.sent()
    front.later(seconds=3)
    front.post(path, {"score": "10"})
    answer = front.answer()
    assert answer is not None
    assert answer.properties["npsync_suspicion"] == "too_soon"
    front.post(path, {"score": "10", "comment": "really"})
    answer = front.answer()
    assert answer is not None
    assert "npsync_suspicion" not in answer.properties


def test_somebody_who_changes_their_mind_is_no_program(front: Front):
    path = front.sent()
    front.later(minutes=5)
    for score in (9, 8):
        front.get(f"{path}?score={score}")
    front.post(path, {"score": "8"})
    answer = front.answer()
    assert answer is not None
    assert "npsync_suspicion" not in answer.properties


def test_the_wording_can_be_looked_at_on_this_machine_without_recording_anything(front: Front):
    near = Caller(front.app, address="127.0.0.1", headers={"host": "localhost:8642"})
    before = dumped(front.store)
    page = near.get("/s/preview/effort")
    assert page.status == 200
    assert "Preview. Nothing is stored." in seen(page)
    kind = {"content_type": "application/x-www-form-urlencoded"}
    assert "c" in seen(near.post("/s/preview/effort", b"score=1", **kind))
    assert "Thank you!" in seen(near.post("/s/preview/effort", b"score=1&comment=x", **kind))
    assert dumped(front.store) == before


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.9", {"host": "localhost"}),
        ("127.0.0.1", {"host": "evil.example"}),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "203.0.113.9"}),
    ],
    ids=["from-elsewhere", "rebound-name", "through-a-proxy"],
)
def test_the_wording_is_shown_to_nobody_else(front: Front, address, headers):
    assert Caller(front.app, address=address, headers=headers).get("/s/preview/effort").status == 404


def test_a_page_may_stand_inside_the_companys_own_product_and_nowhere_else(front: Front):
    page = front.get(front.sent() + "?embed=1")
    assert "frame-ancestors https://app.acme.example" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] != "DENY"
    [script] = re.findall(r'<script src="([^"]+)" defer></script>', page.body.decode())
    assert front.get(script).headers["content-type"].startswith("text/javascript")
    assert f'action="/s/{ID}?embed=1"' in page.body.decode()


def test_without_a_product_named_no_page_may_be_embedded(store: SqlStore, tmp_path: Path):
    plain = Front(store, tmp_path, "public_url: https://a.example\nsurveys:\n  relationship: {ask: How?}\n")
    page = plain.get(plain.sent() + "?embed=1")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.body.decode()


def test_below_a_path_of_the_public_address_all_links_stay_below_it(store: SqlStore, tmp_path: Path):
    yaml = "public_url: https://acme.example/feedback\nsurveys:\n  relationship: {ask: How?}\n"
    below = Front(store, tmp_path, yaml)
    path = below.sent()
    page = below.get("/feedback" + path)
    assert page.status == 200
    assert f'action="/feedback/s/{ID}"' in page.body.decode()
    [address] = re.findall(r'rel="stylesheet" href="([^"]+)"', page.body.decode())
    assert address.startswith("/feedback/s/-/")
    assert below.get(address).status == 200


def test_a_logo_of_the_companys_own_is_served_by_us(store: SqlStore, tmp_path: Path):
    (tmp_path / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    yaml = "branding: {company: Acme, logo: logo.svg}\nsurveys:\n  relationship: {ask: How?}\n"
    front = Front(store, tmp_path, yaml)
    html = front.get(front.sent()).body.decode()
    [address, name] = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', html)[0]
    assert name == "Acme"
    logo = front.get(address)
    assert logo.headers["content-type"].startswith("image/svg+xml")
    assert "default-src 'none'" in logo.headers["content-security-policy"]


def test_the_reminder_of_an_answered_question_is_not_sent(front: Front):
    path = front.sent(remind=[timedelta(days=3)])
    front.post(path, {"score": "9"})
    assert [one.state for one in front.store.steps_of(ID)] == [StepState.ACCEPTED, StepState.CANCELLED]
    assert claim(front.store, now=NOON + timedelta(days=30)) == []


def test_the_mail_can_be_looked_at_with_its_reminder_and_its_text(store: SqlStore, tmp_path: Path):
    yaml = """
public_url: https://ask.acme.example
branding: {company: Acme}
connections:
  mailer:
    type: mail
    host: smtp.example.com
    sender: Acme <feedback@example.com>
    templates: {subject: "A word, {{ name }}?"}
surveys:
  relationship:
    ask: How?
    through: [{use: mailer}]
    translations: {de: {ask: Wie?}}
"""
    near = Caller(Front(store, tmp_path, yaml).app, address="127.0.0.1", headers={"host": "localhost:8642"})
    before = dumped(store)
    mail = near.get("/s/preview/relationship/mail?lang=de")
    assert mail.status == 200
    assert "Wie?" in mail.body.decode()
    assert "http://localhost:8642/s/preview/relationship?lang=de&amp;score=9" in mail.body.decode()
    assert "script" not in mail.headers["content-security-policy"]
    text = near.get("/s/preview/relationship/mail?text&reminder").body.decode()
    assert text.startswith("Subject: A word, Ann O'Brien?\n")
    assert "We asked you a few days ago" in text
    assert dumped(store) == before


def test_the_mail_is_shown_to_nobody_else(front: Front):
    assert front.get("/s/preview/relationship/mail").status == 404


def test_an_answer_whose_invitation_could_not_be_marked_is_kept_and_marked_the_next_time(
    front: Front, monkeypatch: pytest.MonkeyPatch
):
    """As a process that is killed between the two leaves it."""
    path = front.sent()
    front.later(minutes=1)
    with monkeypatch.context() as patched:
        patched.setattr(front.store, "answered", _killed)
        assert front.post(path, {"score": "9"}).status == 500
    kept = front.answer()
    assert kept is not None
    assert kept.score == 9
    assert front.post(path, {"score": "9"}).status == 200
    found = front.store.invitation(ID)
    assert found is not None
    assert found.state is InvitationState.ANSWERED
    assert front.answer() == kept


def test_a_store_that_cannot_be_reached_is_told_to_a_customer_in_words(
    front: Front, monkeypatch: pytest.MonkeyPatch
):
    path = front.sent()
    monkeypatch.setattr(front.store, "append", _locked)
    page = front.post(path, {"score": "9"})
    assert page.status == 503
    assert "Please try again in a minute." in seen(page)
    assert "locked" not in seen(page)


def _locked(*given: object, **more: object) -> None:
    raise UnavailableError("the store is locked")


def _killed(*given: object, **more: object) -> None:
    raise KeyError("killed")
