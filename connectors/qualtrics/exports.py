"""Export jobs: started, waited for, downloaded. A job that was started is remembered, so that a run that was killed, or
ran out of patience, goes on waiting for the same one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from urllib.parse import quote

import orjson

from connectors.authorising import Authorisation
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.limits import Limiter
from connectors.qualtrics.settings import QualtricsSettings
from connectors.replies import FINE, MEGABYTE, Renew, Reply, Ruling, Stop, judge, unreadable
from nps.errors import AccessError, ConfigError, UnavailableError

LARGEST = 2048 * MEGABYTE  # Qualtrics stops at 1.8 GB
_POLL = 5.0
_WAIT, _DOWNLOAD = "wait for", "download"
_JOB_LIVES = timedelta(days=1)  # one that was started longer ago is not asked about any more


class Gone(UnavailableError):
    """The export was there, and its file is not."""


@dataclass(frozen=True)
class Window:
    """Answers of one survey that were recorded from `start` on, and before `end`."""

    survey: str
    start: datetime
    end: datetime

    def body(self, settings: QualtricsSettings) -> dict[str, Any]:
        return {
            "format": settings.format,
            "startDate": _written(self.start),
            "endDate": _written(self.end),
            "timeZone": settings.time_zone,
        }


@dataclass(frozen=True)
class Ready:
    """An export that can be fetched: the job that made it, and its file."""

    job: str
    file: str


class Exports:
    """One account, as every part of a connection sees it."""

    def __init__(self, settings: QualtricsSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        policy = CallPolicy(tools, Limiter(tools), judge=self._judge)
        setting = "oauth" if settings.oauth is not None else "api_token"
        self._authorisation = Authorisation(
            settings.auth, settings.address, policy, allow_http=settings.allow_http, setting=setting
        )
        self._http = self._authorisation.http()

    def under_way(self, survey: str, start: datetime) -> Window | None:
        """The window an earlier run started an export of, if it begins there: the same is waited for again."""
        told = self._told(survey)
        if told is None or self._tools.clock.now() - datetime.fromisoformat(told["started"]) >= _JOB_LIVES:
            return None
        window = Window(survey, start, datetime.fromisoformat(told["endDate"]))
        return window if told["asked"] == window.body(self._settings) else None

    def ready(self, window: Window) -> Ready:
        """The export of a window, once it is there; started here if nobody did before."""
        told = self._told(window.survey)
        if told is not None and told["asked"] == window.body(self._settings):
            ready = self._waited_for(window, told["job"], again=True)
            if ready is not None:
                return ready
        ready = self._waited_for(window, self._started(window), again=False)
        assert ready is not None
        return ready

    @contextmanager
    def file(self, window: Window, ready: Ready) -> Iterator[BinaryIO]:
        """The ZIP, as a file on disk that goes away by itself: it may be larger than memory."""
        with tempfile.TemporaryFile(prefix="npsync-export-") as file:
            path = f"{self._path(window.survey)}/{quote(ready.file, safe='')}/file"
            what = f"{_DOWNLOAD} the export of survey {window.survey}"
            self._http.download(path, file, what=what, most=LARGEST)
            file.seek(0)
            yield file

    def forget(self, window: Window) -> None:
        """Its answers are stored, or its file is no good: the next one is another job."""
        self._tools.memory.forget([self._key(window.survey)])

    def surveys(self) -> None:
        """A call that shows whether the token is taken."""
        self._http.request("GET", "/surveys", what="list surveys")

    def close(self) -> None:
        self._http.close()
        self._authorisation.close()

    # ------------------------------------------------------------ inside

    def _started(self, window: Window) -> str:
        what = f"start an export of survey {window.survey}"
        # An export that nobody fetches does no harm, so one whose start got no answer is started again.
        reply = self._http.request(
            "POST", self._path(window.survey), json=window.body(self._settings), what=what, reads=True
        )
        job = _result(reply).get("progressId")
        if not isinstance(job, str) or not job:
            raise UnavailableError(f"{reply.what}: Qualtrics started no export (no progressId)")
        self._remember(window, job)
        return job

    def _waited_for(self, window: Window, job: str, *, again: bool) -> Ready | None:
        """None for a job of an earlier run that Qualtrics knows no more, or that failed."""
        clock = self._tools.clock
        waits_until = clock.monotonic() + self._settings.patience.total_seconds()
        path = f"{self._path(window.survey)}/{quote(job, safe='')}"
        while True:
            what = f"{_WAIT} the export of survey {window.survey}"
            reply = self._http.request("GET", path, what=what)
            if reply.status == 404 and again:
                self.forget(window)
                return None
            told = _result(reply)
            status = told.get("status")
            if status == "complete":
                return Ready(job, self._file_of(window, reply, told))
            if status == "failed":
                self.forget(window)
                if again:
                    return None
                raise UnavailableError(
                    f"{reply.what}: Qualtrics says the export failed; the next run starts another"
                )
            if status != "inProgress":
                self.forget(window)
                raise UnavailableError(
                    f"{reply.what}: the job has none of the statuses that are known: complete, inProgress, failed"
                )
            if clock.monotonic() >= waits_until:
                raise UnavailableError(
                    f"{reply.what}: not done after {self._settings.patience.total_seconds() / 60:g} minutes; the next "
                    "run goes on waiting for it (`patience`)"
                )
            clock.sleep(_POLL)

    def _file_of(self, window: Window, reply: Reply, told: Mapping[str, Any]) -> str:
        file = told.get("fileId")
        if not isinstance(file, str) or not file:
            self.forget(window)
            raise UnavailableError(f"{reply.what}: the export is complete, but has no fileId")
        return file

    def _remember(self, window: Window, job: str) -> None:
        told = {
            "job": job,
            "started": self._tools.clock.now().isoformat(),
            "endDate": window.end.isoformat(),
            "asked": window.body(self._settings),
        }
        self._tools.memory.put({self._key(window.survey): orjson.dumps(told).decode()})

    def _told(self, survey: str) -> dict[str, Any] | None:
        key = self._key(survey)
        kept = self._tools.memory.get([key]).get(key)
        return None if kept is None else orjson.loads(kept)

    def _path(self, survey: str) -> str:
        return f"/surveys/{quote(survey, safe='')}/export-responses"

    def _key(self, survey: str) -> str:
        return f"export/{survey}"

    def _judge(self, reply: Reply) -> Ruling:
        where = f"data_center {self._settings.data_center}" if self._settings.data_center else "base_url"
        match reply.status:
            case 200 if "html" in reply.headers.get("content-type", "") or _DOWNLOAD not in reply.what:
                return unreadable(reply) or FINE
            case 401 if self._settings.oauth is not None:
                return Renew()
            case 401 | 403:
                return Stop(
                    AccessError,
                    f"Qualtrics refuses the credential ({reply.status}): is {where} the account's own (a token is good "
                    "in its own data centre alone), may its user export, and does the contract include the API?",
                )
            case 404 if _DOWNLOAD in reply.what:
                return Stop(Gone, "the file is gone (404); the next run asks for another export")
            case 404 if _WAIT not in reply.what:
                return Stop(
                    ConfigError, f"not found (404): is the survey's id right, and {where} the account's own?"
                )
            case 400 | 422:
                return Stop(
                    ConfigError,
                    f"Qualtrics refuses the request ({reply.status}): check the survey's id, format and time_zone",
                )
        ruling = judge(reply, self._tools.clock)
        if ruling is FINE and not (200 <= reply.status < 300 or reply.status == 404):
            return Stop(UnavailableError, f"status {reply.status} came, which is not understood")
        return ruling


def _result(reply: Reply) -> Mapping[str, Any]:
    """What a reply is about: Qualtrics wraps everything into `result`."""
    told = reply.json()
    result = told.get("result") if isinstance(told, dict) else None
    if not isinstance(result, dict):
        raise UnavailableError(f"{reply.what}: the answer has no result; does a proxy answer?")
    return result


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
