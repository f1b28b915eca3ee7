"""Exports: a job that is asked about until it is complete, and then a zipped file, written row by row."""

from __future__ import annotations

import csv
import io
import secrets
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import orjson

from sandbox.qualtrics.words import COLUMNS
from sandbox.toy import Row

if TYPE_CHECKING:
    from sandbox.qualtrics.tool import Qualtrics

_MOST = 50  # jobs that are remembered
_IN_MEMORY = 1_000_000  # bytes of a zipped file; the rest goes to disk
_CHUNK = 65_536


@dataclass
class Job:
    survey: str
    format: str
    rows: Sequence[Row]
    looks: int  # until it is complete
    failed: bool = False
    file: str | None = None


class Exports:
    def __init__(self, tool: Qualtrics) -> None:
        self._tool = tool
        self._jobs: dict[str, Job] = {}
        self._files: dict[str, Job] = {}

    def begin(self, survey: str, format: str, rows: Sequence[Row], *, failed: bool) -> str:
        for shelf in (self._jobs, self._files):
            while len(shelf) >= _MOST:
                shelf.pop(next(iter(shelf)))
        progress = f"ES_{secrets.token_hex(8)}"
        self._jobs[progress] = Job(
            survey, format, [dict(row) for row in rows], self._tool.settings.polls, failed
        )
        return progress

    def look(self, survey: str, progress: str) -> Mapping[str, Any] | None:
        """How far it is; None when there is no such export of this survey."""
        job = self._jobs.get(progress)
        if job is None or job.survey != survey:
            return None
        if job.looks > 0:
            job.looks -= 1
            return {"percentComplete": 100.0 if job.looks == 0 else 40.0, "status": "inProgress"}
        if job.failed:
            return {"percentComplete": 0.0, "status": "failed"}
        if job.file is None:
            job.file = f"{secrets.token_hex(8)}-def0"
            self._files[job.file] = job
        return {"percentComplete": 100.0, "status": "complete", "fileId": job.file}

    def zipped(self, survey: str, file: str) -> Iterator[bytes] | None:
        """The file in pieces, however large it is."""
        job = self._files.get(file)
        return None if job is None or job.survey != survey else self._pieces(job)

    def _pieces(self, job: Job) -> Iterator[bytes]:
        name = self._tool.surveys[job.survey].name
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
            with (
                zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive,
                archive.open(f"{name}.{job.format}", "w", force_zip64=True) as inside,
            ):
                (self._write_json if job.format == "json" else self._write_csv)(inside, job.rows)
            kept.seek(0)
            while piece := kept.read(_CHUNK):
                yield piece

    def _write_json(self, inside: IO[bytes], rows: Sequence[Row]) -> None:
        inside.write(b'{"responses":[')
        for index, row in enumerate(rows):
            inside.write((b"," if index else b"") + orjson.dumps(self._tool.shown(row)))
        inside.write(b"]}")

    def _write_csv(self, inside: IO[bytes], rows: Sequence[Row]) -> None:
        with io.TextIOWrapper(inside, encoding="utf-8", newline="") as text:
            lines = csv.writer(text)
            lines.writerow(COLUMNS.values())
            if self._tool.settings.extra_headers:
                lines.writerow(COLUMNS)
                lines.writerow(f'{{"ImportId":"{name}"}}' for name in COLUMNS)
            for row in rows:
                values = self._tool.values(row)
                lines.writerow(values.get(name, "") for name in COLUMNS)
