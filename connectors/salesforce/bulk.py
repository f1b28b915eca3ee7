"""Writing through Bulk API 2.0: one job per batch, with a job loop of our own.

The library's loses job ids, writes None as "leave it", reads results as Latin-1 and polls every five seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.contract import Clock
from connectors.salesforce import composite, rows
from connectors.salesforce.codes import Meaning
from connectors.salesforce.errors import Refused, RowError, bulk_row_error
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import Api
from nps.changes import Batch, Change, Deferred, Outcome, Unknown, Written
from nps.errors import BudgetError, ConfigError, NpsyncError, UnavailableError

ROWS_PER_JOB = 10_000  # Salesforce's own internal batch; a larger job saves few calls and costs memory
CALLS_PER_JOB = 12  # create, upload, close, about six looks, three results

_FIRST_WAIT, _LONGEST_WAIT = 2.0, 60.0
_FINISHED = frozenset({"JobComplete", "Failed", "Aborted"})
_ALIKE = 20


def write(
    api: Api, clock: Clock, batch: Batch, remember: Callable[[str], None], deadline: float
) -> Iterator[Outcome]:
    """One outcome per change. The job's id is remembered before any row leaves."""
    content = rows.written(_records(batch))
    if len(content) > rows.MOST_BYTES:  # very long comments: they fit the other way
        yield from composite.write(api, clock, batch, composite.MOST_RECORDS)
        return
    job = _create(api, batch.object)
    remember(job)
    _upload(api, job, content)
    _set_state(api, job, "UploadComplete")
    yield from _results(api, batch, _awaited(api, clock, job, deadline))


def resume(api: Api, clock: Clock, batch: Batch, job: str, deadline: float) -> Iterator[Outcome] | None:
    """Outcomes of a job another process started; None when Salesforce does not know it or never got its
    rows."""
    try:
        info = _look(api, job)
    except Refused as refused:
        if refused.status == 404:
            return None
        raise refused.as_error("Bulk job") from None
    if info["state"] == "Open":
        # Whether rows arrived is not told. Nothing was carried out: that starts with UploadComplete.
        _set_state(api, job, "Aborted")
        return None
    if info["state"] not in _FINISHED:
        info = _awaited(api, clock, job, deadline)
    return _results(api, batch, info)


def _records(batch: Batch) -> list[tuple[str, Mapping[str, Any]]]:
    """One row per record: a later change of the same record adds to the earlier one. Rows of one account
    stand together, so that parallel processing does not lock them against each other."""
    merged: dict[str, dict[str, Any]] = {}
    for change in sorted(batch.changes, key=lambda change: change.account):
        merged.setdefault(change.record_id, {}).update(change.after)
    return list(merged.items())


def _create(api: Api, object: str) -> str:
    job = _checked(
        object,
        lambda: api.call(
            "POST",
            "jobs/ingest",
            body={
                "object": object,
                "operation": "update",
                "contentType": "CSV",
                "columnDelimiter": "COMMA",
                "lineEnding": "LF",
            },
            what=f"create a bulk job for {object}",
        ),
    )
    return str(job["id"])


def _upload(api: Api, job: str, content: bytes) -> None:
    _checked(
        "Bulk job",
        lambda: api.call(
            "PUT",
            f"jobs/ingest/{job}/batches",
            data=content,
            headers={"Content-Type": "text/csv; charset=UTF-8"},
            what=f"upload rows of bulk job {job}",
        ),
    )


def _set_state(api: Api, job: str, state: str) -> None:
    _checked(
        "Bulk job",
        lambda: api.call(
            "PATCH", f"jobs/ingest/{job}", body={"state": state}, what=f"set bulk job {job} to {state}"
        ),
    )


def _look(api: Api, job: str) -> Mapping[str, Any]:
    info: Mapping[str, Any] = api.call("GET", f"jobs/ingest/{job}", what=f"look at bulk job {job}")
    return info


def _checked(object: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Refused as refused:
        raise refused.as_error(object) from None


def _awaited(api: Api, clock: Clock, job: str, deadline: float) -> Mapping[str, Any]:
    """Look after 2, 4, 8 … 60 seconds: each look costs a call."""
    started, wait = clock.monotonic(), _FIRST_WAIT
    while True:
        clock.sleep(wait)
        info: Mapping[str, Any] = _checked("Bulk job", lambda: _look(api, job))
        if info["state"] in _FINISHED:
            return info
        wait = min(wait * 2, _LONGEST_WAIT)
        if clock.monotonic() - started + wait > deadline:
            raise UnavailableError(
                f"bulk job {job} is still {info['state']} after {deadline:.0f} s; "
                "the next run asks for its results"
            )


def _results(api: Api, batch: Batch, info: Mapping[str, Any]) -> Iterator[Outcome]:
    """Join the three result files with the changes by id: their order says nothing."""
    job = str(info["id"])
    written = {_id(row) for row in _file(api, job, "successfulResults")}
    failed = {_id(row): bulk_row_error(row.get("sf__Error", "")) for row in _file(api, job, "failedResults")}
    unprocessed = {_id(row) for row in _file(api, job, "unprocessedrecords")}
    stopping = _stopping(batch, info, written, failed)
    for change in batch.changes:
        if (outcome := _outcome(change, written, failed, unprocessed, stopping)) is not None:
            yield outcome
    if stopping is not None:
        raise stopping


def _outcome(
    change: Change,
    written: set[str],
    failed: Mapping[str, RowError],
    unprocessed: set[str],
    stopping: NpsyncError | None,
) -> Outcome | None:
    record_id = long_id(change.record_id) or change.record_id
    if record_id in written:
        return Written(change.record_id)
    if stopping is not None:
        return None  # not this record's matter: it goes out again once that is put right
    if record_id in failed:
        return failed[record_id].outcome(change.record_id)
    if record_id in unprocessed:
        return Deferred(change.record_id, "the bulk job ended before this row")
    return Unknown(change.record_id, "the bulk job's results do not mention this record")


def _stopping(
    batch: Batch, info: Mapping[str, Any], written: set[str], failed: Mapping[str, RowError]
) -> NpsyncError | None:
    """The error that stops the run, when it is not single records that failed."""
    message = str(info.get("errorMessage") or "")
    if info["state"] == "Failed" and "InvalidBatch" in message:
        return ConfigError(
            f"{batch.object}: the bulk job was refused: {message[:200]}; `npsync check` tells more"
        )
    if info["state"] == "Failed" and "allocation" in message.lower():
        return BudgetError("the org's daily bulk batches are used up; what is left goes out in a later run")
    for error in failed.values():
        if error.meaning in (Meaning.SETTINGS, Meaning.ACCESS):
            return error.as_error(batch.object, len(failed))
    codes = {error.code for error in failed.values()}
    if not written and len(codes) == 1 and len(failed) == len(batch.changes) >= _ALIKE:
        only = next(iter(failed.values()))
        return only.as_error(batch.object, len(failed)) if only.meaning is Meaning.RECORD else None
    return None


def _file(api: Api, job: str, name: str) -> Iterator[Mapping[str, str]]:
    try:
        content = api.download(f"jobs/ingest/{job}/{name}/", what=f"read {name} of bulk job {job}")
    except Refused as refused:
        raise refused.as_error("Bulk job") from None
    return rows.read(content)


def _id(row: Mapping[str, str]) -> str:
    """The id we sent; the vendor's own column where that did not come back."""
    told = row.get("Id") or row.get("sf__Id") or ""
    return long_id(told) or told
