"""`npsync bounces`: what came back by mail is stored once, for those who act on it."""

from __future__ import annotations

import io
import mailbox
from pathlib import Path

import pytest
from builders_config import config_of
from builders_reports import CALLED, dsn
from fake_clock import FakeClock

from nps.errors import ConfigError
from nps.events import Signal, SignalKind
from npsync import opening
from npsync.asking import bounced
from npsync.asking.bounced import Read

YAML = """\
store: "sqlite:///{folder}/npsync.db"
connections:
  mailer:
    type: mail
    host: smtp.acme.example
    sender: Acme <feedback@acme.example>
"""


def read(folder: Path, *places: Path | str, connection: str = "mailer") -> tuple[Read, list[Signal]]:
    config = config_of(YAML.replace("{folder}", str(folder)), folder)
    clock = FakeClock()
    with opening.open_store(config) as store:
        told = bounced.read(config, store, connection, [str(place) for place in places], clock)
        arrived = [each.what for each in store.arrivals(100, now=clock.now())]
    assert all(isinstance(each, Signal) for each in arrived)
    return told, arrived  # type: ignore[return-value]


def maildir(folder: Path, *mails: bytes) -> Path:
    box = mailbox.Maildir(folder / "bounces", create=True)
    for raw in mails:
        box.add(raw)
    return folder / "bounces"


def test_a_maildir_is_read_and_reading_it_again_changes_nothing(tmp_path):
    box = maildir(tmp_path, dsn(), dsn("5.2.2"), b"Subject: hello\n\nhi")
    told, arrived = read(tmp_path, box)
    assert told == Read(mails=3, told=2, new=2)
    assert {(each.connection, each.kind, each.message) for each in arrived} == {
        ("mailer", SignalKind.BOUNCE, CALLED),
        ("mailer", SignalKind.SOFT_BOUNCE, CALLED),
    }
    again, _ = read(tmp_path, box)
    assert again == Read(mails=3, told=2, new=0)


def test_a_mail_an_mbox_and_a_folder_of_mails_are_read_alike(tmp_path):
    one = tmp_path / "one.eml"
    one.write_bytes(dsn())
    box = mailbox.mbox(tmp_path / "box")
    for status in ("5.1.1", "5.2.2"):
        box.add(dsn(status))
    box.close()
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "a.eml").write_bytes(dsn("4.4.1", "delayed"))
    told, _ = read(tmp_path, one, tmp_path / "box", folder)
    assert told == Read(mails=4, told=4, new=3)


def test_a_mail_server_may_hand_a_mail_over_by_standard_input(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(dsn())))
    assert read(tmp_path, "-")[0] == Read(mails=1, told=1, new=1)


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="there is no file or folder"):
        read(tmp_path, tmp_path / "nowhere")
    with pytest.raises(ConfigError, match='"crm" is no connection of type mail; mailer'):
        read(tmp_path, "-", connection="crm")
