"""An address written into the YAML with a password in it is shown without, whatever letters the password has."""

from __future__ import annotations

import pytest

from npsync.config.shown import _text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://ann:hush@acme.com/x", "https://(hidden)@acme.com/x"),
        ("https://ann:hu@sh@acme.com/x", "https://(hidden)@acme.com/x"),
        (
            "https://ann:hush@acme.com, https://bob:hush@acme.com",
            "https://(hidden)@acme.com, https://(hidden)@acme.com",
        ),
        ("https://acme.com/@ann", "https://acme.com/@ann"),
        ("https://acme.com?to=ann@acme.com", "https://acme.com?to=ann@acme.com"),
    ],
)
def test_no_password_of_an_address_is_shown(written: str, shown: str):
    assert _text(written) == shown
