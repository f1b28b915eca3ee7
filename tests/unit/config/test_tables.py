"""Tables of at most 100 columns, in which names can be copied."""

from __future__ import annotations

import pytest

from npsync.cli import output


def shown(capsys: pytest.CaptureFixture[str], columns: list[str], *rows: list[str]) -> list[str]:
    output.table(columns, rows)
    return capsys.readouterr().out.splitlines()


def test_names_stay_in_one_piece_while_sentences_wrap(capsys: pytest.CaptureFixture[str]) -> None:
    row = ["7", "2026-03-02 10:00", "nps-to-contacts/account", "kept answer (NPS_Response__c)"]
    long = "refused: the field NPS_Score__c takes no such value, and nobody may change it"
    lines = shown(
        capsys,
        ["id", "since", "sync", "what", "for", "how it is"],
        [*row, "0035g00000XyZabAAF · typeform:ab12cd34ef56ab12", long],
        [*row, "0035g00000XyZabAAF · wootric:505000001", "done"],
    )
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 100
    for word in ("nps-to-contacts/account", "typeform:ab12cd34ef56ab12", "(NPS_Response__c)"):
        assert word in text


def test_a_table_that_fits_is_as_wide_as_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, ["run", "sync"], ["1", "a b c"]) == ["run  sync", "1    a b c"]


def test_what_no_column_has_room_for_is_folded_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, ["a", "b"], ["x" * 150, "y" * 90])
    assert max(map(len, lines)) <= 100
    assert "".join(lines).count("x") == 150
    assert "".join(lines).count("y") == 90
