"""What people and vendors say after a send: the sandbox signs and posts as the vendors do, and answers come home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
from contract_opening import contract_tools, open_source
from contract_place import Place
from fake_clock import fake_tools
from post_box import PostBox, post_box
from sender_table import CONNECTION, SENDERS, asked, open_sender, somebody

from connectors.asking import Hears
from connectors.contract import Posted, Refused
from connectors.twilio.hooks import TwilioHooks
from connectors.twilio.settings import TwilioSettings
from nps.asking import INVITATION
from nps.events import Signal, SignalKind
from nps.responses import Cursor
from nps.sending import Accepted, SuppressedByVendor


@pytest.fixture
def box(place: Place) -> Iterator[PostBox]:
    with post_box() as running:
        place.sandbox.control("POST", "/twilio/do/inbound", {"url": f"{running.url}/hooks/{CONNECTION}"})
        yield running
        place.sandbox.control("POST", "/twilio/do/inbound", {"url": None})


def told(place: Place, box: PostBox, *, token: str | None = None) -> list[Signal]:
    """What our hook makes of everything Twilio posted since the last look."""
    place.sandbox.control("POST", "/deliveries/settle", {})
    given = SENDERS["twilio"].settings(place)
    settings = TwilioSettings.model_validate(given | ({"auth_token": token} if token else {}))
    hooks = TwilioHooks(settings)
    now = datetime.now(UTC)
    found: list[Signal] = []
    for request in box.take():
        posted = Posted(request.method, f"{box.url}{request.path}", request.headers, request.body, now)
        found += [each for each in hooks.receive(posted).arrivals if isinstance(each, Signal)]
    return found


def test_a_score_that_is_texted_back_is_told(place: Place, box: PostBox) -> None:
    olga = somebody(SENDERS["twilio"], place)
    place.sandbox.control("POST", "/twilio/do/reply", {"from": olga.phone, "body": "9, löve it 🙂"})
    [signal] = told(place, box)
    assert (signal.kind, signal.address, signal.text) == (SignalKind.REPLY, olga.phone, "9, löve it 🙂")


def test_stop_is_told_and_the_next_text_is_suppressed_until_start(place: Place, box: PostBox) -> None:
    row = SENDERS["twilio"]
    sender = open_sender("twilio", row.settings(place))
    olga = somebody(row, place)
    place.sandbox.control("POST", "/twilio/do/reply", {"from": olga.phone, "body": "Stop"})
    assert [(each.kind, each.address) for each in told(place, box)] == [(SignalKind.STOP, olga.phone)]
    outcome = sender.send(asked(row, olga))
    assert isinstance(outcome, SuppressedByVendor)
    assert outcome.opted_out
    place.sandbox.control("POST", "/twilio/do/reply", {"from": olga.phone, "body": "START"})
    assert [each.kind for each in told(place, box)] == [SignalKind.START]
    assert isinstance(sender.send(asked(row, olga)), Accepted)
    sender.close()


def test_what_is_texted_back_is_listed_as_it_is_posted(place: Place, box: PostBox) -> None:
    row = SENDERS["twilio"]
    sender = open_sender("twilio", row.settings(place))
    olga = somebody(row, place)
    for body in ("8 quick", "Stop", "START"):
        place.sandbox.control("POST", "/twilio/do/reply", {"from": olga.phone, "body": body})
    posted = told(place, box)
    [page] = cast(Hears, sender).heard(Cursor({"heard_at": datetime.now(UTC).isoformat()}))
    listed = {one.key: (one.kind, one.address, one.text) for one in page.signals}
    assert len(posted) == 3
    assert all(listed[one.key] == (one.kind, one.address, one.text) for one in posted)
    sender.close()


def test_what_became_of_a_text_is_told_of_the_message_that_was_accepted(place: Place, box: PostBox) -> None:
    row = SENDERS["twilio"]
    tools = replace(fake_tools(CONNECTION), public_url=box.url)
    sender = open_sender("twilio", row.settings(place), tools)
    outcome = sender.send(asked(row, somebody(row, place)))
    assert isinstance(outcome, Accepted)
    assert {(each.kind, each.message) for each in told(place, box)} == {
        (SignalKind.DELIVERED, outcome.message)
    }
    sender.close()


def test_what_another_account_signed_is_not_let_in(place: Place, box: PostBox) -> None:
    olga = somebody(SENDERS["twilio"], place)
    place.sandbox.control("POST", "/twilio/do/reply", {"from": olga.phone, "body": "9"})
    with pytest.raises(Refused) as caught:
        told(place, box, token="another-accounts-token")
    assert (caught.value.status, caught.value.code) == (403, "wrong_signature")


@pytest.mark.parametrize("way", ["email", "web", "mobile"])
def test_an_answer_to_wootric_s_survey_brings_the_invitation_back(place: Place, way: str) -> None:
    row = SENDERS["wootric"]
    olga = somebody(row, place)
    place.sandbox.control("POST", "/wootric/end_users", {"email": olga.email})
    sender = open_sender("wootric", row.settings(place) | {"send": way})
    question = asked(row, olga)
    assert isinstance(sender.send(question), Accepted)
    sender.close()
    [ask] = row.taken(place, olga)
    assert ask["channel"] == way
    place.sandbox.control("POST", "/wootric/do/answer", {"id": ask["id"], "score": 9, "text": "quick"})
    source = open_source("wootric", row.settings(place), contract_tools("inbox"))
    answers = [each for page in source.read(None, since=None) for each in page.responses]
    source.close()
    [answer] = [each for each in answers if each.email == olga.email]
    assert (answer.score, answer.comment) == (9, "quick")
    assert answer.properties[INVITATION] == question.invitation


def test_who_switched_surveys_off_in_wootric_is_not_asked(place: Place) -> None:
    row = SENDERS["wootric"]
    sender = open_sender("wootric", row.settings(place))
    olga = somebody(row, place)
    sender.send(asked(row, olga))
    [ask] = row.taken(place, olga)
    place.sandbox.control("POST", "/wootric/do/opt_out", {"id": str(ask["end_user_id"])})
    outcome = sender.send(asked(row, olga))
    assert isinstance(outcome, SuppressedByVendor)
    assert outcome.opted_out
    assert len(row.taken(place, olga)) == 1
    sender.close()


def test_a_second_survey_within_promoter_s_own_throttle_is_suppressed(place: Place) -> None:
    row = SENDERS["promoter"]
    sender = open_sender("promoter", row.settings(place))
    olga = somebody(row, place)
    assert isinstance(sender.send(asked(row, olga)), Accepted)
    outcome = sender.send(asked(row, olga))
    assert isinstance(outcome, SuppressedByVendor)
    assert (outcome.code, outcome.opted_out) == ("not_eligible", False)
    [survey] = row.taken(place, olga)
    assert survey["attributes"][INVITATION].startswith("contract-invitation-")
    sender.close()
