"""`npsync tokens`: made, shown once, listed, revoked."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_process import Npsync


@pytest.fixture
def npsync(tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path)
    npsync.configured({"store": "sqlite:///npsync.db"})
    return npsync


def test_a_token_is_shown_once_and_alone_on_standard_output(npsync: Npsync):
    made = npsync("tokens", "create", "marketing")
    token = made.out.strip()
    assert token.startswith("npsync_")
    assert len(token) > 40
    assert token not in npsync("tokens", "list").everything
    assert npsync("tokens", "create", "support", "--json").json["token"] != token


def test_a_list_says_what_there_is(npsync: Npsync):
    assert "npsync tokens create NAME" in npsync("tokens", "list").out
    npsync("tokens", "create", "marketing")
    npsync("tokens", "create", "support")
    npsync("tokens", "revoke", "marketing")
    support, marketing = npsync("tokens", "list", "--json").json["tokens"]
    assert (support["name"], support["scopes"], support["used_at"]) == ("support", ["events"], None)
    assert support["revoked_at"] is None
    assert marketing["revoked_at"] is not None
    kept = npsync("audit", "--json", "--about", "token:marketing").json["audit"]
    assert [(one["what"], one["facts"]) for one in kept] == [
        ("revoked a token", {}),
        ("made a token", {"scopes": "events"}),
    ]
    assert max(map(len, npsync("tokens", "list").out.splitlines())) <= 100


def test_a_token_may_end_by_itself(npsync: Npsync):
    assert (
        npsync("tokens", "create", "agency", "--expires", "90 days", "--json").json["expires_at"] is not None
    )
    assert npsync("tokens", "create", "support", "--json").json["expires_at"] is None
    support, agency = npsync("tokens", "list", "--json").json["tokens"]
    assert (support["expires_at"], agency["expires_at"] is None) == (None, False)
    npsync("tokens", "revoke", "support")
    listed = npsync("tokens", "list").out
    assert "revoked 20" in listed
    assert max(map(len, listed.splitlines())) <= 100
    assert "--expires" in npsync("tokens", "create", "x", "--expires", "soon", exits=2).err


def test_mistakes_are_named(npsync: Npsync):
    npsync("tokens", "create", "marketing")
    assert "already" in npsync("tokens", "create", "marketing", exits=2).err
    assert "no name" in npsync("tokens", "create", "mar keting", exits=2).err
    assert (
        'no scope "admin"; there is events'
        in npsync("tokens", "create", "x", "--scope", "admin", exits=2).err
    )
    assert "npsync tokens list" in npsync("tokens", "revoke", "nobody", exits=2).err
