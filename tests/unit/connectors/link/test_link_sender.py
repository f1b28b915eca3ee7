"""Handing a link on: to a file, to an address, or to whoever looks."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import requests
from builders_sending import INVITATION, message, recipient
from fake_clock import FakeClock, fake_tools
from played_vendor import PlayedVendor, playing
from pydantic import ValidationError

from connectors.contract import Needs, Sender, Tools
from connectors.link import CONNECTOR
from connectors.link.settings import LinkSettings
from nps.asking import Channel, StepKind
from nps.errors import AccessError, ConfigError
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown

URL = "https://hooks.acme.example/surveys?team=cs"
KEY = f"{INVITATION}/1"


def opened(folder: Path = Path(), **given: object) -> Sender:
    tools: Tools = fake_tools("links", clock=FakeClock())
    settings = LinkSettings.model_validate(given)
    assert CONNECTOR.sender is not None
    return CONNECTOR.sender(settings, replace(tools, folder=folder))


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------- a file


def test_one_send_is_one_line_under_one_heading(tmp_path):
    sender = opened(tmp_path, file="links.csv")
    assert sender.send(message()) == Accepted(KEY)
    assert sender.send(message(step=2, kind=StepKind.REMINDER)) == Accepted(f"{INVITATION}/2")
    first, second = lines(tmp_path / "links.csv")
    assert first == {
        "at": "2026-03-02T12:00:00+00:00",
        "invitation": INVITATION,
        "step": "1",
        "kind": "ask",
        "survey": "support-csat",
        "record_id": "003AX",
        "name": "Ann O'Brien",
        "email": "ann@petrov.example",
        "link": f"https://nps.acme.example/s/{INVITATION}",
        "unsubscribe": f"https://nps.acme.example/u/{INVITATION}",
        "deadline": "2026-03-16T12:00:00+00:00",
    }
    assert (second["step"], second["kind"]) == ("2", "reminder")


def test_lines_of_json_where_the_file_is_called_so(tmp_path):
    sender = opened(tmp_path, file="links.jsonl", columns=["invitation", "step", "link", "external_id"])
    sender.send(message())
    [line] = (tmp_path / "links.jsonl").read_bytes().splitlines()
    assert orjson.loads(line) == {
        "invitation": INVITATION,
        "step": 1,
        "link": f"https://nps.acme.example/s/{INVITATION}",
        "external_id": "C-007",
    }
    assert sender.find(message()) == Accepted(KEY)


def test_nobody_else_may_read_the_file(tmp_path):
    opened(tmp_path, file="links.csv").send(message())
    assert stat.S_IMODE((tmp_path / "links.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "-2", '"; DROP', "Ann,\r\nBob", "李\t小龙"])
def test_a_name_is_one_cell_on_one_line_and_no_formula(tmp_path, name):
    columns = ["invitation", "step", "name", "phone", "link"]
    opened(tmp_path, file="links.csv", columns=columns).send(message(to=recipient(name=name)))
    [row] = lines(tmp_path / "links.csv")
    assert row["name"].lstrip("'") == " ".join(name.split())
    assert not row["name"].startswith(("=", "@", "-"))
    assert row["phone"] == "+14155550123"
    assert (tmp_path / "links.csv").read_bytes().count(b"\n") == 2


def test_an_interrupted_line_is_found_where_it_is_whole_and_only_there(tmp_path):
    sender = opened(tmp_path, file="links.csv")
    assert sender.find(message()) is None  # no file: taken away, or never begun
    sender.send(message(step=9))
    assert sender.find(message()) is None  # the file with it may have been taken away, and this be a new one
    sender.send(message())
    assert sender.find(message()) == Accepted(KEY)


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_half_a_line_of_a_process_that_died_counts_for_nothing_and_is_taken_away(tmp_path, cut):
    path = tmp_path / "links.csv"
    sender = opened(tmp_path, file="links.csv")
    sender.send(message(step=8))
    sender.send(message())
    path.write_bytes(path.read_bytes()[:-cut])
    assert sender.find(message()) is None
    sender.send(message(step=9))
    assert [row["step"] for row in lines(path)] == ["8", "9"]


def test_a_line_that_may_not_last_on_disk_is_not_written_again(tmp_path):
    (tmp_path / "links.csv").symlink_to("/dev/null")  # which takes every line, and refuses to make sure of it
    assert isinstance(opened(tmp_path, file="links.csv").send(message()), FateUnknown)


def test_a_file_the_other_tool_took_away_begins_anew(tmp_path):
    sender = opened(tmp_path, file="links.csv")
    sender.send(message())
    (tmp_path / "links.csv").unlink()
    sender.send(message(step=2))
    assert [row["step"] for row in lines(tmp_path / "links.csv")] == ["2"]


def test_a_folder_that_is_not_there_is_told_before_anybody_is_asked(tmp_path):
    sender = opened(tmp_path, file="nowhere/links.csv")
    with pytest.raises(ConfigError, match="there is no folder"):
        sender.access(Needs(sends=True))  # type: ignore[attr-defined]
    outcome = sender.send(message())
    assert isinstance(outcome, FailedRetryable)
    assert "petrov" not in outcome.reason


def test_a_place_that_can_be_written_is_well(tmp_path):
    [grant] = opened(tmp_path, file="links.csv").access(Needs(sends=True))  # type: ignore[attr-defined]
    assert grant.permission == "write links.csv"
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- an address


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing("https://hooks.acme.example") as played:
        played.says = [(202, b"")]
        yield played


def test_one_send_is_one_post_that_can_be_told_from_its_repetition(vendor):
    sender = opened(url=URL, secret="Bearer abc", columns=["invitation", "step", "link"])
    assert sender.send(message()) == Accepted(KEY)
    [request] = vendor.asked
    assert (request.path, request.params) == ("/surveys", {"team": "cs"})
    assert request.json == {
        "invitation": INVITATION,
        "step": 1,
        "link": f"https://nps.acme.example/s/{INVITATION}",
    }
    assert request.headers["authorization"] == "Bearer abc"
    assert request.headers["idempotency-key"] == KEY


_NOT_RIGHT = [(401, AccessError), (403, AccessError), (404, ConfigError), (302, ConfigError)]


@pytest.mark.parametrize(("status", "error"), _NOT_RIGHT)
def test_an_address_that_is_not_right_stops_all_sending(vendor, status, error):
    vendor.says = [(status, {})]
    with pytest.raises(error, match=r"^links: hand a link on: "):
        opened(url=URL).send(message())


def test_a_refused_link_is_this_person_s_and_a_lost_answer_an_unknown_fate(vendor):
    vendor.says = [(422, {"error": "ann@petrov.example"})]
    assert opened(url=URL).send(message()) == FailedPermanent(
        "422", "the address refused the link (status 422)"
    )
    vendor.says = [requests.ReadTimeout()]
    assert isinstance(opened(url=URL).send(message()), FateUnknown)
    vendor.says = [requests.ConnectTimeout()]
    assert isinstance(opened(url=URL).send(message()), FailedRetryable)


# ---------------------------------------------------------------- a list


def test_without_file_and_address_the_link_is_there_for_whoever_looks():
    sender = opened()
    assert sender.send(message()) == Accepted()
    assert sender.find(message()) == Accepted()


def test_how_it_asks_follows_the_settings():
    listed = CONNECTOR.sends(LinkSettings.model_validate({"channel": "in_app", "needs": "external_id"}))
    posted = CONNECTOR.sends(LinkSettings.model_validate({"url": URL}))
    assert listed is not None
    assert posted is not None
    assert (listed.channel, listed.needs) == (Channel.IN_APP, "external_id")
    assert (listed.can_remind, listed.can_find) == (False, True)
    assert (posted.channel, posted.can_remind, posted.can_find) == (Channel.OTHER, True, False)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"file": "a.csv", "url": URL}, "not both"),
        ({"secret": "x"}, "belongs to url"),
        ({"url": "http://hooks.acme.example"}, "https"),
        ({"columns": ["invitation", "step"]}, "link has to be among"),
        ({"columns": ["invitation", "step", "link", "link"]}, "twice"),
        ({"columns": ["invitation", "step", "link", "birthday"]}, "birthday|Input should be"),
    ],
)
def test_settings_that_would_not_work_are_refused_with_the_reason(given, problem):
    with pytest.raises(ValidationError, match=problem):
        LinkSettings.model_validate(given)
