"""Answers from Qualtrics: each survey is exported in windows of the time its answers were recorded, one after the other
without a gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.contract import Grant, Needs, Tools, Verdict
from connectors.qualtrics.archive import BadExport, rows
from connectors.qualtrics.exports import Exports, Gone, Ready, Window
from connectors.qualtrics.rows import Reading
from connectors.qualtrics.settings import QualtricsSettings
from nps.errors import AccessError, BudgetError, Interrupted, NpsyncError, UnavailableError
from nps.responses import Cursor, Page, SurveyResponse
from nps.values import Json

_AT_A_TIME = 1000
_MARGIN = timedelta(minutes=1)
"""So much later than now an export ends, and so much earlier than its end the next begins: no two clocks agree."""


@dataclass(frozen=True)
class At:
    """How far one survey is: everything before `until` is stored, and of the file of `job` that begins there so many
    `rows`."""

    until: datetime
    job: str = ""
    rows: int = 0

    def stored(self) -> dict[str, Json]:
        told: dict[str, Json] = {"until": self.until.isoformat()}
        return told | ({"job": self.job, "rows": self.rows} if self.job else {})

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> At:
        return cls(datetime.fromisoformat(told["until"]), told.get("job", ""), told.get("rows", 0))


class Qualtrics:
    def __init__(self, settings: QualtricsSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._exports = tools.shared.take(lambda: Exports(settings, tools))
        self._closed = False

    def read(self, cursor: Cursor | None, *, since: datetime | None) -> Iterator[Page]:
        state: Any = {} if cursor is None else cursor.state
        told = state.get("since")
        earliest = since if cursor is None else (None if told is None else datetime.fromisoformat(told))
        places = {name: At.of(place) for name, place in state.get("surveys", {}).items()}
        now = _whole(self._tools.clock.now())
        failed: list[NpsyncError] = []
        for survey in self._settings.surveys:
            try:
                yield from self._survey(survey, places, earliest, now)
            except (AccessError, BudgetError, Interrupted):
                raise
            except NpsyncError as error:
                failed.append(error)  # a survey that cannot be read keeps none of the others back
        if failed:
            raise failed[0] if len(failed) == 1 else type(failed[0])("\n".join(map(str, failed)))

    def access(self, needs: Needs) -> list[Grant]:
        self._exports.surveys()
        return [
            Grant("use the API", "exports are asked for there", Verdict.OK),
            Grant(
                "export responses", "the answers themselves", Verdict.UNTESTED, "a test would be an export"
            ),
        ]

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._tools.shared.give_back()

    # ------------------------------------------------------------ one survey

    def _survey(
        self, survey: str, places: dict[str, At], earliest: datetime | None, now: datetime
    ) -> Iterator[Page]:
        at = places.get(survey)
        floor = earliest or datetime.fromisoformat(self._settings.earliest).replace(tzinfo=UTC)
        if at is None:
            at = At(_whole(floor))
        elif not at.job:
            at = At(max(_whole(floor), at.until - self._settings.overlap))
        while at.until < now:
            window = self._window(survey, at.until, now)
            yield from self._exported(window, at, places, earliest)
            at = places[survey]

    def _window(self, survey: str, start: datetime, now: datetime) -> Window:
        """The one that an earlier run is still waiting for, else the next."""
        held = self._exports.under_way(survey, start)
        return held or Window(survey, start, min(start + self._settings.window, now + _MARGIN))

    def _exported(
        self, window: Window, at: At, places: dict[str, At], earliest: datetime | None
    ) -> Iterator[Page]:
        """Pages of one window. The cursor counts the rows of its file; only after the last does it move on."""
        ready = self._exports.ready(window)
        skip = at.rows if at.job == ready.job else 0
        found: list[SurveyResponse] = []
        try:
            for number, answer in self._answers(window, ready, skip):
                if earliest is None or answer.problem or answer.answered_at >= earliest:
                    found.append(answer)
                if len(found) >= _AT_A_TIME:
                    places[window.survey] = At(window.start, ready.job, number)
                    yield _page(found, places, earliest)
                    found = []
        except BadExport as error:
            self._exports.forget(window)
            raise UnavailableError(
                f"{self._tools.connection}: the export of survey {window.survey}: {error}"
            ) from None
        except Gone:
            self._exports.forget(window)
            raise
        places[window.survey] = At(window.end - _MARGIN)
        yield _page(found, places, earliest)
        self._exports.forget(window)

    def _answers(self, window: Window, ready: Ready, skip: int) -> Iterator[tuple[int, SurveyResponse]]:
        """Answers behind the first `skip` rows, each with the number of rows up to it."""
        reading = Reading(self._settings, window.survey, self._tools.connection)
        with self._exports.file(window, ready) as file:
            told = rows(file, self._settings.format)
            if self._settings.format == "csv":
                reading.check([*next(told)])
            for number, row in enumerate(told, start=1):
                if number > skip and not reading.explains(row, number - 1):
                    yield number, reading.answer(row)


def _page(found: list[SurveyResponse], places: Mapping[str, At], earliest: datetime | None) -> Page:
    state: dict[str, Json] = {"surveys": {name: at.stored() for name, at in places.items()}}
    if earliest is not None:
        state["since"] = earliest.isoformat()
    return Page(tuple(found), Cursor(state))


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
