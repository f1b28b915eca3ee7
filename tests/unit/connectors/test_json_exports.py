"""Exports that are one JSON list, and the ones Delighted left behind."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_clock import fake_tools
from hypothesis import given
from hypothesis import strategies as st

from connectors.file.arrays import ArrayRecords
from connectors.file.settings import FileSettings
from connectors.file.source import File
from nps.responses import SurveyResponse
from npsync.config import load

EXAMPLE = Path(__file__).parents[3] / "examples" / "history-from-delighted.yaml"
COLUMNS = {"id": "id", "score": "score", "answered_at": "at", "email": "person.email"}
AT = "2026-03-02T10:00:00Z"


def source(path: Path, **more: Any) -> File:
    told = {"path": str(path), "format": "json", "columns": COLUMNS} | more
    return File(FileSettings.model_validate(told), fake_tools("export"))


def answer(id: object, score: object = 9) -> dict[str, Any]:
    return {"id": id, "score": score, "at": AT, "person": {"email": f"p{id}@acme.com"}}


def read(reader: File) -> list[SurveyResponse]:
    return [one for page in reader.read(None, since=None) for one in page.responses]


def entries(data: bytes, piece: int = 1_000_000) -> list[Any]:
    pieces = (data[at : at + piece] for at in range(0, len(data), piece))
    return [record.cells or record.problem for record in ArrayRecords(iter(pieces), encoding="utf-8")]


@pytest.mark.parametrize("indent", [None, 2])
def test_the_entries_of_a_list_are_answers(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([answer(9007199254740993), answer(2, 0)], indent=indent))
    first, second = read(source(path))
    assert (first.id, first.email) == ("9007199254740993", "p9007199254740993@acme.com")
    assert (second.id, second.score) == ("2", 0)


def test_a_list_may_be_packed_and_empty(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.json.gz", "wt") as file:
        file.write(json.dumps([answer(1)]))
    assert [one.id for one in read(source(tmp_path / "a.json.gz"))] == ["1"]
    (tmp_path / "b.json").write_text(" [ ] \n")
    assert read(source(tmp_path / "b.json")) == []


def test_a_list_that_is_written_anew_is_read_anew_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([answer(1)]))
    reader = source(path)
    *_, last = reader.read(None, since=None)
    assert [one for page in reader.read(last.cursor, since=None) for one in page.responses] == []
    path.write_text(json.dumps([answer(1, 3), answer(2)]))
    again = [one for page in reader.read(last.cursor, since=None) for one in page.responses]
    assert [(one.id, one.score) for one in again] == [("1", 3), ("2", 9)]


def test_what_is_no_list_is_told_and_an_entry_that_is_no_object_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"answers": []}')
    [one] = read(source(path))
    assert "a.json, line 1: the file is no JSON list of objects" in (one.problem or "")
    assert entries(b'[{"id": 1}, 7, {"id": 2}]') == [
        {"id": 1},
        "the entry is not a JSON object",
        {"id": 2},
    ]


@pytest.mark.parametrize("rest", [b'{"id": 2', b'{"id" 2}]', b'{"id": NaN}]', b"", b"[" * 100_000])
def test_a_list_that_breaks_off_keeps_what_came_before(rest: bytes) -> None:
    first, told = entries(b'[{"id": 1},\n' + rest)
    assert first == {"id": 1}
    assert told.startswith("the list is broken here")


@given(
    st.lists(st.dictionaries(st.text(max_size=3), st.text() | st.integers() | st.none(), min_size=1)),
    st.integers(1, 7),
)
def test_a_list_is_read_the_same_however_it_arrives(told: list[Any], piece: int) -> None:
    assert entries(json.dumps(told, ensure_ascii=False).encode(errors="replace"), piece) == json.loads(
        json.dumps(told, ensure_ascii=False).encode(errors="replace")
    )


# ---------------------------------------------------------------- Delighted

LISTED = {
    "id": "5435",
    "person": {"id": "5975", "email": "ann@acme.com", "name": "Ann", "phone_number": None},
    "survey_type": "nps",
    "score": 9,
    "comment": None,
    "created_at": 1732186844,
    "updated_at": None,
    "person_properties": {"Delighted Source": "Email", "plan": "pro"},
    "tags": [],
}


def of_the_example(connection: str, folder: Path) -> list[SurveyResponse]:
    config = load(EXAMPLE, {"SF_ID": "x", "SF_SECRET": "y"})
    settings: Any = config.connections[connection].settings
    found = File(settings, fake_tools(connection, folder=folder))
    return [one for page in found.read(None, since=None) for one in page.responses]


def test_what_delighted_listed_is_read_by_the_example(tmp_path: Path) -> None:
    folder = tmp_path / "exports" / "delighted"
    folder.mkdir(parents=True)
    anonymous = LISTED | {"id": "5436", "person": "5976", "survey_type": "csat", "score": 5}
    (folder / "page-1.json").write_text(json.dumps([LISTED, anonymous]))
    (folder / "page-2.json").write_text("[]")
    first, second = of_the_example("delighted", tmp_path)
    assert (first.id, first.score, first.email, first.survey) == ("5435", 9, "ann@acme.com", "nps")
    assert first.answered_at == datetime(2024, 11, 21, 11, 0, 44, tzinfo=UTC)
    assert first.properties == {"sent_by": "Email", "plan": "pro"}
    assert (second.survey, second.email, second.problem) == ("csat", None, None)


def test_a_csv_of_delighted_is_read_by_the_example(tmp_path: Path) -> None:
    folder = tmp_path / "exports" / "delighted"
    folder.mkdir(parents=True)
    (folder / "all.csv").write_text(
        "Response ID,Response Timestamp,Score,Comment,Person Email\n"
        '5435,2024-11-21 11:00:44,9,"Fine, thanks",ann@acme.com\n'
    )
    [one] = of_the_example("delighted-csv", tmp_path)
    assert (one.id, one.score, one.comment, one.email) == ("5435", "9", "Fine, thanks", "ann@acme.com")
    assert one.answered_at == datetime(2024, 11, 21, 11, 0, 44, tzinfo=UTC)
