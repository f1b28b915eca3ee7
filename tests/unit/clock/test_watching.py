"""A changed file is checked before it is taken; a bad one is refused, told once, and the old one goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from builders_config import ENV, yaml
from fake_clock import FakeClock

from connectors.mail.rendering import Templates
from connectors.mail.settings import MailSettings
from nps.errors import UnavailableError
from npsync.clockwork.watching import LOOKED_EVERY, TRIED_EVERY, Taken, Watched, read


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def told() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as told:
        yield told


class Desk:
    """A file under watch, and what was taken of it."""

    def __init__(self, folder: Path, text: str) -> None:
        self.file, self.clock = folder / "npsync.yaml", FakeClock()
        self.file.write_text(text)
        self.taken: list[Taken] = []
        self.shown: str | None = None
        self.refuses: Exception | None = None
        self.watched = Watched(read(self.file), self.clock, take=self._take, tell=self._tell)

    def _take(self, new: Taken) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.taken.append(new)

    def _tell(self, problem: str | None) -> None:
        self.shown = problem

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def pass_time(self, seconds: float = 3 * LOOKED_EVERY) -> None:
        for _ in range(round(seconds / LOOKED_EVERY)):
            self.clock.advance(LOOKED_EVERY)
            self.watched.tick()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, yaml())


def hourly() -> str:
    return yaml().replace("15 minutes", "1 hour")


def test_a_file_that_stays_as_it_is_is_not_taken_again(desk: Desk):
    desk.pass_time()
    desk.file.touch()
    desk.pass_time()
    assert desk.taken == []


def test_a_changed_file_is_taken_once(desk: Desk):
    before = read(desk.file)
    desk.write(hourly())
    desk.pass_time()
    [new] = desk.taken
    assert new.config.sync["a"].every == 4 * before.config.sync["a"].every  # type: ignore[operator]
    assert new.mark != before.mark
    assert desk.shown is None


def test_a_file_that_is_still_being_written_is_left_until_it_rests(desk: Desk):
    text = hourly()
    for end in range(len(text) - 5, len(text)):
        desk.write(text[:end])
        desk.pass_time(LOOKED_EVERY)
    assert desk.taken == []
    desk.write(text)
    desk.pass_time()
    assert len(desk.taken) == 1


def test_a_bad_file_is_refused_with_its_line_and_told_once(desk: Desk, told: list[Any]):
    desk.write(yaml().replace("every: 15 minutes", "every: 15 minuets"))
    desk.pass_time(10 * TRIED_EVERY)
    assert desk.taken == []
    assert desk.shown is not None
    assert desk.shown.startswith(f"{desk.file}:")
    assert '"15 minuets" is not a duration' in desk.shown
    assert [line["event"] for line in told] == ["config_refused"]


def test_what_is_put_right_is_taken_and_nothing_is_shown_any_more(desk: Desk):
    desk.write("sync: [")
    desk.pass_time()
    desk.write(hourly())
    desk.pass_time()
    assert (len(desk.taken), desk.shown) == (1, None)


def test_what_is_put_back_is_no_change(desk: Desk, told: list[Any]):
    desk.write("sync: [")
    desk.pass_time()
    desk.write(yaml())
    desk.pass_time()
    assert (desk.taken, desk.shown) == ([], None)
    assert [line["event"] for line in told] == ["config_refused", "config_back"]


def test_a_file_that_is_gone_for_a_while_stops_nothing(desk: Desk):
    text = desk.file.read_text()
    desk.file.unlink()
    desk.pass_time()
    assert desk.shown is not None
    assert "there is no file" in desk.shown
    desk.write(text)
    desk.pass_time()
    assert (desk.taken, desk.shown) == ([], None)


def test_whoever_asks_has_it_looked_at_at_once(desk: Desk):
    desk.write(hourly())
    desk.watched.ask()
    desk.watched.tick()
    assert len(desk.taken) == 1
    desk.watched.tick()
    assert len(desk.taken) == 1
    assert desk.watched.look() == {
        "status": "succeeded",
        "taken": True,
        "mark": desk.taken[0].mark,
        "changed": False,
    }
    assert [one.as_before for one in desk.taken] == [False, True]  # no web is started again for the second


def test_a_failing_test_of_its_own_refuses_a_file(desk: Desk):
    tests = "tests:\n  - {name: a nine, given: {score: 9}, expect: {NPS__c: 8}}\n"
    desk.write(yaml(sync=tests))
    desk.pass_time()
    assert desk.taken == []
    assert desk.shown is not None
    assert 'sync.a: its test "a nine" fails' in desk.shown


@pytest.mark.parametrize(
    ("top", "says"),
    [
        ("store: sqlite:///elsewhere.db\n", "store: cannot change while npsync serve runs; restart it"),
        ("pepper: a-pepper-of-sixteen-letters\n", "pepper: cannot change"),
        ("public_url: https://ask.acme.example\n", "public_url: cannot change"),
    ],
)
def test_what_the_process_was_started_with_needs_a_restart(desk: Desk, top: str, says: str):
    desk.write(yaml(top=top))
    desk.pass_time()
    assert desk.taken == []
    assert desk.shown is not None
    assert says in desk.shown
    assert ":1:" in desk.shown


def test_a_file_of_which_nothing_can_be_made_changes_nothing(desk: Desk):
    desk.refuses = UnavailableError("the store is busy")
    desk.write(hourly())
    desk.pass_time()
    assert desk.shown == "the store is busy"
    desk.refuses = None
    desk.pass_time(2 * TRIED_EVERY)
    assert (len(desk.taken), desk.shown) == (1, None)


def test_a_new_secret_is_a_change_and_never_shown(tmp_path: Path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "token").write_text("first-secret-of-acme")
    text = yaml(top="secrets_folder: secrets\n").replace('"${WOOTRIC_SECRET}"', '"${file:token}"')
    desk = Desk(tmp_path, text)
    desk.pass_time()
    assert desk.taken == []
    fresh = secrets / "fresh"
    fresh.write_text("second-secret-of-acme")
    os.replace(fresh, secrets / "token")
    desk.pass_time()
    [new] = desk.taken
    assert not new.as_before
    assert new.config.connections["mail"].settings.client_secret.get_secret_value() == "second-secret-of-acme"  # type: ignore[attr-defined]
    (secrets / "token").unlink()
    desk.pass_time()
    assert desk.shown is not None
    assert "secret-of-acme" not in desk.shown


def test_a_file_that_names_another_secret_is_taken_once(tmp_path: Path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("old", "new"):
        (secrets / name).write_text(f"{name}-secret-of-acme")
    text = yaml(top="secrets_folder: secrets\n").replace('"${WOOTRIC_SECRET}"', '"${file:old}"')
    desk = Desk(tmp_path, text)
    desk.write(text.replace("file:old", "file:new"))
    desk.pass_time(10 * LOOKED_EVERY)
    assert len(desk.taken) == 1
    (secrets / "new").write_text("newer-secret-of-acme")
    desk.pass_time(10 * LOOKED_EVERY)
    assert len(desk.taken) == 2


# ------------------------------------------------------------ the logo, and the words of mails

MAILER = """
  mailer:
    type: mail
    host: smtp.acme.com
    sender: Acme <feedback@acme.com>
    templates: {html: mail.html}
"""
WORDS = "<p>{{ name }}</p><a href='{{ link }}'>answer</a><a href='{{ unsubscribe }}'>no more</a>"


@pytest.fixture
def dressed(tmp_path: Path) -> Desk:
    (tmp_path / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "mail.html").write_text(WORDS)
    first, connections, rest = yaml().partition("connections:\n")
    text = f"branding: {{logo: logo.svg}}\n{first}{connections}{MAILER.lstrip(chr(10))}{rest}"
    return Desk(tmp_path, text)


def html_of(taken: Taken, folder: Path) -> str:
    settings = taken.config.connections["mailer"].settings
    assert isinstance(settings, MailSettings)
    return Templates.of(settings.templates, folder).html.text


def test_a_new_logo_is_taken(dressed: Desk):
    (dressed.file.parent / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9'/>")
    dressed.pass_time()
    [new] = dressed.taken
    assert not new.as_before  # the web begins anew: it holds the old one


def test_a_logo_that_went_is_refused_with_its_line_until_it_is_there_again(dressed: Desk):
    logo = dressed.file.parent / "logo.svg"
    logo.rename(logo.with_suffix(".away"))
    dressed.pass_time()
    assert dressed.taken == []
    assert dressed.shown == f'{dressed.file}:1:12: branding.logo: there is no file "logo.svg"'
    logo.with_suffix(".away").rename(logo)
    dressed.pass_time()
    assert (dressed.taken, dressed.shown) == ([], None)


def test_new_words_of_a_mail_are_taken_and_bad_ones_are_refused_while_the_old_ones_go_on(dressed: Desk):
    file, before = dressed.file.parent / "mail.html", read(dressed.file)
    file.write_text(WORDS.replace("{{ name }}", "{{ nmae }}"))
    dressed.pass_time()
    assert dressed.taken == []
    assert dressed.shown is not None
    assert "connections.mailer.templates.html: mail.html:1" in dressed.shown
    assert "nmae" in dressed.shown
    assert html_of(before, file.parent) == WORDS  # what it was checked with
    file.write_text(WORDS + "<p>Thank you</p>")
    dressed.pass_time()
    [new] = dressed.taken
    assert html_of(new, file.parent).endswith("<p>Thank you</p>")
    assert dressed.shown is None
