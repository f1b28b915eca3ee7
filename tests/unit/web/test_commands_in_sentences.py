"""Commands in sentences look like commands, and nothing else does."""

from __future__ import annotations

import pytest

from npsync.web.dashboard.commands import with_commands

NAMES = {"crm", "nps-to-contacts"}


@pytest.mark.parametrize(
    ("said", "commands"),
    [
        ("refused; npsync connect crm tells more", ["npsync connect crm"]),
        ("there is no run 7; npsync runs lists them", ["npsync runs"]),
        ("Kept as dead letter 81: npsync dead-letters retry 81.", ["npsync dead-letters retry 81"]),
        ("npsync run nps-to-contacts --accept-breaker", ["npsync run nps-to-contacts --accept-breaker"]),
        ("npsync run NAME, then npsync review list", ["npsync run NAME", "npsync review list"]),
        ("npsync check. It looks again", ["npsync check"]),
        ("nothing to do, says npsync", []),
    ],
)
def test_a_command_ends_where_the_sentence_goes_on(said: str, commands: list[str]):
    html = str(with_commands(said, NAMES))
    assert [part.partition("</code>")[0] for part in html.split("<code>")[1:]] == commands
    assert html.replace("<code>", "").replace("</code>", "") == said


def test_what_a_vendor_said_stays_text():
    assert "<b>" not in with_commands("<b>no</b> npsync connect crm", NAMES)
