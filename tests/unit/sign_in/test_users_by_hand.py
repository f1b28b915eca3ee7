"""`npsync users` and `npsync audit`, as people type them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nps.errors import ConfigError
from npsync.cli import application

PASSWORD = "correct horse battery"


@dataclass
class Terminal:
    """Somebody's shell in a folder with a YAML file."""

    folder: Path

    def run(self, *words: str, given: str = "") -> str:
        ended = CliRunner().invoke(application(), [*words], input=given, catch_exceptions=True)
        if isinstance(ended.exception, ConfigError):
            raise ended.exception
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture
def terminal(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    (tmp_path / "npsync.yaml").write_text("store: sqlite:///npsync.db\n", encoding="utf-8")
    (tmp_path / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


def test_a_user_is_made_changed_and_revoked_and_all_of_it_is_kept(terminal: Terminal):
    terminal.run("users", "create", "ann", "--role", "admin", "--password-file", "password")
    with pytest.raises(ConfigError, match="npsync users role ann --role viewer"):
        terminal.run("users", "create", "ann", "--role", "viewer", "--password-file", "password")
    terminal.run("users", "role", "ann", "--role", "viewer")
    terminal.run("users", "password", "ann", given=f"{PASSWORD}!\n")  # through a pipe
    terminal.run("users", "revoke", "ann")
    [user] = terminal.json("users", "list")["users"]
    assert (user["name"], user["role"], user["signed_in_at"]) == ("ann", "viewer", None)
    assert user["revoked_at"] is not None
    audit = terminal.json("audit", "--since", "1 day")["audit"]
    assert [(one["what"], one["about"]) for one in audit] == [
        ("revoked a user", "user:ann"),
        ("changed a password", "user:ann"),
        ("changed a role", "user:ann"),
        ("made a user", "user:ann"),
    ]
    assert PASSWORD not in terminal.run("audit") + terminal.run("users", "list")
    assert terminal.json("audit", "--who", "user:nobody") == {"audit": []}
    assert terminal.json("audit", "--since", "2100-01-01") == {"audit": []}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("users", "create", "ann", "--role", "admin", "--password-file", "npsync.yaml/x"), "can't be read"),
        (("users", "create", "ann", "--role", "admin"), "there is no password"),
        (("users", "create", "a b", "--role", "admin", "--password-file", "password"), "no name for a user"),
        (("users", "revoke", "bob"), 'no user "bob"'),
        (("users", "role", "bob", "--role", "viewer"), 'no user "bob"'),
        (("audit", "--since", "yesterday"), "no day like"),
    ],
)
def test_what_is_wrong_is_said(terminal: Terminal, words: tuple[str, ...], why: str):
    with pytest.raises(ConfigError, match=why):
        terminal.run(*words)


def test_a_password_is_no_argument(terminal: Terminal):
    words = ["users", "create", "ann", "--role", "viewer", "--password", PASSWORD]
    assert CliRunner().invoke(application(), words).exit_code == 2
