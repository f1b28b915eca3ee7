"""`npsync triggers simulate` on the sandbox's own past: who would have been asked, and not a trace of it anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cli_process import Npsync, config
from sandbox_process import RunningSandbox, running_sandbox

DAYS = 90
NEW_YORK = ZoneInfo("America/New_York")


def asking() -> dict[str, Any]:
    """The example file, with cases that ask, an audience, and a mailer nobody may reach."""
    file = config()
    file["public_url"] = "https://surveys.acme.example"
    file["connections"]["mailer"] = {"type": "mail", "host": "127.0.0.1", "sender": "Acme <ask@acme.example>"}
    file["people"]["crm"] |= {
        "opted_out": "HasOptedOutOfEmail",
        "account": {"object": "Account", "by": "AccountId"},
    }
    file["surveys"]["relationship"] |= {"ask": "How likely are you?", "through": [{"use": "mailer"}]}
    file["surveys"]["support-csat"] = {
        "metric": "csat",
        "kind": "transactional",
        "ask": "How satisfied are you?",
        "through": [{"use": "mailer"}],
    }
    file["triggers"] = {
        "after-support": {
            "event": {"connection": "crm", "kind": "case_closed"},
            "where": 'event.Priority != "Low"',
            "wait": "2 hours",
            "survey": "support-csat",
        },
        "half-yearly": {"audience": {"connection": "crm"}, "every": "180 days", "survey": "relationship"},
        "resting": {
            "paused": True,
            "audience": {"connection": "crm"},
            "every": "90 days",
            "survey": "relationship",
        },
    }
    file["contact_policy"] = {"quiet_hours": {"from": "20:00", "to": "08:00"}, "daily_cap": 20}
    return file


@pytest.fixture(scope="module")
def busy_sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=400, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def asks(busy_sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, busy_sandbox.env)
    npsync.configured(asking())
    return npsync


def test_the_past_is_followed_and_nothing_is_sent_or_written(asks: Npsync, busy_sandbox: RunningSandbox):
    before = asks("db", "dump").out
    busy_sandbox.forget_traffic()
    told = asks("triggers", "simulate", "--days", str(DAYS), "--json").json

    assert told["events"] > 20
    assert told["triggers"]["after-support"]["asked"] > 10
    assert told["triggers"]["after-support"]["not_meant"] > 3
    assert 120 < told["triggers"]["half-yearly"]["asked"] < 280  # half of all people in half of their rhythm
    assert "resting" not in told["triggers"]  # it is paused
    for one in told["outcomes"]:
        assert one["code"] in ("asked", "waiting") or one["reason"]  # waiting: closed a moment ago
        if one["code"] == "asked":
            assert (one["via"], one["channel"]) == ("mailer", "email")

    assert asks("db", "dump").out == before
    traffic = busy_sandbox.traffic("salesforce")
    assert traffic["records_written"] == {}
    assert traffic["calls"] < 60


def test_what_it_tells_keeps_to_the_policy(asks: Npsync):
    told = asks("triggers", "simulate", "--days", str(DAYS), "--json").json
    asked = [one for one in told["outcomes"] if one["code"] == "asked"]
    by_record: dict[str, list[datetime]] = {}
    for one in asked:
        at = datetime.fromisoformat(one["at"])
        assert 8 <= at.astimezone(NEW_YORK).hour < 20
        by_record.setdefault(one["record"], []).append(at)
    for moments in by_record.values():
        assert all(b - a >= timedelta(days=7) for a, b in pairwise(sorted(moments)))
    assert (
        max(Counter(datetime.fromisoformat(one["at"]).astimezone(NEW_YORK).date() for one in asked).values())
        <= 20
    )


def test_the_text_fits_the_terminal_and_says_that_nothing_happened(asks: Npsync):
    text = asks("triggers", "simulate", "--trigger", "after-support", "--show", "3").out
    assert "Nothing was sent, nothing was written." in text
    assert "after-support (shadow)" in text
    assert "Asked per week" in text
    assert "case_reopened" not in text  # no trigger asks for it
    assert "half-yearly" not in text.partition("Nothing would have happened")[0]
    assert max(len(line) for line in text.splitlines()) <= 100


def test_a_trigger_that_is_not_there_is_told_with_the_nearest(asks: Npsync):
    refused = asks("triggers", "simulate", "--trigger", "after-suport", exits=2)
    assert 'there is no trigger "after-suport"; did you mean "after-support"?' in refused.everything
