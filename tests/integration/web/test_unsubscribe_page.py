"""/u/{id}: one press of a button, or of the mail program's; nobody is unsubscribed by a link that is opened."""

from __future__ import annotations

import pytest
from builders_asking import ANN
from builders_page import ID, Front, seen

from nps.asking import Suppression, SuppressionReason

PATH = f"/u/{ID}"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'


def reasons(front: Front) -> set[tuple[str, SuppressionReason, str]]:
    return {(one.key, one.reason, one.source) for one in front.store.suppressions(ANN)}


def everywhere(source: str) -> set[tuple[str, SuppressionReason, str]]:
    return {(key, SuppressionReason.UNSUBSCRIBE, source) for key in ANN}


def test_opening_the_link_only_asks(front: Front):
    front.sent()
    before = list(front.store.dump())
    page = front.get(PATH)
    assert page.status == 200
    assert front.head(PATH).status == 200
    assert "Stop survey invitations?" in seen(page)
    assert '<form method="post"' in page.body.decode()
    assert list(front.store.dump()) == before


def test_the_button_suppresses_every_name_of_the_person(front: Front):
    front.sent()
    page = front.post(PATH)
    assert page.status == 200
    assert "You will not get survey invitations any more" in seen(page)
    assert reasons(front) == everywhere("page")


def test_a_mail_program_unsubscribes_with_a_form_of_its_own(front: Front):
    front.sent()
    assert front.post(PATH, {"List-Unsubscribe": "One-Click"}).status == 200
    assert reasons(front) == everywhere("one_click")


def test_a_mail_program_may_send_it_as_multipart(front: Front):
    front.sent()
    reply = front.caller.post(PATH, MULTIPART, content_type="multipart/form-data; boundary=x")
    assert reply.status == 200
    assert reasons(front) == everywhere("one_click")


def test_twice_is_as_good_as_once_and_works_after_months(front: Front):
    front.sent()
    assert front.post(PATH).status == 200
    front.later(days=300)
    assert front.post(PATH).status == 200
    assert reasons(front) == everywhere("page")


@pytest.mark.parametrize("state", ["answered", "expired"])
def test_it_works_whatever_became_of_the_invitation(front: Front, state):
    path = front.sent()
    if state == "answered":
        front.post(path, {"score": "9"})
    else:
        front.later(days=30)
        front.store.expire(now=front.clock.now(), limit=100)
    assert front.post(PATH).status == 200
    assert reasons(front) == everywhere("page")


def test_a_link_nobody_was_sent_unsubscribes_nobody(front: Front):
    front.sent()
    page = front.post("/u/AAAAAAAAAAAAAAAAAAAAAA")
    assert page.status == 404
    assert "This link does not work" in seen(page)
    assert front.store.all_suppressions() == []


def test_a_press_by_mistake_is_taken_back_by_the_same_person(front: Front):
    front.sent()
    page = front.post(PATH)
    assert "I clicked by mistake" in seen(page)
    assert 'name="mistake"' in page.body.decode()
    back = front.post(PATH, {"mistake": "1"})
    assert back.status == 200
    assert "All right" in seen(back)
    assert reasons(front) == set()


def test_what_somebody_else_said_is_not_taken_back_with_it(front: Front):
    front.sent()
    front.post(PATH)
    now = front.clock.now()
    others = [
        Suppression(key=ANN[0], reason=SuppressionReason.COMPLAINT, at=now, source="mailer"),
        Suppression(key=ANN[1], reason=SuppressionReason.CRM_OPT_OUT, at=now, source="crm"),
    ]
    front.store.suppress(others)
    front.post(PATH, {"mistake": "1"})
    assert {one.reason for one in front.store.suppressions(ANN)} == {
        SuppressionReason.COMPLAINT,
        SuppressionReason.CRM_OPT_OUT,
    }


def test_the_way_out_asks_for_no_cookie_no_reason_and_sets_none(front: Front):
    front.sent()
    page = front.post(PATH, {"List-Unsubscribe": "One-Click"}, origin="https://mail.example", referer="x")
    assert page.status == 200
    assert "set-cookie" not in page.headers
    assert "location" not in page.headers


def test_the_page_speaks_the_browsers_language(front: Front):
    front.sent()
    assert "Keine Umfragen mehr erhalten?" in seen(front.get(PATH, accept_language="de"))


def test_one_link_is_served_so_often(front: Front):
    front.sent()
    assert [front.get(PATH).status for _ in range(25)][-1] == 429
