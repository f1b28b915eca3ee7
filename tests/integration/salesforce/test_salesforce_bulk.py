"""Writing through Bulk API 2.0: the file, the job, the results."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import pytest
import requests
from builders_salesforce import (
    ANN,
    BOB,
    CYD,
    Answer,
    Opened,
    Org,
    batch,
    change,
    error,
    ok,
    org,
    record_id,
    taken,
)
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce import rows
from nps.changes import Cause, Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import AccessError, BudgetError, ConfigError, StillUnderWay

# ---------------------------------------------------------------- the file


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(content.decode("utf-8"), newline="")))


def test_empty_clears_and_missing_leaves_as_it_is() -> None:
    content = rows.written([(ANN, {"A": None, "B": 1}), (BOB, {"C": "x"})])
    assert cells(content) == [["Id", "A", "B", "C"], [ANN, "#N/A", "1", ""], [BOB, "", "", "x"]]


def test_the_header_is_every_records_fields_not_the_first_ones() -> None:
    assert cells(rows.written([(ANN, {"A": 1}), (BOB, {"B": 2})]))[0] == ["Id", "A", "B"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (14.69, "14.69"),
        ("", "#N/A"),
        ("#N/A", "# N/A"),
        ("2026-03-02T23:30:15.000+0000", "2026-03-02T23:30:15.000+0000"),
        ('say "hi",\nZoë 🙂', 'say "hi",\nZoë 🙂'),
    ],
)
def test_a_value_becomes_the_cell_salesforce_reads(value: Any, cell: str) -> None:
    assert cells(rows.written([(ANN, {"A": value})]))[1] == [ANN, cell]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r")), min_size=1))
def test_any_comment_survives_the_file(comments: list[str]) -> None:
    content = rows.written([(record_id(number), {"A": text}) for number, text in enumerate(comments)])
    back = [row["A"] for row in rows.read(content)]
    assert back == [("# N/A" if text == "#N/A" else text) or "#N/A" for text in comments]


def test_results_are_utf_8_whatever_the_header_says() -> None:
    content = '\ufeffsf__Id,sf__Error,Id,A\n003,"X:Zoë said\n""no"":A --",003,"one\ntwo"\n'.encode()
    assert list(rows.read(content)) == [
        {"sf__Id": "003", "sf__Error": 'X:Zoë said\n"no":A --', "Id": "003", "A": "one\ntwo"}
    ]


# ---------------------------------------------------------------- the job


class Job:
    """A bulk job in the org: what it is sent, and what it hands back."""

    def __init__(
        self,
        there: Org,
        *,
        states: Sequence[str] = ("JobComplete",),
        written: Sequence[str] = (),
        failed: Sequence[tuple[str, str]] = (),
        unprocessed: Sequence[str] = (),
        message: str = "",
    ) -> None:
        self.steps: list[str] = []
        self.upload = b""
        looks = [self._info(state, message) for state in states]
        there.replies("POST", "jobs/ingest", self._step("create", lambda _: self._info("Open")))
        there.replies("PUT", "jobs/ingest/750A/batches", self._step("upload", self._uploaded))
        there.replies(
            "PATCH", "jobs/ingest/750A", self._step("state", lambda _: self._info("UploadComplete"))
        )
        there.replies(
            "GET",
            "jobs/ingest/750A",
            self._step("look", lambda _: looks.pop(0) if len(looks) > 1 else looks[0]),
        )
        self._file(
            there, "successfulResults", ["sf__Id", "sf__Created", "Id"], [(i, "false", i) for i in written]
        )
        self._file(
            there, "failedResults", ["sf__Id", "sf__Error", "Id"], [(i, text, i) for i, text in failed]
        )
        self._file(there, "unprocessedrecords", ["Id"], [(i,) for i in unprocessed])

    def _step(
        self, name: str, answer: Callable[[requests.PreparedRequest], Answer]
    ) -> Callable[[requests.PreparedRequest], Answer]:
        def noted(request: requests.PreparedRequest) -> Answer:
            self.steps.append(name)
            return answer(request)

        return noted

    def _info(self, state: str, message: str = "") -> Answer:
        return ok(
            {
                "id": "750A",
                "operation": "update",
                "object": "Contact",
                "state": state,
                "errorMessage": message,
            }
        )

    def _uploaded(self, request: requests.PreparedRequest) -> Answer:
        assert request.headers["Content-Type"] == "text/csv; charset=UTF-8"
        assert isinstance(request.body, bytes)
        self.upload = request.body
        return 201, {}, ""

    def _file(self, there: Org, name: str, header: list[str], lines: Sequence[Sequence[str]]) -> None:
        out = StringIO()
        csv.writer(out, lineterminator="\n").writerows([header, *lines])
        content = out.getvalue().encode()  # no charset is named
        there.replies(
            "GET", f"jobs/ingest/750A/{name}/", lambda _: (200, {"Content-Type": "text/csv"}, content)
        )


def written(
    opened: Opened, *changes: Change, remember: Callable[[str], None] = lambda _: None
) -> list[Outcome]:
    return list(opened.salesforce.write(batch(*changes, api="bulk"), remember))


def test_a_job_settles_every_change_in_whatever_order_the_results_come() -> None:
    ids = [record_id(number) for number in range(50)]
    with org() as there:
        job = Job(
            there,
            written=ids[:0:-1],
            failed=[(ids[0], "REQUIRED_FIELD_MISSING:Required fields are missing:[A] --")],
        )
        outcomes = written(Opened(), *(change(one, NPS_Score__c=9) for one in ids))
        assert outcomes == [
            Rejected(ids[0], "REQUIRED_FIELD_MISSING", "Required fields are missing:[A]", cause=Cause.RECORD),
            *map(Written, ids[1:]),
        ]
        assert job.steps == ["create", "upload", "state", "look"]
        assert cells(job.upload)[0] == ["Id", "NPS_Score__c"]


def test_the_job_is_remembered_before_any_row_leaves() -> None:
    with org() as there:
        job = Job(there, written=[ANN])
        seen: list[tuple[str, list[str]]] = []
        written(Opened(), change(ANN), remember=lambda handle: seen.append((handle, list(job.steps))))
        assert seen == [("750A", ["create"])]


def test_a_process_that_dies_while_remembering_uploads_nothing() -> None:
    def die(handle: str) -> None:
        raise KeyboardInterrupt

    with org() as there:
        job = Job(there)
        with pytest.raises(KeyboardInterrupt):
            written(Opened(), change(ANN), remember=die)
        assert job.steps == ["create"]


def test_a_running_job_is_looked_at_ever_more_rarely() -> None:
    states = ["UploadComplete", *["InProgress"] * 6, "JobComplete"]
    with org() as there:
        Job(there, states=states, written=[ANN])
        opened = Opened()
        assert written(opened, change(ANN)) == [Written(ANN)]
        assert opened.clock.slept == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_job_that_takes_too_long_is_left_for_the_next_run() -> None:
    with org() as there:
        Job(there, states=["InProgress"])
        opened = Opened(write={"bulk_deadline": 100})
        with pytest.raises(
            StillUnderWay, match=r"750A \(InProgress\) 2 minutes after.*next run asks.*abort it"
        ):
            written(opened, change(ANN))
        assert sum(opened.clock.slept) <= 100


def test_rows_a_job_did_not_get_to_are_wanted_again() -> None:
    with org() as there:
        Job(there, states=["Aborted"], written=[ANN], unprocessed=[BOB])
        assert written(Opened(), change(ANN), change(BOB)) == [
            Written(ANN),
            Deferred(BOB, "bulk job 750A ended as Aborted before this row", tried=False),
        ]


def test_a_row_no_file_mentions_is_unknown() -> None:
    with org() as there:
        Job(there, written=[ANN])
        told = written(Opened(), change(ANN), change(BOB))
        assert [type(one) for one in told] == [Written, Unknown]


def test_locked_rows_are_deferred() -> None:
    with org() as there:
        Job(
            there,
            written=[ANN],
            failed=[(BOB, "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--")],
        )
        assert [type(one) for one in written(Opened(), change(ANN), change(BOB))] == [Written, Deferred]


@pytest.mark.parametrize(
    ("cell", "code", "message", "field", "cause"),
    [
        ("STRING_TOO_LONG:Comment: too large:A__c --", "STRING_TOO_LONG", "Comment: too large", "A__c", Cause.MAPPING),
        ("INVALID_EMAIL_ADDRESS:Email: bad: x@:Email --", "INVALID_EMAIL_ADDRESS", "Email: bad: x@", "Email",
         Cause.MAPPING),
        ("NOT_FOUND:gone:--", "NOT_FOUND", "gone", None, Cause.GONE),
        ("something unforeseen", "something unforeseen", "something unforeseen", None, Cause.UNKNOWN),
        ("", "UNKNOWN_ERROR", "", None, Cause.UNKNOWN),
    ],
)  # fmt: skip
def test_the_error_cell_is_taken_apart(
    cell: str, code: str, message: str, field: str | None, cause: Cause
) -> None:
    with org() as there:
        Job(there, failed=[(ANN, cell)])
        assert written(Opened(), change(ANN)) == [Rejected(ANN, code, message, field, cause)]


@pytest.mark.parametrize(
    ("message", "error_type"),
    [
        ("InvalidBatch : Field name not found : NPS__c", ConfigError),
        ("daily batch allocation exceeded", BudgetError),
    ],
)
def test_a_failed_job_stops_the_run_and_tells_what_was_written(
    message: str, error_type: type[Exception]
) -> None:
    with org() as there:
        Job(there, states=["Failed"], written=[ANN], unprocessed=[BOB], message=message)
        both = batch(change(ANN), change(BOB), api="bulk")
        outcomes = iter(Opened().salesforce.write(both, lambda _: None))
        assert next(outcomes) == Written(ANN)
        with pytest.raises(error_type):
            next(outcomes)


def test_the_same_refusal_of_every_row_is_not_the_rows_fault() -> None:
    ids = [record_id(number) for number in range(30)]
    with org() as there:
        Job(there, failed=[(one, "INSUFFICIENT_ACCESS_OR_READONLY:no:--") for one in ids])
        with pytest.raises(AccessError, match="all 30"):
            written(Opened(), *map(change, ids))


def test_two_changes_of_one_record_are_one_row() -> None:
    with org() as there:
        job = Job(there, written=[ANN, BOB])
        told = written(Opened(), change(ANN, A=1, B=1), change(BOB, A=2), change(ANN, A=3))
        assert told == [Written(ANN), Written(BOB), Written(ANN)]
        assert cells(job.upload)[1:] == [[ANN, "3", "1"], [BOB, "2", ""]]


def test_rows_of_one_account_stand_together() -> None:
    with org() as there:
        job = Job(there, written=[ANN, BOB, CYD])
        written(
            Opened(),
            change(ANN, account="B", A=1),
            change(BOB, account="A", A=1),
            change(CYD, account="B", A=1),
        )
        assert [line[0] for line in cells(job.upload)[1:]] == [BOB, ANN, CYD]


def test_changes_too_large_for_a_job_go_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_BYTES", 1_000)
    with org() as there:
        job = Job(there)
        there.writes(taken)
        assert written(Opened(), change(ANN, A="x" * 1_000)) == [Written(ANN)]
        assert job.steps == []


class SandboxJobs:
    """Bulk jobs that behave like Salesforce's: one upload, and no way back from a state."""

    def __init__(self, there: Org, *, lose: str = "") -> None:
        self.made = 0
        self.states: dict[str, str] = {}
        self.rows: dict[str, bytes] = {}
        self.begun: list[str] = []
        self.lose = lose  # the answer to this step is lost once, after it was carried out
        for number in ("1", "2", "3"):
            there.replies("PUT", f"jobs/ingest/750{number}/batches", self._step("upload", self._uploaded))
            there.replies("PATCH", f"jobs/ingest/750{number}", self._step("state", self._changed))
            there.replies("GET", f"jobs/ingest/750{number}", self._look)
            for name in ("failedResults", "unprocessedrecords"):
                there.answers("GET", f"jobs/ingest/750{number}/{name}/", (200, {}, "Id\n"))
            there.replies("GET", f"jobs/ingest/750{number}/successfulResults/", self._results)
        there.replies("POST", "jobs/ingest", self._created)

    def _step(self, name: str, carry_out: Callable[[str, bytes], Answer]) -> Callable[..., Answer]:
        def answer(request: requests.PreparedRequest) -> Answer:
            said = carry_out(self._job(request), bytes(request.body or b""))  # type: ignore[arg-type]
            if self.lose == name:
                self.lose = ""
                raise requests.ReadTimeout("lost")
            return said

        return answer

    def _job(self, request: requests.PreparedRequest) -> str:
        return str(request.url).split("/jobs/ingest/")[1].split("/")[0]

    def _info(self, job: str) -> Answer:
        return ok({"id": job, "state": self.states[job]})

    def _created(self, request: requests.PreparedRequest) -> Answer:
        self.made += 1
        self.states[f"750{self.made}"] = "Open"
        return self._info(f"750{self.made}")

    def _uploaded(self, job: str, content: bytes) -> Answer:
        if job in self.rows:
            return error(400, "INVALIDJOB", "Found multiple contents for job")
        self.rows[job] = content
        return 201, {}, ""

    def _changed(self, job: str, body: bytes) -> Answer:
        wanted = "Aborted" if b"Aborted" in body else "UploadComplete"
        if self.states[job] != "Open":
            return error(400, "INVALIDJOBSTATE", f"cannot change from {self.states[job]}")
        self.states[job] = "Aborted" if wanted == "Aborted" else "JobComplete"
        if wanted == "UploadComplete":
            self.begun.append(job)
        return self._info(job)

    def _look(self, request: requests.PreparedRequest) -> Answer:
        return self._info(self._job(request))

    def _results(self, request: requests.PreparedRequest) -> Answer:
        return 200, {}, self.rows[self._job(request)]


@pytest.mark.parametrize(("lose", "jobs"), [("", 1), ("upload", 2), ("state", 1)])
def test_a_lost_answer_on_the_way_into_a_job_sends_no_row_twice(lose: str, jobs: int) -> None:
    with org() as there:
        vendor = SandboxJobs(there, lose=lose)
        remembered: list[str] = []
        assert written(Opened(), change(ANN, A=1), change(BOB, A=2), remember=remembered.append) == [
            Written(ANN),
            Written(BOB),
        ]
    assert remembered == [f"750{number}" for number in range(1, jobs + 1)]
    assert vendor.begun == [f"750{jobs}"]  # the others were aborted before they began


# ---------------------------------------------------------------- after a crash


def resumed(opened: Opened, *changes: Change, api: str = "bulk") -> list[Outcome] | None:
    outcomes = opened.salesforce.resume(batch(*changes, api=api), "750A")
    return None if outcomes is None else list(outcomes)


@pytest.mark.parametrize("state", ["UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"])
def test_a_job_is_settled_from_any_state_without_sending_a_row(state: str) -> None:
    finished = "JobComplete" if state in ("UploadComplete", "InProgress") else state
    with org() as there:
        job = Job(there, states=[state, finished], written=[ANN], unprocessed=[BOB])
        told = resumed(Opened(), change(ANN), change(BOB))
        assert told is not None
        assert [type(one) for one in told] == [Written, Deferred]
        assert set(job.steps) == {"look"}


def test_a_job_that_outlived_its_run_is_looked_at_once_and_left_alone() -> None:
    """The deadline is the job's: waiting for it again, run after run, would help nobody."""
    with org() as there:
        created = {"createdDate": "2026-03-02T11:00:00.000+0000"}  # an hour before now
        there.answers("GET", "jobs/ingest/750A", ok({"id": "750A", "state": "InProgress", **created}))
        opened = Opened(write={"bulk_deadline": 600})
        with pytest.raises(StillUnderWay, match="60 minutes after it was sent"):
            resumed(opened, change(ANN))
        assert opened.clock.slept == []
        assert len(there.asked) == 1


def test_a_job_whose_process_died_is_waited_for_as_long_as_it_would_have_been() -> None:
    with org() as there:
        created = {"createdDate": "2026-03-02T11:59:00.000+0000"}  # a minute before now
        there.answers("GET", "jobs/ingest/750A", ok({"id": "750A", "state": "InProgress", **created}))
        opened = Opened(write={"bulk_deadline": 100})
        with pytest.raises(StillUnderWay):
            resumed(opened, change(ANN))
        assert sum(opened.clock.slept) == 40


@pytest.mark.parametrize(
    "message", ["InvalidBatch : Field name not found : NPS__c", "daily batch allocation exceeded"]
)
def test_a_job_of_the_past_that_failed_as_a_whole_does_not_stop_the_runs_after_it(message: str) -> None:
    with org() as there:
        Job(there, states=["Failed"], written=[ANN], unprocessed=[BOB], message=message)
        told = resumed(Opened(), change(ANN), change(BOB))
    assert told is not None
    assert [type(one) for one in told] == [Written, Deferred]


def test_a_job_that_never_got_its_rows_is_aborted_and_forgotten() -> None:
    with org() as there:
        job = Job(there, states=["Open"])
        assert resumed(Opened(), change(ANN)) is None
        assert job.steps == ["look", "state"]


def test_a_job_salesforce_has_forgotten_is_none() -> None:
    with org() as there:
        there.answers("GET", "jobs/ingest/750A", error(404, "NOT_FOUND"))
        assert resumed(Opened(), change(ANN)) is None


def test_a_collections_batch_leaves_nothing_to_ask_for() -> None:
    with org():
        assert resumed(Opened(), change(ANN), api="collections") is None
