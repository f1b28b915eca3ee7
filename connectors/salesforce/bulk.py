"""Writing through Bulk API 2.0: one job per batch, with a job loop of our own.

The library's loses job ids, writes None as "leave it", reads results as Latin-1 and polls every five seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from connectors.contract import Clock
from connectors.poison import ALIKE
from connectors.salesforce import composite, rows
from connectors.salesforce.codes import Meaning, meaning
from connectors.salesforce.composite import Learnt
from connectors.salesforce.errors import Refused, RowError, bulk_row_error
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import Api
from nps.changes import Batch, Change, Deferred, Outcome, Unknown, Written
from nps.errors import BudgetError, ConfigError, NpsyncError, StillUnderWay, UnavailableError

ROWS_PER_JOB = 10_000  # Salesforce's own internal batch; a larger job saves few calls and costs memory
CALLS_PER_JOB = 12  # create, upload, close, about six looks, three results

_FIRST_WAIT, _LONGEST_WAIT = 2.0, 60.0
_FINISHED = frozenset({"JobComplete", "Failed", "Aborted"})


def write(
    api: Api, clock: Clock, batch: Batch, remember: Callable[[str], None], deadline: float, learnt: Learnt
) -> Iterator[Outcome]:
    """One outcome per change. The job's id is remembered before any row leaves; StillUnderWay when Salesforce is not
    done with it by the deadline."""
    content = rows.written(_records(batch))
    if len(content) > rows.MOST_BYTES:  # very long comments: they fit the other way
        yield from composite.write(api, clock, batch, composite.MOST_RECORDS, learnt)
        return
    job = _sent(api, batch.object, content, remember)
    yield from _results(api, batch, _awaited(api, clock, job, deadline), learnt)


def resume(
    api: Api, clock: Clock, batch: Batch, job: str, deadline: float, learnt: Learnt
) -> Iterator[Outcome] | None:
    """Outcomes of a job another process started; None when Salesforce does not know it or never got its
    rows. The deadline is the job's, counted from its creation: one that is past it is looked at once, and
    StillUnderWay when it still is not done."""
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
        age = _age(info, clock)
        if age >= deadline:
            raise _still_under_way(info, age)
        info = _awaited(api, clock, job, deadline - age, age)
    return _results(api, batch, info, learnt, past=True)


def _records(batch: Batch) -> list[tuple[str, Mapping[str, Any]]]:
    """One row per record: a later change of the same record adds to the earlier one. Rows of one account
    stand together, so that parallel processing does not lock them against each other."""
    merged: dict[str, dict[str, Any]] = {}
    for change in sorted(batch.changes, key=lambda change: change.account):
        merged.setdefault(change.record_id, {}).update(change.after)
    return list(merged.items())


def _sent(api: Api, object: str, content: bytes, remember: Callable[[str], None]) -> str:
    """A job with its rows, closed so that Salesforce begins."""
    job = _create(api, object)
    remember(job)
    if not _uploaded(api, job, content):
        # A job takes one upload, and whether all of it arrived when its answer was lost is not told.
        _set_state(api, job, "Aborted")
        job = _create(api, object)
        remember(job)
        if not _uploaded(api, job, content):
            raise UnavailableError(
                f"bulk job {job} did not take its rows; nothing was written, the next run sends them"
            )
    _begin(api, job)
    return job


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


def _uploaded(api: Api, job: str, content: bytes) -> bool:
    """False when the job says it has rows already: an earlier attempt got through and its answer did not."""
    try:
        api.call(
            "PUT",
            f"jobs/ingest/{job}/batches",
            data=content,
            headers={"Content-Type": "text/csv; charset=UTF-8"},
            what=f"upload rows of bulk job {job}",
        )
    except Refused as refused:
        if refused.status == 400 and meaning(refused.code, refused.message) is Meaning.RECORD:
            return False
        raise refused.as_error("Bulk job") from None
    return True


def _begin(api: Api, job: str) -> None:
    try:
        _patched(api, job, "UploadComplete")
    except Refused as refused:
        if _checked("Bulk job", lambda: _look(api, job))["state"] == "Open":
            raise refused.as_error("Bulk job") from None
        # It began already: only the answer was lost.


def _set_state(api: Api, job: str, state: str) -> None:
    _checked("Bulk job", lambda: _patched(api, job, state))


def _patched(api: Api, job: str, state: str) -> None:
    api.call("PATCH", f"jobs/ingest/{job}", body={"state": state}, what=f"set bulk job {job} to {state}")


def _look(api: Api, job: str) -> Mapping[str, Any]:
    info: Mapping[str, Any] = api.call("GET", f"jobs/ingest/{job}", what=f"look at bulk job {job}")
    return info


def _checked(object: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Refused as refused:
        raise refused.as_error(object) from None


def _awaited(api: Api, clock: Clock, job: str, patience: float, age: float = 0.0) -> Mapping[str, Any]:
    """Look after 2, 4, 8 … 60 seconds: each look costs a call."""
    started, wait, spent = clock.monotonic(), _FIRST_WAIT, 0.0
    while True:
        clock.sleep(min(wait, patience - spent))
        info: Mapping[str, Any] = _checked("Bulk job", lambda: _look(api, job))
        if info["state"] in _FINISHED:
            return info
        wait = min(wait * 2, _LONGEST_WAIT)
        spent = clock.monotonic() - started
        if spent >= patience:
            raise _still_under_way(info, age + spent)


def _age(info: Mapping[str, Any], clock: Clock) -> float:
    try:
        created = datetime.fromisoformat(str(info.get("createdDate")))
    except ValueError:
        return 0.0  # not told: as if it had just begun
    return (clock.now() - created).total_seconds() if created.tzinfo else 0.0


def _still_under_way(info: Mapping[str, Any], age: float) -> StillUnderWay:
    minutes = max(round(age / 60), 1)
    return StillUnderWay(
        f"Salesforce is not done with bulk job {info['id']} ({info['state']}) {minutes} "
        f"minute{'s' if minutes > 1 else ''} after it was sent. Nothing of it is sent again: the next run asks for its "
        "results. To wait no longer, abort it in Salesforce (Setup > Bulk Data Load Jobs)"
    )


def _results(
    api: Api, batch: Batch, info: Mapping[str, Any], learnt: Learnt, *, past: bool = False
) -> Iterator[Outcome]:
    """Join the three result files with the changes by id: their order says nothing. Of a job of the `past` nothing
    is raised: what stopped it may be put right by now, and would stop every run that asks for it."""
    job = str(info["id"])
    written = {_id(row) for row in _file(api, job, "successfulResults")}
    failed = {_id(row): bulk_row_error(row.get("sf__Error", "")) for row in _file(api, job, "failedResults")}
    unprocessed = {_id(row) for row in _file(api, job, "unprocessedrecords")}
    if written:
        learnt.alike.written()
    stopping = _stopping(batch, info, written, failed, learnt)
    ended = f"bulk job {job} ended as {info['state']} before this row"
    if info.get("errorMessage"):
        ended += f": {str(info['errorMessage'])[:200]}"
    for change in batch.changes:
        if (outcome := _outcome(change, written, failed, unprocessed, stopping, ended)) is not None:
            yield outcome
        elif past:
            yield Deferred(change.record_id, str(stopping), tried=False)
    if stopping is not None and not past:
        raise stopping


def _outcome(
    change: Change,
    written: set[str],
    failed: Mapping[str, RowError],
    unprocessed: set[str],
    stopping: NpsyncError | None,
    ended: str,
) -> Outcome | None:
    record_id = long_id(change.record_id) or change.record_id
    if record_id in written:
        return Written(change.record_id)
    if stopping is not None:
        return None  # not this record's matter: it goes out again once that is put right
    if record_id in failed:
        return failed[record_id].outcome(change.record_id)
    if record_id in unprocessed:
        return Deferred(change.record_id, ended, tried=False)
    return Unknown(change.record_id, "the bulk job's results do not mention this record")


def _stopping(
    batch: Batch, info: Mapping[str, Any], written: set[str], failed: Mapping[str, RowError], learnt: Learnt
) -> NpsyncError | None:
    """The error that stops the run, when it is not single records that failed."""
    message = str(info.get("errorMessage") or "")
    if info["state"] == "Failed" and "InvalidBatch" in message:
        return ConfigError(
            f"{batch.object}: the bulk job was refused: {message[:200]}; `npsync check` tells more"
        )
    if info["state"] == "Failed" and "allocation" in message.lower():
        return BudgetError("the org's daily bulk batches are used up; what is left goes out in a later run")
    sent = {change.record_id: change.after for change in batch.changes}
    for id, error in failed.items():
        if error.meaning in (Meaning.SETTINGS, Meaning.ACCESS):
            return error.as_error(batch.object, len(failed), sent.get(id, {}))
    codes = {error.code for error in failed.values()}
    if not written and len(codes) == 1 and len(failed) == len(batch.changes) >= ALIKE:
        id, only = next(iter(failed.items()))
        # A whole job of them is no single company's people.
        whole_job = len(failed) >= composite.MOST_RECORDS and not learnt.alike.any_written
        if only.meaning is Meaning.RECORD and (whole_job or composite.stops(learnt.alike, only)):
            return only.as_error(batch.object, len(failed), sent.get(id, {}))
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
