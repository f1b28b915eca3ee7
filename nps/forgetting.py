"""Somebody who was forgotten is known again without being known: by keyed hashes of the names they went by.

A name is one of `nps.asking.person_keys`, or of one answer (`answer_name`). Its hash is HMAC-SHA256 with the pepper,
over the normalised name: of an e-mail address and a phone number the bare value, so that whoever has the pepper
can check one with any tool.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256

from nps.asking import person_keys
from nps.events import Answered, Arrival, Event, Hint, PersonKey, Signal, Subject
from nps.keys import email_key, id_key, phone_key
from nps.responses import SurveyResponse

VERSION = 1
"""Of the normalisation (`nps.keys`): kept beside each hash. Whoever changes how names are spelt adds a version."""

SHORTEST_PEPPER = 16
PERSON = "person"  # the object of a subject that is somebody by the sender's own id
_BARE = ("email:", "phone:")
_CHECK = "npsync/pepper"  # no name of a person has no colon


def person_name(connection: str, record_id: str) -> str:
    """The name of a person's record where its object is not told: as events of its connection name people."""
    return f"person:{connection}/{record_id}"


def answer_name(source: str, id: str) -> str:
    """The name of one answer, by which it is known when it is read or pushed again."""
    return f"answer:{source}/{id}"


class Forgetting:
    """The pepper, and how names are spelt."""

    def __init__(self, pepper: str, region: str | None = None) -> None:
        self._pepper = pepper.encode()
        self._region = region

    @property
    def check(self) -> str:
        """Tells one pepper from another without telling what it is."""
        return self._hash(_CHECK)

    def digest(self, name: str) -> str:
        for kind in _BARE:
            if name.startswith(kind):
                return self._hash(name[len(kind) :])
        return self._hash(name)

    def of_answer(self, response: SurveyResponse) -> tuple[str, ...]:
        """Every name an answer carries."""
        return (
            *self._person(response.email, response.phone, response.external_id),
            answer_name(response.source, response.id),
        )

    def of_event(self, event: Event) -> tuple[str, ...]:
        return (
            *_subject(event.connection, event.subject),
            *self._keys(event.connection, event.person),
        )

    def of_arrival(self, arrival: Arrival) -> tuple[str, ...]:
        """Every name of a person that something pushed carries."""
        if isinstance(arrival, Answered):
            named = (answer_name(arrival.connection, arrival.id),) if arrival.id else ()
            return (*named, *(self.of_answer(arrival.response) if arrival.response else ()))
        if isinstance(arrival, Signal):
            return self._person(arrival.address, arrival.address, arrival.external_id)
        return self._hint(arrival)

    def of_memory(self, connection: str, key: str, values: Iterable[str]) -> tuple[str, ...]:
        """Every name that something a connection remembers may carry: addresses, numbers and ids in its values, and
        what its key ends in, which is often an id."""
        last = re.split("[/:]", key)[-1]
        found = [person_name(connection, last), *person_keys(external_id=id_key(last))]
        for value in values:
            email = email_key(value) if "@" in value else None
            phone = phone_key(value, self._region) if value[:1] == "+" else None
            found += person_keys(
                email=email, phone=phone, external_id=id_key(value) if len(value) > 5 else None
            )
        return tuple(found)

    def _hint(self, hint: Hint) -> tuple[str, ...]:
        named = _subject(hint.connection, hint.subject) if hint.subject else ()
        return (*named, *self._keys(hint.connection, hint.person))

    def _keys(self, connection: str, keys: Iterable[PersonKey]) -> tuple[str, ...]:
        found: list[str] = []
        for key in keys:
            if key.kind == "record":
                found.append(person_name(connection, key.value))
            else:
                found += self._person(
                    key.value if key.kind == "email" else None,
                    key.value if key.kind == "phone" else None,
                    key.value if key.kind == "external_id" else None,
                )
        return tuple(found)

    def _person(self, email: str | None, phone: str | None, external_id: str | None) -> tuple[str, ...]:
        return person_keys(
            email=email_key(email),
            phone=phone_key(phone, self._region),
            external_id=id_key(external_id),
        )

    def _hash(self, text: str) -> str:
        return hmac.digest(self._pepper, text.encode("utf-8", "surrogatepass"), sha256).hex()


def _subject(connection: str, subject: Subject) -> tuple[str, ...]:
    named = person_keys(connection=connection, object=subject.object, record_id=subject.id)
    return (*named, *person_keys(external_id=subject.id)) if subject.object == PERSON else named
