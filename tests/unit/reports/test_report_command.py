"""`npsync report` before any figure: what is asked for has to be one thing."""

from __future__ import annotations

import sys

import pytest

from npsync.cli import main


def test_a_second_group_is_refused_instead_of_quietly_taking_the_place_of_the_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main sets its own; put back after the test
    with pytest.raises(SystemExit) as left:
        main(["report", "--by", "plan", "--by", "owner"])
    assert left.value.code == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.splitlines()) == (
        "",
        ["--by takes one group, not 2; ask once for each: plan, owner"],
    )
