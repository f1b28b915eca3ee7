"""Qualtrics' exports: jobs that are waited for, ZIP files that are read row by row, and what goes wrong with both."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from played_vendor import PlayedVendor, Said, playing
from pydantic import ValidationError

from connectors.contract import Tools
from connectors.qualtrics.archive import BadExport, rows
from connectors.qualtrics.settings import QualtricsSettings
from connectors.qualtrics.source import Qualtrics
from nps.errors import AccessError, ConfigError, UnavailableError
from nps.responses import Cursor, Page, ResponseStatus

BASE = "https://fra1.qualtrics.com/API/v3"
EXPORTS = "/API/v3/surveys/SV_1/export-responses"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SINCE = NOON - timedelta(days=30)
NAMES = "ResponseId,RecordedDate,Status,Finished,RecipientEmail,ExternalReference,DistributionChannel,QID1,QID2_TEXT"
ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing(BASE) as played:
        yield played


def settings(**more: Any) -> QualtricsSettings:
    given = {
        "data_center": "fra1",
        "api_token": "s3cret",
        "surveys": {"SV_1": {"score_field": "QID1", "comment_field": "QID2_TEXT"}},
        "overlap": "0 minutes",
    }
    return QualtricsSettings.model_validate(given | more)


def row(number: int, **said: Any) -> str:
    told = {"at": "2026-02-10 10:00:00", "status": "0", "finished": "1", "score": 9, "comment": "good"} | said
    return (
        f"R_{number:04},{told['at']},{told['status']},{told['finished']},a{number}@acme.example,C-{number},"
        f'email,{told["score"]},"{told["comment"]}"'
    )


def csv_of(*lines: str) -> bytes:
    return "\n".join([NAMES, *lines, ""]).encode()


def zipped(*files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files):
            archive.writestr(f"export {number}.csv", content)
    return out.getvalue()


def result(**told: Any) -> Said:
    return 200, {"result": told, "meta": {"httpStatus": "200 - OK"}}


def exporting(
    vendor: PlayedVendor, *, job: str = "ES_1", states: Sequence[str] = ("complete",), content: bytes
) -> None:
    """One survey whose exports are all alike."""
    vendor.at = {
        EXPORTS: [result(progressId=job)],
        f"{EXPORTS}/{job}": [
            result(status=state, fileId="file-1", percentComplete=100.0) for state in states
        ],
        f"{EXPORTS}/file-1/file": [(200, content, ZIP)],
    }


def tools(memory: MemoryInMemory | None = None, *, now: datetime = NOON) -> Tools:
    return fake_tools("xm", clock=FakeClock(now), memory=memory or MemoryInMemory())


def read(
    vendor: PlayedVendor,
    given: QualtricsSettings | None = None,
    *,
    cursor: Cursor | None = None,
    tools: Tools,
) -> list[Page]:
    source = Qualtrics(given or settings(), tools)
    try:
        return list(source.read(cursor, since=SINCE))
    finally:
        source.close()


def starts(vendor: PlayedVendor) -> list[Any]:
    return [asked.json for asked in vendor.sent("POST")]


# ---------------------------------------------------------------- an answer


def test_an_export_is_started_waited_for_and_read(vendor: PlayedVendor) -> None:
    exporting(
        vendor,
        states=["inProgress", "inProgress", "complete"],
        content=zipped(csv_of(row(1), row(2, score=0))),
    )
    given = tools()
    [page] = read(vendor, tools=given)
    first, second = page.responses
    assert (first.source, first.id, first.survey, first.score, first.comment) == (
        "xm",
        "R_0001",
        "SV_1",
        "9",
        "good",
    )
    assert (first.email, first.external_id, first.channel) == ("a1@acme.example", "C-1", "email")
    assert first.answered_at == datetime(2026, 2, 10, 10, tzinfo=UTC)
    assert second.score == "0"
    [started] = starts(vendor)
    assert started == {
        "format": "csv",
        "startDate": "2026-01-30T12:00:00Z",
        "endDate": "2026-03-01T12:01:00Z",
        "timeZone": "UTC",
    }
    assert vendor.asked[0].headers["x-api-token"] == "s3cret"
    assert given.clock.now() - NOON == timedelta(seconds=10)


def test_windows_meet_and_the_next_run_begins_where_the_last_one_ended(vendor: PlayedVendor) -> None:
    exporting(vendor, content=zipped(csv_of()))
    *_, last = read(vendor, settings(window="10 days"), tools=tools())
    asked = [(each["startDate"], each["endDate"]) for each in starts(vendor)]
    assert all(later[0] < earlier[1] for earlier, later in pairwise(asked))
    vendor.asked.clear()
    read(vendor, settings(window="10 days"), cursor=last.cursor, tools=tools(now=NOON + timedelta(hours=1)))
    assert [(each["startDate"], each["endDate"]) for each in starts(vendor)] == [
        ("2026-03-01T12:00:00Z", "2026-03-01T13:01:00Z")
    ]


def test_previews_are_excluded_and_half_finished_answers_wait(vendor: PlayedVendor) -> None:
    lines = [
        row(1),
        row(2, status="1"),
        row(3, finished="0"),
        row(4, status="IP Address", finished="TRUE"),
        row(5, score=""),
    ]
    exporting(vendor, content=zipped(csv_of(*lines)))
    [page] = read(vendor, tools=tools())
    whole, excluded, partial = ResponseStatus.COMPLETE, ResponseStatus.EXCLUDED, ResponseStatus.PARTIAL
    assert [each.status for each in page.responses] == [whole, excluded, partial, whole, whole]
    assert page.responses[4].score is None


def test_rows_that_explain_the_columns_are_no_answers_and_broken_ones_are_told(vendor: PlayedVendor) -> None:
    explained = [
        "Response ID,Recorded Date,Response Type,Finished,E,X,C,How likely?,Why?",
        '"{""ImportId"":""_id""}",x,x,x,x,x,x,x,x',
    ]
    exporting(vendor, content=zipped(csv_of(*explained, row(1), row(2, at="yesterday"))))
    [page] = read(vendor, tools=tools())
    good, broken = page.responses
    assert (good.id, good.problem) == ("R_0001", None)
    assert broken.id == "R_0002"
    assert "RecordedDate is no time" in (broken.problem or "")


def test_a_json_export_is_read_by_its_own_names(vendor: PlayedVendor) -> None:
    values = {
        "recordedDate": "2026-02-10T10:00:00Z",
        "status": 0,
        "finished": 1,
        "recipientEmail": "ann@acme.example",
        "externalDataReference": "007",
        "QID1": 9,
        "QID2_TEXT": 'say "hi" ] }',
        "plan": "team",
        "ipAddress": "10.0.0.1",
    }
    told = {
        "responses": [
            {"responseId": "R_1", "values": values, "labels": {}},
            {"responseId": "R_2", "values": values},
        ]
    }
    exporting(vendor, content=zipped(orjson.dumps(told, option=orjson.OPT_INDENT_2)))
    [page] = read(vendor, settings(format="json"), tools=tools())
    assert [each.id for each in page.responses] == ["R_1", "R_2"]
    first = page.responses[0]
    assert (first.score, first.comment, first.external_id) == (9, 'say "hi" ] }', "007")
    assert first.properties == {"plan": "team"}
    assert first.status is ResponseStatus.COMPLETE


# ---------------------------------------------------------------- killed


def test_a_run_that_was_killed_goes_on_behind_the_rows_it_stored_without_another_job(
    vendor: PlayedVendor,
) -> None:
    exporting(vendor, content=zipped(csv_of(*[row(number) for number in range(2500)])))
    memory = MemoryInMemory()
    source = Qualtrics(settings(), tools(memory))
    pages = source.read(None, since=SINCE)
    first = next(pages)
    pages.close()  # type: ignore[attr-defined]
    source.close()
    again = read(vendor, cursor=first.cursor, tools=tools(memory, now=NOON + timedelta(hours=2)))
    ids = [each.id for page in [first, *again] for each in page.responses]
    assert ids[:2500] == [f"R_{number:04}" for number in range(2500)]
    assert starts(vendor)[0]["endDate"] == "2026-03-01T12:01:00Z"
    assert [each["startDate"] for each in starts(vendor)[1:]] == ["2026-03-01T12:00:00Z"]


def test_an_export_that_takes_longer_than_a_run_waits_is_waited_for_by_the_next(vendor: PlayedVendor) -> None:
    memory = MemoryInMemory()
    exporting(vendor, states=["inProgress"], content=zipped(csv_of(row(1))))
    with pytest.raises(
        UnavailableError, match=r"^xm: wait for .* not done after 2 minutes; the next run goes on"
    ):
        read(vendor, settings(patience="2 minutes"), tools=tools(memory))
    exporting(vendor, states=["complete"], content=zipped(csv_of(row(1))))
    [page] = read(vendor, tools=tools(memory))
    assert [each.id for each in page.responses] == ["R_0001"]
    assert len(starts(vendor)) == 1


def test_a_job_that_is_known_no_more_is_started_again(vendor: PlayedVendor) -> None:
    memory = MemoryInMemory()
    exporting(vendor, states=["inProgress"], content=b"")
    with pytest.raises(UnavailableError):
        read(vendor, settings(patience="1 minute"), tools=tools(memory))
    exporting(vendor, job="ES_2", content=zipped(csv_of(row(1))))
    vendor.at[f"{EXPORTS}/ES_1"] = [(404, {"meta": {}})]
    [page] = read(vendor, tools=tools(memory))
    assert len(page.responses) == 1
    assert len(starts(vendor)) == 2


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (result(progressId=None), "started no export"),
        (result(), "started no export"),
        ((200, {"meta": {}}), "no result"),
        ((400, {"meta": {"error": {"errorMessage": "no"}}}), "refuses the request"),
    ],
)
def test_a_job_that_was_not_started_stops_the_run(vendor: PlayedVendor, job: Said, told: str) -> None:
    vendor.says = [job]
    with pytest.raises((UnavailableError, ConfigError), match=told):
        read(vendor, tools=tools())


@pytest.mark.parametrize(
    ("state", "told"),
    [("failed", "says the export failed"), ("cancelled", "none of the statuses"), ("complete", "no fileId")],
)
def test_a_job_that_ends_badly_is_forgotten(vendor: PlayedVendor, state: str, told: str) -> None:
    memory = MemoryInMemory()
    vendor.at = {EXPORTS: [result(progressId="ES_1")], f"{EXPORTS}/ES_1": [result(status=state, fileId=None)]}
    with pytest.raises(UnavailableError, match=told):
        read(vendor, tools=tools(memory))
    exporting(vendor, job="ES_2", content=zipped(csv_of(row(1))))
    assert len(read(vendor, tools=tools(memory))) == 1


def test_the_wrong_data_centre_is_told_as_what_it_may_be(vendor: PlayedVendor) -> None:
    vendor.says = [(401, {"meta": {}})]
    with pytest.raises(AccessError, match="data_center fra1 the account's own"):
        read(vendor, tools=tools())
    assert len(vendor.asked) == 1
    vendor.says = [(404, {"meta": {}})]
    with pytest.raises(ConfigError, match="survey's id right"):
        read(vendor, tools=tools())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<html>sign in</html>", "no ZIP"),
        (zipped(csv_of(row(1)))[:-40], "no ZIP"),
        (zipped(b"", b""), "2 files"),
        (zipped(b""), "empty"),
        (zipped(b"ResponseId\n\xff\xfe\n"), "not UTF-8"),
    ],
)
def test_a_file_that_is_no_export_is_told_and_asked_for_anew(
    vendor: PlayedVendor, content: bytes, told: str
) -> None:
    memory = MemoryInMemory()
    exporting(vendor, content=content)
    with pytest.raises((UnavailableError, ConfigError), match=told):
        read(vendor, tools=tools(memory))
    exporting(vendor, job="ES_2", content=zipped(csv_of(row(1))))
    assert len(read(vendor, tools=tools(memory))) == 1


def test_a_column_that_is_not_there_is_told_with_those_that_are(vendor: PlayedVendor) -> None:
    exporting(vendor, content=zipped(csv_of(row(1))))
    given = settings(surveys={"SV_1": {"score_field": "QID9", "comment_field": None}})
    with pytest.raises(
        ConfigError, match=r'survey SV_1 has no column "QID9"; it has: ResponseId, RecordedDate'
    ):
        read(vendor, given, tools=tools())


def test_one_survey_that_cannot_be_read_keeps_none_of_the_others_back(vendor: PlayedVendor) -> None:
    fields = {"score_field": "QID1", "comment_field": None}
    exporting(vendor, content=zipped(csv_of(row(1))))
    vendor.at["/API/v3/surveys/SV_0/export-responses"] = [(404, {"meta": {}})]
    source = Qualtrics(settings(surveys={"SV_0": fields, "SV_1": fields}), tools())
    pages = source.read(None, since=SINCE)
    assert len(next(pages).responses) == 1
    with pytest.raises(ConfigError, match="SV_0"):
        next(pages)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"api_token": None}, "api_token or oauth"),
        ({"data_center": None}, "needs data_center"),
        ({"data_center": "evil.example/"}, "data_center"),
        ({"base_url": "http://evil.example"}, "https"),
        ({"surveys": {"SV_1": {"score_field": "QID1"}}}, "comment_field"),
        ({"surveys": {}}, "surveys"),
        ({"dates": ["soon"]}, "neither iso"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        settings(**given)


# ---------------------------------------------------------------- larger than memory


def test_an_export_is_never_in_memory_as_a_whole() -> None:
    line = row(1, comment="x" * 2000).encode() + b"\n"
    answer = orjson.dumps({"responseId": "R_1", "values": {"QID2_TEXT": "x" * 2000}})
    count = 10_000
    for format, content in (
        ("csv", NAMES.encode() + b"\n" + line * count),
        ("json", b'{"responses":[' + b",".join([answer] * count) + b"]}"),
    ):
        file = io.BytesIO(zipped(content))
        assert len(content) > 20_000_000
        del content
        tracemalloc.start()
        found = sum(1 for _ in rows(file, format))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found == count + (format == "csv")  # the first row of a CSV names the columns
        assert most < 2_000_000


@pytest.mark.parametrize("line", [b"x" * 2**20, (b'"' + b"x" * 2**16 + b'\n",') * 16])
def test_a_small_file_that_unpacks_to_one_endless_row_is_not_unpacked(line: bytes) -> None:
    """Neither one line without an end, nor one row whose quoted lines have none."""
    file = io.BytesIO(zipped(NAMES.encode() + b"\n" + line * 64))
    tracemalloc.start()
    with pytest.raises(BadExport, match="larger than allowed"):
        list(rows(file, "csv"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 150_000_000


def test_a_comment_longer_than_python_reads_by_itself_is_read() -> None:
    csv.field_size_limit(131_072)  # of the whole process, so another connector may have raised it already
    comment = "x" * 200_000
    _, found = rows(io.BytesIO(zipped(csv_of(row(1, comment=comment)))), "csv")
    assert found["QID2_TEXT"] == comment


# Where the ZIP's directory says for which version, with which flags and by which method its file was packed.
VERSION, FLAGS, METHOD = 6, 8, 10


@pytest.mark.parametrize(
    ("at", "value", "told"),
    [
        (FLAGS, 0x01, "encrypted"),
        (FLAGS, 0x41, "encrypted"),
        (FLAGS, 0x20, "cannot be read"),
        (METHOD, 12, "cannot be read .method 12"),
        (METHOD, 99, "cannot be read .method 99"),
        (VERSION, 90, "newer version"),
    ],
)
def test_a_zip_that_cannot_be_unpacked_is_told_for_what_it_is(at: int, value: int, told: str) -> None:
    content = bytearray(zipped(csv_of(row(1))))
    content[content.index(b"PK\x01\x02") + at] = value
    with pytest.raises(BadExport, match=told):
        list(rows(io.BytesIO(content), "csv"))


@pytest.mark.parametrize(
    "content",
    [b'{"responses":[{"responseId":"R_1"},{"respon', b'{"responses":7}', b"{}", b'{"responses":[7]}'],
)
def test_json_of_another_shape_is_told(content: bytes) -> None:
    with pytest.raises(BadExport):
        list(rows(io.BytesIO(zipped(content)), "json"))
