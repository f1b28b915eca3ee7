"""Our books in Wootric's words: the JSON of an answer, an end user and a decline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from sandbox.wootric.books import Answer, Books, Decline, EndUser
from sandbox.wootric.settings import Settings
from sandbox.wootric.times import writer

Shown = dict[str, Any]


def answers_shown(books: Books, settings: Settings) -> Callable[[Answer], Shown]:
    written = writer(settings)

    def shown(answer: Answer) -> Shown:
        person = books.people[answer.end_user]
        about: Shown = {"properties": _properties(person, settings)}
        if settings.emails_in_rows:
            about["email"] = person.email
        return {
            "id": answer.id,
            "end_user_id": answer.end_user,
            "survey_id": answer.survey,
            "score": answer.score,
            "text": answer.text,
            "completed": answer.completed,
            "excluded_from_calculations": answer.excluded,
            "ip_address": "192.0.2.7",
            "origin_url": "https://app.acme.example/reports" if answer.channel == "web" else "",
            "created_at": written(answer.created),
            "updated_at": written(answer.updated),
            "tags": list(answer.tags),
            "notes": [],
            "end_user": about,
        }

    return shown


def people_shown(books: Books, settings: Settings) -> Callable[[EndUser], Shown]:
    written = writer(settings)

    def shown(person: EndUser) -> Shown:
        answers = books.answers_of(person)
        last = answers[-1] if answers else None
        return {
            "id": person.id,
            "created_at": written(person.created),
            "updated_at": written(person.updated),
            "email": person.email,
            "last_surveyed": written(last.created) if last else None,
            "external_created_at": None,
            "last_seen_at": None,
            "properties": _properties(person, settings),
            "phone_number": person.phone,
            "external_id": person.external_id,
            "last_response": _last_response(last) if last else None,
            "settings": settings_shown(person),
        }

    return shown


def settings_shown(person: EndUser) -> Shown:
    return {
        "email_nps": "email_nps" not in person.off,
        "mobile_nps": "mobile_nps" not in person.off,
        "web_nps": "web_nps" not in person.off,
        "force_mobile_survey": True if "force_mobile_survey" in person.forced else None,
        "force_web_survey": True if "force_web_survey" in person.forced else None,
        "surveys_disabled_by_end_user": person.surveys_disabled or None,
    }


def person_written(person: EndUser) -> Shown:
    """What creating and updating answers: ISO times, and properties as a text."""
    moments = {"created_at": person.created, "updated_at": person.updated}
    iso = writer(Settings(time_format="iso"))
    return {
        "id": person.id,
        "email": person.email,
        "external_id": person.external_id,
        "phone_number": person.phone,
        "properties": orjson.dumps(person.properties).decode(),
        **{name: iso(at) for name, at in moments.items()},
    }


def declines_shown(settings: Settings) -> Callable[[Decline], Shown]:
    written = writer(settings)

    def shown(decline: Decline) -> Shown:
        return {
            "id": decline.id,
            "end_user_id": decline.end_user,
            "survey_id": decline.survey,
            "ip_address": "192.0.2.7",
            "origin_url": "https://app.acme.example/reports",
            "created_at": written(decline.created),
            "updated_at": written(decline.updated),
        }

    return shown


def _last_response(answer: Answer) -> Shown:
    return {
        "id": answer.id,
        "score": answer.score,
        "text": answer.text,
        "survey": {"channel": answer.channel},
    }


def _properties(person: EndUser, settings: Settings) -> dict[str, Any] | str:
    every = settings.text_properties_every
    if every and person.id % every == 0:
        return orjson.dumps(person.properties).decode()
    return person.properties
