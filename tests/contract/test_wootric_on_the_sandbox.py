"""Wootric read from a toy that was written apart from it: a misreading of the vendor's documents shows here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from contract_opening import contract_tools, open_source
from contract_place import Place
from fake_clock import MemoryInMemory, Notices, fake_tools
from sandbox_process import RunningSandbox, running_sandbox
from source_table import SOURCES

from connectors.contract import Source
from nps.responses import Cursor, ResponseStatus, SurveyResponse


@pytest.fixture(scope="module")
def toy() -> Iterator[RunningSandbox]:
    with running_sandbox("--vendor", "wootric", customers=900, responses=3_300, ugly="10%") as running:
        yield running


@pytest.fixture(autouse=True)
def as_it_was(toy: RunningSandbox) -> Iterator[None]:
    yield
    toy.control("DELETE", "/faults")
    toy.control(
        "POST", "/wootric/do/set", {"time_format": "offset", "emails_in_rows": False, "per_minute": 0}
    )


@pytest.fixture
def place(toy: RunningSandbox, tmp_path: Any) -> Place:
    return Place(toy, tmp_path)


@pytest.fixture
def source(place: Place) -> Iterator[Source]:
    opened = open_source("wootric", SOURCES["wootric"].settings(place))
    yield opened
    opened.close()


def read(source: Source, cursor: Cursor | None = None) -> dict[str, SurveyResponse]:
    return {one.id: one for page in source.read(cursor, since=None) for one in page.responses}


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)


def what_the_vendor_holds(toy: RunningSandbox) -> dict[str, tuple[object, ...]]:
    """Said in ten lines, apart from the connector."""
    people = {row["id"]: row for row in toy.rows("wootric", "end_users")}
    return {
        str(row["id"]): (
            row["score"],
            row["text"] or None,
            people[row["end_user_id"]]["email"] or None,
            people[row["end_user_id"]]["external_id"] or None,
            moment(row["created_at"]),
            row["excluded_from_calculations"],
        )
        for row in toy.rows("wootric", "responses")
    }


def what_was_read(answers: dict[str, SurveyResponse]) -> dict[str, tuple[object, ...]]:
    return {
        one.id: (
            one.score,
            one.comment,
            one.email,
            one.external_id,
            one.answered_at,
            one.status is ResponseStatus.EXCLUDED,
        )
        for one in answers.values()
    }


def test_every_answer_is_read_as_the_vendor_holds_it(source: Source, toy: RunningSandbox) -> None:
    held = what_the_vendor_holds(toy)
    assert len(held) > 3_000  # more than two walls
    assert what_was_read(read(source)) == held


@pytest.mark.parametrize("form", ["offset", "bare", "iso"])
def test_every_way_to_write_times_gives_the_same_answers(
    source: Source, toy: RunningSandbox, form: str
) -> None:
    held = what_the_vendor_holds(toy)
    toy.control("POST", "/wootric/do/set", {"time_format": form})
    assert what_was_read(read(source)) == held


def test_a_row_that_names_its_email_needs_no_look_up(source: Source, toy: RunningSandbox) -> None:
    toy.control("POST", "/wootric/do/set", {"emails_in_rows": True})
    toy.forget_traffic()
    emails = {one.id: one.email for one in read(source).values()}
    assert {key: row[2] for key, row in what_the_vendor_holds(toy).items()} == emails
    assert toy.traffic("wootric")["by_kind"].get("end_users", 0) <= 25


def test_tokens_that_expire_in_the_middle_are_renewed(source: Source, toy: RunningSandbox) -> None:
    found: dict[str, SurveyResponse] = {}
    for page in source.read(None, since=None):
        found |= {one.id: one for one in page.responses}
        toy.control("POST", "/wootric/do/expire_tokens", {})
    assert found.keys() == what_the_vendor_holds(toy).keys()


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("status", {"status": 503}),
        ("status", {"status": 500}),
        ("status", {"status": 429, "detail": {"reset_in": 5}}),
        ("html", {}),
        ("reset", {}),
        ("lost_reply", {}),
    ],
)
def test_what_goes_wrong_now_and_then_loses_nothing(
    source: Source, toy: RunningSandbox, kind: str, rule: dict[str, Any]
) -> None:
    toy.fault("wootric", kind, times=4, after=5, **rule)
    assert read(source).keys() == what_the_vendor_holds(toy).keys()


def test_edits_and_new_answers_arrive_with_the_overlap(place: Place, toy: RunningSandbox) -> None:
    memory = MemoryInMemory()
    tools = fake_tools(clock=contract_tools().clock, memory=memory, notice=Notices())  # type: ignore[arg-type]
    given = SOURCES["wootric"].settings(place) | {"overlap": "7 days"}
    source = open_source("wootric", given, tools)
    *_, last = source.read(None, since=None)
    latest = max(toy.rows("wootric", "responses"), key=lambda row: moment(row["created_at"]))
    toy.control("PATCH", f"/wootric/responses/{latest['id']}", {"score": 1, "text": "On second thought"})
    toy.control("POST", "/wootric/do/live", {"answers": 5})
    again = read(source, last.cursor)
    held = what_the_vendor_holds(toy)
    assert (again[str(latest["id"])].score, again[str(latest["id"])].comment) == (1, "On second thought")
    assert what_was_read(again) == {key: held[key] for key in again}
    assert len(held.keys() - again.keys()) < len(held)
    source.close()


def test_a_limit_per_minute_is_kept_without_being_refused(source: Source, toy: RunningSandbox) -> None:
    toy.forget_traffic()
    toy.control("POST", "/wootric/do/set", {"per_minute": 1_000})
    assert read(source).keys() == what_the_vendor_holds(toy).keys()
    assert toy.traffic("wootric")["too_many"] == 0
