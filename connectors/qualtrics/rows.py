"""One row of an export, turned into one of our answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from connectors import cells
from connectors.cells import LONG_AGO, Moments, NoTime
from connectors.qualtrics.archive import Row
from connectors.qualtrics.settings import Columns, QualtricsSettings, SurveyFields
from nps.errors import ConfigError
from nps.responses import ResponseStatus, SurveyResponse

_CSV = {
    "id": "ResponseId",
    "recorded": "RecordedDate",
    "status": "Status",
    "finished": "Finished",
    "email": "RecipientEmail",
    "external_id": "ExternalReference",
    "channel": "DistributionChannel",
}
_JSON = {
    "id": "responseId",
    "recorded": "recordedDate",
    "status": "status",
    "finished": "finished",
    "email": "recipientEmail",
    "external_id": "externalDataReference",
    "channel": "distributionChannel",
}
# Facts about a visitor that are nobody's property: never handed on.
_PRIVATE = frozenset(
    {
        "IPAddress",
        "ipAddress",
        "LocationLatitude",
        "LocationLongitude",
        "locationLatitude",
        "locationLongitude",
    }
)
_NAMED = 20  # columns told in a message
_HEADERS = 2  # rows below the names that explain them


@dataclass(frozen=True)
class Names:
    """How an export calls what is read of every row."""

    id: str
    recorded: str
    status: str
    finished: str
    email: str
    external_id: str
    channel: str

    @classmethod
    def of(cls, format: str, columns: Columns) -> Names:
        usual = _CSV if format == "csv" else _JSON
        given = {name: value for name, value in columns.model_dump().items() if value is not None}
        return cls(**(usual | given))


class Reading:
    """Reads the rows of one survey."""

    def __init__(self, settings: QualtricsSettings, survey: str, source: str) -> None:
        self._settings = settings
        self._fields: SurveyFields = settings.surveys[survey]
        self._survey = survey
        self._source = source
        self._names = Names.of(settings.format, settings.columns)
        self._moments = Moments(settings.dates, ZoneInfo(settings.time_zone))
        self._known = {*vars(self._names).values(), *self._own(), *_PRIVATE}

    def check(self, columns: Collection[str]) -> None:
        """ConfigError when the export lacks a column that the YAML names."""
        for wanted in (self._names.id, self._names.recorded, *self._own()):
            if wanted not in columns:
                has = ", ".join([*columns][:_NAMED]) + (", …" if len(columns) > _NAMED else "")
                raise ConfigError(
                    f'{self._source}: the export of survey {self._survey} has no column "{wanted}"; it has: {has}'
                )

    def explains(self, row: Row, number: int) -> bool:
        """Whether a row below the names only explains them, as CSV exports have it."""
        if number >= _HEADERS or self._settings.format != "csv":
            return False
        return not str(row.get(self._names.id) or "").startswith("R_") and self._time(row) is None

    def answer(self, row: Row) -> SurveyResponse:
        """A row that cannot be read carries a `problem`."""
        told = row.get(self._names.id)
        id = cells.text(told)
        recorded = self._time(row)
        if id is None or isinstance(told, float):
            return self._broken(row, None, "its id is missing")
        if recorded is None:
            return self._broken(row, id, f"its {self._names.recorded} is no time written as `dates` says")
        return SurveyResponse(
            source=self._source,
            id=id,
            survey=self._survey,
            answered_at=recorded,
            score=_score(row.get(self._fields.score_field)),
            comment=self._text(row, self._fields.comment_field),
            email=self._text(row, self._names.email),
            phone=self._text(row, self._fields.phone_field),
            external_id=self._text(row, self._names.external_id),
            channel=self._text(row, self._names.channel),
            status=self._status(row),
            properties={
                name: value
                for name, value in row.items()
                if name not in self._known and value not in (None, "")
            },
        )

    # ------------------------------------------------------------ inside

    def _own(self) -> list[str]:
        fields = self._fields
        return [name for name in (fields.score_field, fields.comment_field, fields.phone_field) if name]

    def _time(self, row: Row) -> Any:
        try:
            return self._moments.read(row.get(self._names.recorded))
        except NoTime:
            return None

    def _text(self, row: Row, name: str | None) -> str | None:
        return None if name is None else cells.text(row.get(name))

    def _status(self, row: Row) -> ResponseStatus:
        status, finished = row.get(self._names.status), row.get(self._names.finished)
        if status is not None and not _says(status, self._settings.normal_status):
            return ResponseStatus.EXCLUDED
        if finished is not None and not _says(finished, self._settings.finished_says):
            return ResponseStatus.PARTIAL
        return ResponseStatus.COMPLETE

    def _broken(self, row: Row, id: str | None, problem: str) -> SurveyResponse:
        if id is None:
            digest = blake2b(orjson.dumps(dict(row), option=orjson.OPT_SORT_KEYS), digest_size=8)
            id = f"unreadable-{digest.hexdigest()}"
        return SurveyResponse(
            source=self._source, id=id, survey=self._survey, answered_at=LONG_AGO, problem=problem
        )


def _says(value: object, words: Collection[str]) -> bool:
    text = str(value).strip().lower()
    return text in {word.lower() for word in words}


def _score(value: Any) -> int | float | str | None:
    """An empty cell is no score; a nought is one."""
    return None if isinstance(value, str) and not value.strip() else cells.score(value)
