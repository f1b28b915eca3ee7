"""What proves who calls is shown nowhere, also where it was written into the YAML as it is: into an address, a header
or a query."""

from __future__ import annotations

from pathlib import Path

import pytest

from npsync.config import load
from npsync.config.secrets import register
from npsync.config.shown import HIDDEN, _text, as_read


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://ann:hush@acme.com/x", "https://(hidden)@acme.com/x"),
        ("https://ann:hu@sh@acme.com/x", "https://(hidden)@acme.com/x"),
        (
            "https://ann:hush@acme.com, https://bob:hush@acme.com",
            "https://(hidden)@acme.com, https://(hidden)@acme.com",
        ),
        ("https://acme.com/in?a=1&api_key=hush#x", "https://acme.com/in?a=1&api_key=(hidden)#x"),
        ("https://acme.com/in?sig=hush&lang=de", "https://acme.com/in?sig=(hidden)&lang=de"),
        ("https://acme.com/@ann", "https://acme.com/@ann"),
        ("https://acme.com?to=ann@acme.com", "https://acme.com?to=ann@acme.com"),
    ],
)
def test_no_password_of_an_address_is_shown(written: str, shown: str):
    assert _text(written) == shown


def test_what_is_a_secret_as_a_whole_is_hidden_like_every_other_one():
    register("hush-of-the-environment")
    assert _text("hush-of-the-environment") == HIDDEN
    assert _text("id hush-of-the-environment") == "id ***"


def test_what_a_described_api_is_sent_is_shown_without_what_proves_who_calls(tmp_path: Path):
    file = tmp_path / "npsync.yaml"
    file.write_text("""\
store: sqlite:///npsync.db
connections:
  tool:
    type: http
    base_url: https://api.pulse.example
    request:
      path: /v1/answers
      headers: {X-Api-Key: hush-in-a-header}
      query: {api_key: hush-in-a-query, kind: nps}
    records: answers
    pages: {kind: page, param: page}
    since: {kind: time, field: updated_at, param: updated_since}
    fields: {id: id, score: score, answered_at: created_at}
  list: {type: link, url: "https://tool.example/in?token=hush-in-an-address"}
""")
    shown = as_read(load(file))["connections"]
    assert "hush" not in str(shown)
    assert shown["tool"]["settings"]["request"]["headers"] == {"X-Api-Key": HIDDEN}
    assert shown["tool"]["settings"]["request"]["query"] == {"api_key": HIDDEN, "kind": "nps"}
