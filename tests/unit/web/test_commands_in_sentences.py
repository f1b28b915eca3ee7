"""Commands in sentences look like commands, and nothing else does."""

from __future__ import annotations

import pytest

from npsync.web.dashboard.commands import with_commands
from npsync.web.dashboard.words import sentence

NAMES = {"crm", "nps-to-contacts"}


@pytest.mark.parametrize(
    ("said", "commands"),
    [
        ("refused; npsync connect crm tells more", ["npsync connect crm"]),
        ("there is no run 7; npsync runs lists them", ["npsync runs"]),
        ("Kept as dead letter 81: npsync dead-letters retry 81.", ["npsync dead-letters retry 81"]),
        ("npsync run nps-to-contacts --accept-breaker", ["npsync run nps-to-contacts --accept-breaker"]),
        ("npsync run SYNC, then npsync review list", ["npsync run SYNC", "npsync review list"]),
        ("npsync check. It looks again", ["npsync check"]),
        ("nothing to do, says npsync", []),
    ],
)
def test_a_command_ends_where_the_sentence_goes_on(said: str, commands: list[str]):
    html = str(with_commands(said, NAMES))
    assert [part.partition("</code>")[0] for part in html.split("<code>")[1:]] == commands
    assert html.replace("<code>", "").replace("</code>", "") == said


def test_what_stands_in_backticks_looks_like_what_one_types():
    assert with_commands("none of `match`; then npsync check") == (
        "none of <code>match</code>; then <code>npsync check</code>"
    )
    assert with_commands("`<b>` and a lonely ` mark") == "<code>&lt;b&gt;</code> and a lonely ` mark"


def test_what_a_vendor_said_stays_text():
    assert "<b>" not in with_commands("<b>no</b> npsync connect crm", NAMES)


def test_a_sentence_begins_with_a_capital_but_for_a_name_that_is_compared():
    assert sentence("no record has any of its keys yet") == "No record has any of its keys yet"
    assert sentence("email = Email names 2 records") == "email = Email names 2 records"
