"""A survey inside a product: its server learns which one waits, its page shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from asgi_caller import Replied
from builders_asking import ANN, claim, reserve
from builders_page import ID, YAML, Front
from fake_clock import NOON

from nps.sending import Accepted
from npsync.sign_in import tokens
from store.sql import SqlStore

PRODUCT = """
connections:
  product: {type: link, channel: in_app, needs: external_id}
  mailer: {type: mail, host: smtp.example.com, sender: Acme <feedback@example.com>}
"""
PERSON = {"email": "Ann@Example.com"}

Ask = Callable[..., Replied]


@pytest.fixture
def front(store: SqlStore, tmp_path: Path) -> Front:
    return Front(store, tmp_path, YAML + PRODUCT)


@pytest.fixture
def pending(front: Front) -> Ask:
    token = tokens.create(front.store, "product", ["surveys"], now=NOON)

    def ask(token: str = token, **person: str) -> Replied:
        return front.caller.post(
            "/api/v1/pending",
            orjson.dumps(person or PERSON),
            content_type="application/json",
            authorization=f"Bearer {token}",
        )

    return ask


def offered(front: Front, via: str = "product") -> str:
    front.queued()
    [claimed] = claim(front.store)
    reserve(front.store, claimed, ANN)
    front.store.settle_step(claimed, Accepted(), via=via, channel="in_app", now=NOON)
    return f"https://ask.acme.example/s/{ID}"


def test_a_products_server_learns_which_survey_waits_for_a_person(front: Front, pending: Ask):
    link = offered(front)
    reply = pending()
    assert reply.status == 200
    assert reply.json == {"surveys": [{"survey": "relationship", "link": link, "until": None}]}
    assert pending(email="bob@example.com").json == {"surveys": []}


def test_what_was_mailed_is_not_shown_in_the_product_as_well(front: Front, pending: Ask):
    offered(front, via="mailer")
    assert pending().json == {"surveys": []}


def test_an_answered_survey_waits_no_longer(front: Front, pending: Ask):
    offered(front)
    front.later(minutes=1)
    front.post(f"/s/{ID}", {"score": "9"})
    assert pending().json == {"surveys": []}


def test_a_survey_that_is_over_waits_no_longer(front: Front, pending: Ask):
    front.sent()  # with a deadline
    front.later(days=15)
    assert pending().json == {"surveys": []}


def test_without_the_right_token_nothing_is_told(front: Front, pending: Ask):
    offered(front)
    other = tokens.create(front.store, "marketing", ["events"], now=NOON)
    assert pending(token="npsync_wrong").status == 401
    assert pending(token=other).status == 403


def test_a_person_has_to_be_named(pending: Ask):
    assert pending(name="Ann").status == 422
    assert pending(email="no address").status == 422


def test_the_script_is_ours_and_may_be_fetched_from_anywhere(front: Front):
    script = front.get("/snippet.js")
    assert script.status == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert len(script.body) < 6_000
