"""Reading exports: CSV and JSON Lines, broken rows, growing files, folders."""

from __future__ import annotations

import csv
import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_clock import fake_tools
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.contract import Needs, Verdict
from connectors.file import CONNECTOR
from connectors.file.settings import FileSettings
from connectors.file.source import File
from nps.errors import ConfigError, UnavailableError
from nps.responses import Cursor, SurveyResponse

COLUMNS = {
    "id": "id",
    "score": "score",
    "answered_at": "at",
    "email": "email",
    "comment": "comment",
}
HEADER = "id,score,at,email,comment"
AT = "2026-03-02T10:00:00Z"


def source(path: Path | str, **overrides: Any) -> File:
    told = {"path": str(path), "columns": COLUMNS} | overrides
    return File(FileSettings.model_validate(told), fake_tools("export"))


def write(path: Path, *rows: str, header: str = HEADER, end: str = "\n", encoding: str = "utf-8") -> Path:
    path.write_bytes((end.join([header, *rows]) + end).encode(encoding))
    return path


def row(number: int, score: object = 9, at: str = AT, comment: str = "") -> str:
    return f"{number},{score},{at},p{number}@acme.com,{comment}"


def read(reader: File, cursor: Cursor | None = None, since: datetime | None = None) -> list[SurveyResponse]:
    return [one for page in reader.read(cursor, since=since) for one in page.responses]


def last_cursor(reader: File, cursor: Cursor | None = None) -> Cursor | None:
    for page in reader.read(cursor, since=None):
        cursor = page.cursor
    return cursor


def problems(answers: list[SurveyResponse]) -> list[str]:
    return [one.problem for one in answers if one.problem]


# ---------------------------------------------------------------- what a row says


def test_a_row_becomes_an_answer(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '007,0,2026-03-02 10:00:00 +0100,o\'brien@acme.com,"a ""b"", c"')
    assert read(source(path)) == [
        SurveyResponse(
            source="export",
            id="007",
            answered_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
            score="0",
            email="o'brien@acme.com",
            comment='a "b", c',
        )
    ]


@pytest.mark.parametrize("score", ["11", "9.5", "", "Extremely likely - 10"])
def test_a_score_is_handed_over_as_it_stands(tmp_path: Path, score: str) -> None:
    [one] = read(source(write(tmp_path / "a.csv", row(1, score))))
    assert one.score == score


@pytest.mark.parametrize("comment", ["=cmd()", "+1", "-2", "@SUM(A1)", "'quoted"])
def test_formula_text_stays_text(tmp_path: Path, comment: str) -> None:
    [one] = read(source(write(tmp_path / "a.csv", row(1, comment=comment))))
    assert one.comment == comment


def test_properties_and_a_channel_for_all(tmp_path: Path) -> None:
    columns = COLUMNS | {"properties": {"plan": "Plan Name"}}
    path = write(tmp_path / "a.csv", row(1) + ",pro", header=HEADER + ",Plan Name")
    [one] = read(source(path, columns=columns, channel="email"))
    assert (one.properties, one.channel) == ({"plan": "pro"}, "email")


def test_a_quoted_cell_may_hold_line_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1, comment='"one\r\ntwo\n\nfour"'), row(2))
    one, two = read(source(path))
    assert one.comment == "one\r\ntwo\n\nfour"
    assert two.id == "2"


def test_a_cell_may_be_longer_than_python_reads_by_itself(tmp_path: Path) -> None:
    csv.field_size_limit(131_072)  # of the whole process, so another connector may have raised it already
    comment = "long " * 40_000
    [one] = read(source(write(tmp_path / "a.csv", row(1, comment=comment))))
    assert (one.problem, one.comment) == (None, comment)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_every_system_and_blank_lines_are_fine(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "a.csv", row(1), "", row(2), end=end)
    assert [one.id for one in read(source(path))] == ["1", "2"]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("latin-1", "latin-1"),
        ("cp1252", "windows-1252"),
        ("utf-16", "utf-16"),
    ],
)
def test_every_declared_encoding_is_read_and_a_byte_order_mark_is_fine(
    tmp_path: Path, encoding: str, told: str
) -> None:
    path = write(tmp_path / "a.csv", row(1, comment="Zoë"), row(2), encoding=encoding)
    one, two = read(source(path, encoding=told))
    assert (one.id, one.comment, two.id) == ("1", "Zoë", "2")


@pytest.mark.parametrize(("told", "delimiter"), [(";", ";"), ("tab", "\t"), ("|", "|")])
def test_other_delimiters(tmp_path: Path, told: str, delimiter: str) -> None:
    path = write(tmp_path / "a.csv", row(1).replace(",", delimiter), header=HEADER.replace(",", delimiter))
    assert [one.id for one in read(source(path, delimiter=told))] == ["1"]


@pytest.mark.parametrize(
    ("text", "dates", "zone", "moment"),
    [
        ("2026-03-02T10:00:00+01:00", "iso", None, datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02 10:00", "iso", "Europe/Berlin", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-07-02", "iso", "Europe/Berlin", datetime(2026, 7, 1, 22, tzinfo=UTC)),
        ("02/03/2026 10:00", "%d/%m/%Y %H:%M", "UTC", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("02/03/2026", ["iso", "%d/%m/%Y"], "UTC", datetime(2026, 3, 2, tzinfo=UTC)),
        ("1772445600", "unix", None, datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("1772445600000", "unix_ms", None, datetime(2026, 3, 2, 10, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_declared(
    tmp_path: Path, text: str, dates: Any, zone: str | None, moment: datetime
) -> None:
    [one] = read(source(write(tmp_path / "a.csv", row(1, at=text)), dates=dates, time_zone=zone))
    assert one.problem is None
    assert one.answered_at == moment


# ---------------------------------------------------------------- broken rows


def test_a_broken_row_is_said_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"\n".join(
            [
                HEADER.encode(),
                row(1).encode(),
                b"2,9,too,few",
                f"3,9,{AT},a@b.c,Zo\xeb".encode("latin-1"),
                b"4,9,yesterday,a@b.c,",
                b"5,9,2026-03-02 10:00,a@b.c,",
                b"6,9,,a@b.c,",
                f",9,{AT},a@b.c,".encode(),
                f'8,9,{AT},a@b.c,"never closed'.encode(),
                f'9,9,{AT},a@b.c,"a"b'.encode(),
                row(10).encode(),
                b"",
            ]
        )
    )
    answers = read(source(path))
    assert [one.id for one in answers if not one.problem] == ["1", "10"]
    assert problems(answers) == [
        "a.csv, line 3: it has 4 columns, the header has 5",
        "a.csv, line 4: it holds bytes that are not utf-8",
        "a.csv, line 5: its answered_at is not a time written as `dates` says",
        "a.csv, line 6: its answered_at names no time zone; set time_zone for this connection, or export times with"
        " an offset",
        "a.csv, line 7: it says nowhere when it was answered",
        "a.csv, line 8: its id is empty",
        "a.csv, line 9: its quotes are wrong, or a cell is far too long",
        "a.csv, line 10: its quotes are wrong, or a cell is far too long",
    ]
    assert len({one.id for one in answers}) == 10


def test_no_problem_shows_what_the_row_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "1,9,secret@acme.com", "2,9,secret@acme.com,,")
    assert all("secret" not in problem for problem in problems(read(source(path))))


def test_an_unclosed_quote_costs_one_row_however_long_the_file_is(tmp_path: Path) -> None:
    rows = [row(n) for n in range(2, 5_000)]
    path = write(tmp_path / "a.csv", row(1, comment='"oh'), *rows)
    answers = read(source(path))
    assert problems(answers) == ["a.csv, line 2: a quote is opened and never closed"]
    assert len(answers) == 4_999


def test_many_unclosed_quotes_stay_cheap(tmp_path: Path) -> None:
    rows = [row(n, comment='"oh') for n in range(3_000)]
    assert len(problems(read(source(write(tmp_path / "a.csv", *rows))))) == 3_000


def test_a_line_that_never_ends_is_cut_instead_of_filling_the_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x" * 3_000_000, row(2))
    answers = read(source(path))
    assert answers[-1].id == "2"
    assert len(problems(answers)) == 3


def test_broken_rows_keep_their_made_up_id(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "broken", row(2))
    assert read(source(path)) == read(source(path))


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,Score,at,email,comment", 'no column "score"; did you mean "Score"'),
        ("id;score;at;email;comment", "one single column: check delimiter"),
        ("a,b", 'no column "score", "at"'),
        ("id,score,score,at,email,comment", 'names column "score" more than once'),
    ],
)
def test_a_header_that_does_not_fit_is_a_matter_of_configuration(
    tmp_path: Path, header: str, message: str
) -> None:
    path = write(tmp_path / "a.csv", header=header)
    with pytest.raises(ConfigError, match=message) as caught:
        read(source(path))
    assert str(caught.value).startswith("export: a.csv: ")


def test_an_empty_file_has_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    assert read(source(tmp_path / "a.csv")) == []


def test_an_empty_file_that_is_filled_later_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    cursor = last_cursor(source(tmp_path))
    write(tmp_path / "a.csv", row(1))
    assert [one.id for one in read(source(tmp_path), cursor)] == ["1"]


# ---------------------------------------------------------------- JSON Lines


def test_json_lines_are_picked_by_path(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    first = {"id": 5, "answer": {"score": 0}, "at": AT, "who": {"mail": "a@b.c"}, "tags": ["x"]}
    second = {"id": 6, "answer": None, "at": AT}
    path.write_text("\n".join([json.dumps(first), "", "[1]", "{broken", json.dumps(second)]))
    columns = {"id": "id", "score": "answer.score", "answered_at": "at", "email": "who.mail"}
    answers = read(source(path, columns=columns | {"properties": {"tags": "tags"}}))
    assert [(one.id, one.score, one.email) for one in answers if not one.problem] == [
        ("5", 0, "a@b.c"),
        ("6", None, None),
    ]
    assert answers[0].properties == {"tags": ["x"]}
    assert problems(answers) == [
        "a.jsonl, line 3: the line is not a JSON object",
        "a.jsonl, line 4: the line is not a JSON object",
    ]


# ---------------------------------------------------------------- ids


def without_id(**more: str) -> dict[str, str]:
    return {name: column for name, column in COLUMNS.items() if name != "id"} | more


def test_without_an_id_column_equal_rows_are_one_answer_in_every_file(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", row(1), row(1))
    write(tmp_path / "b.csv", row(1), row(2))
    ids = [one.id for one in read(source(tmp_path, columns=without_id()))]
    assert ids[0] == ids[1] == ids[2] != ids[3]


# ---------------------------------------------------------------- growing files, folders


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1))
    cursor = last_cursor(source(path))
    assert list(source(path).read(cursor, since=None)) == []


def test_a_file_that_grew_is_read_on_where_it_ended(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1), row(2))
    cursor = last_cursor(source(path))
    write(path, row(1), row(2), row(3))
    assert [one.id for one in read(source(path), cursor)] == ["3"]


def test_lines_are_numbered_on_when_a_file_grew(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1), row(2))
    cursor = last_cursor(source(path))
    write(path, row(1), row(2), "oops")
    assert problems(read(source(path), cursor)) == ["a.csv, line 4: it has 1 columns, the header has 5"]


def test_a_last_line_still_being_written_is_read_again_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{row(1)}\n{row(2, comment='The lon')}")
    reader = source(path)
    assert [one.comment for one in read(reader)] == [None, "The lon"]
    cursor = last_cursor(reader)
    write(path, row(1), row(2, comment="The long end"), row(3))
    assert [(one.id, one.comment) for one in read(reader, cursor)] == [("2", "The long end"), ("3", None)]


def test_a_replaced_file_is_read_from_its_start(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1, 3), row(2))
    cursor = last_cursor(source(path))
    write(path, row(1, 10), row(2), row(3))
    assert [(one.id, one.score) for one in read(source(path), cursor)] == [
        ("1", "10"),
        ("2", "9"),
        ("3", "9"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_reading_on_from_any_cursor_loses_nothing(tmp_path: Path, encoding: str) -> None:
    rows = [row(n, comment=f'"a\n{n}"') if n % 7 else "broken" for n in range(3_500)]
    write(tmp_path / "a.csv", *rows, encoding=encoding)
    write(tmp_path / "b.csv", *[row(n) for n in range(5_000, 6_500)], encoding=encoding)
    reader = source(tmp_path, encoding=encoding)
    pages = list(reader.read(None, since=None))
    everything = {one.id: one for page in pages for one in page.responses}
    assert len(everything) == 5_000
    assert len(pages) >= 5
    before: dict[str, SurveyResponse] = {}
    for page in pages:
        before |= {one.id: one for one in page.responses}
        assert before | {one.id: one for one in read(reader, page.cursor)} == everything


def test_pages_are_bounded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", *[row(n) for n in range(2_500)])
    assert [len(page.responses) for page in source(path).read(None, since=None)] == [1_000, 1_000, 500, 0]


def test_gzip_files_are_read_and_read_on(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{row(1)}\n".encode()))
    cursor = last_cursor(source(path))
    path.write_bytes(gzip.compress(f"{HEADER}\n{row(1)}\n{row(2)}\n".encode()))
    assert [one.id for one in read(source(path), cursor)] == ["2"]


def test_a_gzip_cut_short_hands_over_what_it_holds_and_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress("\n".join([HEADER, *[row(n) for n in range(3_000)]]).encode())
    path.write_bytes(whole[: len(whole) - 2_000])
    pages = source(path).read(None, since=None)
    assert len(next(pages).responses) == 1_000
    with pytest.raises(UnavailableError, match=r"export: a.csv.gz: it is damaged, or still being written"):
        list(pages)


def test_a_folder_is_read_by_name_and_watched_for_new_files(tmp_path: Path) -> None:
    write(tmp_path / "2026-02.csv", row(2))
    write(tmp_path / "2026-01.csv", row(1))
    for ignored in (".hidden.csv", "~$lock.csv", "notes.md", "arriving.csv.part"):
        (tmp_path / ignored).write_text("x")
    reader = source(tmp_path)
    assert [one.id for one in read(reader)] == ["1", "2"]
    cursor = last_cursor(reader)
    write(tmp_path / "2026-03.csv", row(3))
    assert [one.id for one in read(reader, cursor)] == ["3"]


def test_a_pattern_chooses_files_and_may_match_none_yet(tmp_path: Path) -> None:
    reader = source(tmp_path / "*" / "nps-*.csv")
    assert read(reader) == []
    (tmp_path / "eu").mkdir()
    write(tmp_path / "eu" / "nps-1.csv", row(1))
    write(tmp_path / "eu" / "csat-1.csv", row(2))
    assert [one.id for one in read(reader)] == ["1"]


def test_a_folder_that_is_not_there_is_told_although_a_pattern_may_match_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'there is no folder ".*unplugged"'):
        read(source(tmp_path / "unplugged" / "*" / "nps-*.csv"))


@pytest.mark.parametrize("path", ["exports", "exports/*.csv", "exports/one.csv", "./exports/"])
def test_a_path_is_relative_to_the_yaml_file_wherever_npsync_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    folder = tmp_path / "acme [eu]"
    (folder / "exports").mkdir(parents=True)
    write(folder / "exports" / "one.csv", row(1))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    told = FileSettings.model_validate({"path": path, "folder": "exports", "columns": COLUMNS})
    reader = File(told, fake_tools("export", folder=folder))
    assert [one.id for one in read(reader)] == ["1"]
    assert [*last_cursor(reader).state["files"]] == ["one.csv"]  # type: ignore[union-attr,misc]


def test_files_that_are_gone_leave_the_cursor(tmp_path: Path) -> None:
    old = write(tmp_path / "old.csv", row(1))
    cursor = last_cursor(source(tmp_path))
    old.unlink()
    write(tmp_path / "new.csv", row(2))
    assert [*last_cursor(source(tmp_path), cursor).state["files"]] == ["new.csv"]  # type: ignore[union-attr,misc]


def test_since_bounds_the_first_read_and_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1, at="2025-01-01T00:00:00Z"), row(2), "broken")
    since = datetime(2026, 1, 1, tzinfo=UTC)
    pages = list(source(path).read(None, since=since))
    assert [one.id for page in pages for one in page.responses if not one.problem] == ["2"]
    write(
        path, row(1, at="2025-01-01T00:00:00Z"), row(2), "broken", row(4, at="2025-06-01T00:00:00Z"), row(5)
    )
    assert [one.id for one in read(source(path), pages[-1].cursor)] == ["5"]


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", write(tmp_path / "secret.csv", row(1))
    inside.mkdir()
    (inside / "link.csv").symlink_to(outside)
    for path in (inside, inside / "link.csv", inside / ".." / "secret.csv"):
        with pytest.raises(ConfigError, match="outside folder"):
            read(source(path, folder=str(inside)))


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ConfigError, match="not a regular file"):
        read(source(tmp_path / "pipe.csv"))
    assert read(source(tmp_path)) == []


def test_a_missing_file_and_an_unknown_ending_are_matters_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file or folder"):
        read(source(tmp_path / "nope.csv"))
    odd = write(tmp_path / "export.dat", row(1))
    with pytest.raises(ConfigError, match="set format to csv, jsonl or json"):
        read(source(odd))
    assert [one.id for one in read(source(odd, format="csv"))] == ["1"]


# ---------------------------------------------------------------- settings, access


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"columns": {"score": "s"}}, "answered_at"),
        ({"columns": COLUMNS | {"emial": "x"}}, "emial"),
        ({"encoding": "utf-9"}, "no encoding"),
        ({"encoding": "base64"}, "no encoding"),
        ({"encoding": "idna"}, "no encoding"),
        ({"delimiter": ",,"}, "one character"),
        ({"time_zone": "Mars/Base"}, "no time zone"),
        ({"dates": "yyyy-mm-dd"}, "neither iso"),
        ({"format": "xlsx"}, "csv"),
    ],
)
def test_wrong_settings_say_what_is_wrong(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FileSettings.model_validate({"path": "a.csv", "columns": COLUMNS} | wrong)


def test_access_tells_what_is_readable(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", row(1))
    assert source(tmp_path).access(Needs(answers=True))[0].verdict is Verdict.OK


def test_a_column_that_is_not_there_is_told_before_the_first_run(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", row(1))
    write(tmp_path / "b.csv", header="id,Score,at,email,comment")
    with pytest.raises(ConfigError, match=r'b\.csv: there is no column "score"; did you mean "Score"'):
        source(tmp_path).access(Needs(answers=True))


def test_the_connector_declares_itself() -> None:
    assert CONNECTOR.name == "file"
    assert CONNECTOR.source is not None
    assert CONNECTOR.destination is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=400))
def test_no_bytes_whatever_break_the_reading_of_the_rows_before_them(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER}\n{row(1)}\n".encode() + junk)
    answers = read(source(path))
    assert answers[0].id == "1"
    assert read(source(path)) == answers
