"""One row per source: how the contract suites set it up. A new source adds a row and runs every promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contract_place import EVIL, NOBODY_LISTENS, WRONG_SECRET, Given, Place, sandbox_now
from vendor_settings import promoter, wootric

from nps.errors import ConfigError, NpsyncError, UnavailableError


@dataclass(frozen=True)
class SourceRow:
    """`settings` are those of a working connection with some hundred answers behind it. `wrong`, `unreachable` and
    `hostile` turn them into broken ones (None: the connector has no such thing). `add` lets one answer arrive."""

    settings: Callable[[Place], Given]
    add: Callable[[Place], None]
    wrong: Callable[[Given], Given] | None
    unreachable: Callable[[Given], Given]
    hostile: Callable[[Given], Given]
    unreachable_is: type[NpsyncError] = UnavailableError
    calls: bool = True  # over HTTP, to a `base_url`
    answers: int = 1_000  # more than this many are there
    read_as: str = "4"  # the score of the answer that `add` lets arrive
    known_by: tuple[str, ...] = ("email",)  # most answers have one of these


def _file(place: Place) -> Given:
    if not list(place.folder.glob("*.csv")):
        for month in (1, 2):
            day = datetime(2026, month, 1, tzinfo=UTC)
            rows = [
                f'{month}-{n},{n % 11},{(day + timedelta(minutes=n)).isoformat()},o\'b{n}@acme.example,"a\n{n}"'
                for n in range(1_200)
            ]
            rows[7] = "broken"
            (place.folder / f"{month}.csv").write_text("\n".join(["id,score,at,email,comment", *rows, ""]))
    columns = {"id": "id", "score": "score", "answered_at": "at", "email": "email", "comment": "comment"}
    return {"path": str(place.folder), "columns": columns}


def _file_answers(place: Place) -> None:
    with (place.folder / "2.csv").open("a") as file:
        file.write("new-1,4,2026-03-01T00:00:00Z,late@acme.example,\n")


def _apptentive(place: Place) -> Given:
    env = place.sandbox.env
    # These tests do not wait, so 100 calls in 5 minutes would be spent by one of them.
    place.sandbox.control("POST", "/apptentive/do/set", {"per_five_minutes": 1_000_000})
    return {
        "api_key": env["APPTENTIVE_KEY"],
        "app": env["APPTENTIVE_APP"],
        "base_url": env["APPTENTIVE_URL"],
        "customer_id": "customer_id",
        "page_size": 50,
        "look_ups": 1_000,
    }


PAGED_FIELDS = {
    "id": "id",
    "score": "score",
    "comment": "comment",
    "answered_at": "created_at",
    "updated_at": "updated_at",
    "survey": "survey_id",
    "channel": "channel",
    "email": "person.email",
    "phone": "person.phone",
    "external_id": "person.external_id",
}


def _http(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "base_url": env["PAGED_URL"],
        "auth": {"kind": "header", "header": "X-Api-Key", "value": env["PAGED_KEY"]},
        "request": {"path": "/header/moving-start"},
        "records": "responses",
        "pages": {"kind": "moving_start", "param": "skip"},
        "since": {"kind": "time", "field": "created_at", "param": "since", "order": "ascending"},
        "fields": PAGED_FIELDS | {"all_properties": "properties"},
    }


def _qualtrics(place: Place) -> Given:
    env = place.sandbox.env
    fields = {"score_field": env["QUALTRICS_SCORE"], "comment_field": env["QUALTRICS_COMMENT"]}
    return {
        "api_token": env["QUALTRICS_TOKEN"],
        "base_url": env["QUALTRICS_URL"],
        "surveys": {env["QUALTRICS_SURVEY"]: fields},
    }


def _asknicely(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/asknicely/do/set", {"per_10s": 10**6, "per_60s": 10**6})
    return {
        "tenant": "acme",
        "api_key": env["ASKNICELY_KEY"],
        "base_url": env["ASKNICELY_URL"],
        "page_size": 200,
    }


def _retently(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/retently/do/set", {"per_minute": 10**6})
    return {"api_key": env["RETENTLY_KEY"], "base_url": env["RETENTLY_URL"], "page_size": 200}


def _typeform(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/typeform/do/set", {"per_second": 10**6})
    return {
        "token": env["TYPEFORM_TOKEN"],
        "base_url": env["TYPEFORM_URL"],
        "forms": [env["TYPEFORM_FORM"]],
        "page_size": 100,
    }


def _surveymonkey(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/surveymonkey/do/set", {"per_minute": 10**6, "per_day": 10**6})
    return {
        "access_token": env["SURVEYMONKEY_TOKEN"],
        "base_url": env["SURVEYMONKEY_URL"],
        "surveys": [env["SURVEYMONKEY_SURVEY"]],
        "per_day": 10**6,
    }


def _formbricks(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/formbricks/do/set", {"per_minute": 10**6})
    return {"api_key": env["FORMBRICKS_KEY"], "base_url": env["FORMBRICKS_URL"], "page_size": 100}


def _satismeter(place: Place) -> Given:
    env = place.sandbox.env
    names = {"size_param": "page[size]", "cursor_param": "page[after]", "cursor_field": "cursor"}
    place.sandbox.control("POST", "/satismeter/do/set", names)
    return {
        "api_key": env["SATISMETER_KEY"],
        "project": env["SATISMETER_PROJECT"],
        "base_url": env["SATISMETER_URL"],
        **names,
    }


def _zendesk(place: Place) -> Given:
    env = place.sandbox.env
    place.sandbox.control("POST", "/zendesk/do/set", {"per_minute": 10**6})
    return {
        "subdomain": "acme",
        "email": env["ZENDESK_EMAIL"],
        "api_token": env["ZENDESK_TOKEN"],
        "base_url": env["ZENDESK_URL"],
    }


def _wootric(place: Place) -> Given:
    return wootric(place) | {"overlap": "1 days"}


def _with_a_wrong(given: Given, secret: str) -> Given:
    """The same settings with a wrong secret; a dot leads into a setting."""
    name, _, inner = secret.partition(".")
    return given | {name: _with_a_wrong(given[name], inner) if inner else WRONG_SECRET}


def _tool(
    settings: Callable[[Place], Given], secret: str, answer: Callable[[Place], None], **more: Any
) -> SourceRow:
    """A survey tool of the sandbox; `secret` is the setting that lets it in."""
    return SourceRow(
        settings=settings,
        add=answer,
        wrong=lambda given: _with_a_wrong(given, secret),
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
        **({"answers": 300} | more),
    )


def _answers_at(path: str, *, score: int = 4, when: str = "") -> Callable[[Place], None]:
    """Lets one answer arrive; `when` names the field of a tool that wants to be told the time."""

    def answer(place: Place) -> None:
        stamp = {when: sandbox_now(place).isoformat()} if when else {}
        place.sandbox.control("POST", path, {"email": "late@acme.example", "score": score, **stamp})

    return answer


SOURCES: Mapping[str, SourceRow] = {
    "apptentive": _tool(_apptentive, "api_key", _answers_at("/apptentive/do/answer"), answers=150),
    "asknicely": _tool(_asknicely, "api_key", _answers_at("/asknicely/do/answer")),
    "formbricks": _tool(_formbricks, "api_key", _answers_at("/formbricks/do/answer")),
    "http": _tool(_http, "auth.value", _answers_at("/paged/responses")),
    "promoter": _tool(promoter, "api_key", _answers_at("/promoter/do/answer", when="posted_date")),
    "qualtrics": _tool(_qualtrics, "api_token", _answers_at("/qualtrics/do/answer", when="created_at")),
    "retently": _tool(_retently, "api_key", _answers_at("/retently/do/answer")),
    "satismeter": _tool(_satismeter, "api_key", _answers_at("/satismeter/do/answer")),
    "surveymonkey": _tool(
        _surveymonkey,
        "access_token",
        _answers_at("/surveymonkey/do/answer"),
        known_by=("email", "external_id"),
    ),
    "typeform": _tool(_typeform, "token", _answers_at("/typeform/do/answer")),
    "wootric": _tool(_wootric, "client_secret", _answers_at("/wootric/responses"), answers=1_000),
    "zendesk_csat": _tool(_zendesk, "api_token", _answers_at("/zendesk/do/answer", score=1), read_as="5"),
    "file": SourceRow(
        settings=_file,
        add=_file_answers,
        wrong=None,
        unreachable=lambda given: given | {"path": given["path"] + "/nowhere.csv"},
        hostile=lambda given: given | {"path": "/etc/passwd", "folder": given["path"], "format": "csv"},
        unreachable_is=ConfigError,
        calls=False,
    ),
}
