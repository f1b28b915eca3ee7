"""Bulk API 2.0 ingest: jobs that take one CSV and tell, in no promised order, what became of each row."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.salesforce.api import Api
from sandbox.salesforce.auth import Client
from sandbox.salesforce.errors import ApiError, RecordError, json_reply
from sandbox.salesforce.tables import Column, Table
from sandbox.salesforce.values import from_cell

MAX_UPLOAD = 100_000_000
_BATCH = 10_000
_DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_LIVES = 7 * 24 * 3600


@dataclass
class Job:
    id: str
    table: Table
    operation: str
    key: Column | None  # upsert's external id
    delimiter: str
    line_ending: str
    version: str
    created: str
    expires: float
    client: Client
    state: str = "Open"
    upload: bytes | None = None
    polls_left: int = 0
    busy_until: float = 0.0
    header: list[str] = field(default_factory=list)
    parents: dict[int, tuple[str, str]] = field(default_factory=dict)  # column → relation and its external id
    successful: list[list[str]] = field(default_factory=list)
    failed: list[list[str]] = field(default_factory=list)
    unprocessed: list[list[str]] = field(default_factory=list)
    problem: str | None = None


class Bulk:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._room = api.org.room
        self.jobs: dict[str, Job] = {}
        self._numbers = itertools.count(1)

    # ------------------------------------------------------------ resources

    async def create(self, request: Request, client: Client) -> Response:
        try:
            wanted = orjson.loads(await request.body())
        except orjson.JSONDecodeError as problem:
            raise ApiError(400, "JSON_PARSER_ERROR", str(problem)) from None
        table = self._api.org.table(str(wanted.get("object")))
        if table is None:
            raise ApiError(400, "INVALIDENTITY", f"Unsupported object: {wanted.get('object')}")
        if wanted.get("operation") not in _OPERATIONS:
            raise ApiError(400, "INVALIDOPERATION", f"unknown operation {wanted.get('operation')}")
        if wanted.get("contentType", "CSV") != "CSV":
            raise ApiError(400, "FEATURENOTENABLED", "only CSV is supported")
        job = Job(
            id=f"750Hs{next(self._numbers):010d}AAA",
            table=table,
            operation=wanted["operation"],
            key=self._key(table, wanted),
            delimiter=_one_of(_DELIMITERS, wanted.get("columnDelimiter", "COMMA")),
            line_ending=_one_of({"LF": "LF", "CRLF": "CRLF"}, wanted.get("lineEnding", "LF")),
            version=request.path_params["version"],
            created=self._api.org.now(),
            expires=self._room.clock.time() + _LIVES,
            client=client,
        )
        self.jobs[job.id] = job
        return json_reply(self._info(job))

    async def upload(self, request: Request, client: Client) -> Response:
        job = self._job(request)
        if job.state != "Open":
            raise ApiError(400, "INVALIDJOBSTATE", f"Job state is {job.state}: no more data may be uploaded")
        if job.upload is not None:
            raise ApiError(400, "INVALIDJOB", "Found multiple contents for job: a job takes one upload")
        if not request.headers.get("content-type", "").lower().startswith("text/csv"):
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "the content type must be text/csv")
        job.upload = await _limited(request, self._room.limits.get("upload_bytes", MAX_UPLOAD))
        return Response(status_code=201)

    async def change_state(self, request: Request, client: Client) -> Response:
        job = self._job(request)
        try:
            state = orjson.loads(await request.body()).get("state")
        except (orjson.JSONDecodeError, AttributeError):
            raise ApiError(400, "JSON_PARSER_ERROR", "a JSON object with a state is expected") from None
        match state:
            case "UploadComplete" if job.state == "Open" and job.upload is not None:
                self._close(job)
            case "Aborted" if job.state in ("Open", "UploadComplete", "InProgress"):
                self._abort(job)
            case _:
                raise ApiError(400, "INVALIDJOBSTATE", f"Job state cannot change from {job.state} to {state}")
        return json_reply(self._info(job))

    async def status(self, request: Request, client: Client) -> Response:
        """Each poll brings the job on: UploadComplete → InProgress … → done."""
        job = self._job(request)
        shown = self._info(job)
        if job.state in ("UploadComplete", "InProgress"):
            self._advance(job)
        return json_reply(shown)

    async def jobs_list(self, request: Request, client: Client) -> Response:
        return json_reply({"done": True, "records": [self._info(job) for job in self.jobs.values()]})

    async def remove(self, request: Request, client: Client) -> Response:
        job = self._job(request)
        if job.state in ("Open", "InProgress"):
            raise ApiError(400, "INVALIDJOBSTATE", f"a job that is {job.state} cannot be deleted")
        del self.jobs[job.id]
        return Response(status_code=204)

    async def successful(self, request: Request, client: Client) -> Response:
        job = self._done(request)
        return _csv(["sf__Id", "sf__Created", *job.header], job.successful, job)

    async def failed(self, request: Request, client: Client) -> Response:
        job = self._done(request)
        return _csv(["sf__Id", "sf__Error", *job.header], job.failed, job)

    async def unprocessed(self, request: Request, client: Client) -> Response:
        job = self._done(request)
        return _csv(job.header, job.unprocessed, job)

    # ------------------------------------------------------------ a job's life

    def _close(self, job: Job) -> None:
        job.state = "UploadComplete"
        slow = self._room.faults.take("bulk_slow", text=job.id)
        job.polls_left = slow.detail.get("polls", 0) if slow else self._room.limits.get("bulk_polls", 2)
        job.busy_until = self._room.clock.time() + (slow.detail.get("seconds", 0) if slow else 0)

    def _advance(self, job: Job) -> None:
        if job.polls_left > 0 or self._room.clock.time() < job.busy_until:
            job.polls_left = max(0, job.polls_left - 1)
            job.state = "InProgress"
            return
        job.state = "InProgress"
        self._process(job)

    def _abort(self, job: Job) -> None:
        try:
            job.header, job.unprocessed = self._read(job)
        except ValueError:
            job.header, job.unprocessed = [], []
        job.state, job.upload = "Aborted", None

    def _process(self, job: Job) -> None:
        try:
            job.header, rows = self._read(job)
            columns = self._columns(job)
        except ValueError as problem:
            job.state, job.problem, job.upload = "Failed", str(problem), None
            return
        stop = self._stops_after(job, rows)
        for row in rows[:stop]:
            self._process_row(job, columns, row)
        job.unprocessed = rows[stop:]
        job.upload = None
        # Results of a parallel job come in no promised order.
        self._room.faults.shuffle(job.successful)
        self._room.faults.shuffle(job.failed)
        if job.state == "InProgress":
            job.state = "JobComplete"

    def _stops_after(self, job: Job, rows: list[list[str]]) -> int:
        """How many rows are processed before something ends the job; all, normally."""
        allowance = self._api.allowance
        batches = -(-len(rows) // _BATCH)
        left = max(0, allowance.batches - allowance.batches_used)
        allowance.batches_used += min(batches, left)
        if rule := self._room.faults.take("bulk_aborted", text=job.id):
            job.state, job.problem = "Aborted", None
            return int(rule.detail.get("processed", len(rows) // 2))
        if rule := self._room.faults.take("bulk_failed", text=job.id):
            job.state = "Failed"
            job.problem = rule.detail.get("message", "InternalServerError : Retries exceeded")
            return int(rule.detail.get("processed", len(rows) // 2))
        if batches > left:
            job.state = "Failed"
            job.problem = "ExceededQuota : ApiBatchItems Limit exceeded."
            return left * _BATCH
        return len(rows)

    def _process_row(self, job: Job, columns: list[Column | None], row: list[str]) -> None:
        id = ""
        try:
            if self._api.left_out(_named_id(row, columns, job)):
                return  # in none of the three result files
            if len(row) != len(job.header):
                raise RecordError("INVALID_ROW", "the row has another number of columns than the header")
            id, created = self._write(job, columns, row)
            job.successful.append([id, str(created).lower(), *row])
        except RecordError as refused:
            job.failed.append([_refused_id(refused, row, columns, job), refused.in_csv(), *row])

    def _write(self, job: Job, columns: list[Column | None], row: list[str]) -> tuple[str, bool]:
        cells = {column: cell for column, cell in zip(columns, row, strict=True) if column is not None}
        named = {column.field.name: cell for column, cell in cells.items()} | self._parents(job, row)
        id = named.pop("Id", "")
        if job.operation == "upsert":
            assert job.key is not None
            value = named.pop(job.key.field.name, "")
            if not value:
                raise RecordError(
                    "MISSING_ARGUMENT", f"{job.key.field.name} not specified", job.key.field.name
                )
            rows = job.table.by_key(job.key, value)
            if len(rows) > 1:
                raise RecordError(
                    "DUPLICATE_EXTERNAL_ID", f"{job.key.field.name}: more than one record found"
                )
            if not rows:
                return self._insert(job, {**named, job.key.field.name: value}, key=value), True
            id = str(rows[0][job.table.id])
        if job.operation == "insert":
            return self._insert(job, named), True
        if job.operation in ("delete", "hardDelete"):
            return self._delete(job, id), False
        return self._update(job, id, named), False

    def _parents(self, job: Job, row: list[str]) -> dict[str, str]:
        """`Contact__r.Customer_Id__c` names the parent by its external id."""
        named = {}
        for place, (relation, key) in job.parents.items():
            cell = row[place]
            told = None if cell == "#N/A" else {key: cell}
            name, id = self._api.relation(job.table, relation, told if cell else None)
            named[name] = "" if not cell else id or "#N/A"
        return named

    def _update(self, job: Job, id: str, named: dict[str, str]) -> str:
        row = job.table.existing(id)
        full = str(row[job.table.id])
        filled = {name: cell for name, cell in named.items() if cell != ""}  # empty: leave it as it is
        wanted = job.table.stored(filled, from_cell, id=full)
        self._api.insist(job.client, job.table, "edit")
        self._api.scripted(full)
        self._api.org.update(job.table, row, wanted, by=job.client.user)
        return full

    def _insert(self, job: Job, named: dict[str, str], key: str = "") -> str:
        filled = {name: cell for name, cell in named.items() if cell != ""}
        wanted = job.table.stored(filled, from_cell)
        self._api.insist(job.client, job.table, "create")
        self._api.scripted(f"{job.table.name}/{key}")
        return self._api.org.create(job.table, wanted, by=job.client.user)

    def _delete(self, job: Job, id: str) -> str:
        row = job.table.existing(id)
        self._api.insist(job.client, job.table, "delete")
        self._api.org.delete(job.table, row)
        return str(row[job.table.id])

    # ------------------------------------------------------------ its CSV

    def _read(self, job: Job) -> tuple[list[str], list[list[str]]]:
        """Header and rows; raises ValueError with the message a failed job shows."""
        try:
            text = (job.upload or b"").decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError("ClientInputError : Invalid UTF-8 in user data") from None
        first_line = text.partition("\n")[0]
        if first_line and first_line.endswith("\r") != (job.line_ending == "CRLF"):
            raise ValueError(
                "ClientInputError : LineEnding is invalid on user data. "
                f"Current LineEnding setting is {job.line_ending}"
            )
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=job.delimiter, strict=True))
        except csv.Error as problem:
            raise ValueError(f"ClientInputError : Error in CSV: {problem}") from None
        rows = [row for row in rows if row]
        if not rows:
            raise ValueError("InvalidBatch : The 'header' row is missing")
        return rows[0], rows[1:]

    def _columns(self, job: Job) -> list[Column | None]:
        columns: list[Column | None] = []
        for place, name in enumerate(job.header):
            relation, _, key = name.partition(".")
            if key and self._api.is_parent(job.table, relation):
                job.parents[place] = relation, key
                columns.append(None)
                continue
            column = job.table.column(name)
            if column is None:
                raise ValueError(f"InvalidBatch : Field name not found : {name}")
            columns.append(column)
        if job.operation in ("update", "delete", "hardDelete") and "Id" not in job.header:
            raise ValueError("InvalidBatch : Field name not found : Id")
        return columns

    def _key(self, table: Table, wanted: dict[str, Any]) -> Column | None:
        if wanted["operation"] != "upsert":
            return None
        column = table.column(str(wanted.get("externalIdFieldName")))
        if column is None or not (column.field.external_id or column.field.name == "Id"):
            raise ApiError(400, "INVALIDJOB", "externalIdFieldName must name an external id field")
        return column

    def _job(self, request: Request) -> Job:
        job = self.jobs.get(request.path_params["job"])
        if job is None or job.expires <= self._room.clock.time():
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return job

    def _done(self, request: Request) -> Job:
        job = self._job(request)
        if job.state not in ("JobComplete", "Failed", "Aborted"):
            raise ApiError(400, "INVALIDJOBSTATE", f"Job state is {job.state}: results are not available yet")
        return job

    def _info(self, job: Job) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": job.id,
            "operation": job.operation,
            "object": job.table.name,
            "state": job.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(job.version),
            "contentUrl": f"services/data/v{job.version}/jobs/ingest/{job.id}/batches",
            "lineEnding": job.line_ending,
            "columnDelimiter": next(name for name, sign in _DELIMITERS.items() if sign == job.delimiter),
            "createdDate": job.created,
            "systemModstamp": self._api.org.now(),
            "jobType": "V2Ingest",
        }
        if job.key is not None:
            shown["externalIdFieldName"] = job.key.field.name
        if job.state != "Open":
            shown["numberRecordsProcessed"] = len(job.successful) + len(job.failed)
            shown["numberRecordsFailed"] = len(job.failed)
            shown |= {
                "retries": 0,
                "totalProcessingTime": 1,
                "apiActiveProcessingTime": 1,
                "apexProcessingTime": 0,
            }
        if job.problem is not None:
            shown["errorMessage"] = job.problem
        return shown


def _refused_id(refused: RecordError, row: list[str], columns: Sequence[Column | None], job: Job) -> str:
    """The vendor names the id only where it knew the record."""
    if refused.code in ("MALFORMED_ID", "INVALID_CROSS_REFERENCE_KEY", "INVALID_ROW"):
        return ""
    return _named_id(row, columns, job)


def _named_id(row: list[str], columns: Sequence[Column | None], job: Job) -> str:
    for column, cell in zip(columns, row, strict=False):
        if column is not None and column.place == job.table.id:
            return cell
    return ""


async def _limited(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", f"an upload may have {most} bytes")
        parts.append(part)
    return b"".join(parts)


def _csv(header: Iterable[str], rows: Iterable[list[str]], job: Job) -> Response:
    """UTF-8, and the content type does not say so: readers that guess Latin-1 get it wrong."""
    out = io.StringIO(newline="")
    ending = "\r\n" if job.line_ending == "CRLF" else "\n"
    writer = csv.writer(out, delimiter=job.delimiter, quoting=csv.QUOTE_ALL, lineterminator=ending)
    writer.writerow(header)
    writer.writerows(rows)
    return Response(out.getvalue().encode(), headers={"content-type": "text/csv"})


def _one_of(known: dict[str, str], name: object) -> str:
    if name not in known:
        raise ApiError(400, "INVALIDJOB", f"unknown value {name}; one of: {', '.join(known)}")
    return known[str(name)]
