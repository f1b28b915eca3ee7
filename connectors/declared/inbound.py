"""What a described tool pushes: proved over the raw body, and read by the same rules as its list. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b

import orjson

from connectors import cells
from connectors.contract import Inbound, LeftOut, Posted, Refused, Taken
from connectors.declared.description import Description, Push
from connectors.declared.expressions import NotForThis, found_in, roots, true_of
from connectors.declared.placeholders import filled_now, names_in
from connectors.declared.rows import Elsewhere, RowReader, Unreadable, id_of, own_rules, texts_of
from connectors.webhook.proof import prove
from nps.events import Answered
from nps.responses import SurveyResponse
from nps.values import Json

LARGEST = 4_000_000

_NO_ID = LeftOut("no_id", "an event names no answer where `push.id` looks for it")
_OTHER_SURVEY = LeftOut("other_survey", "an event is about a survey that is not among `surveys`")


def inbound_of(description: Description) -> Inbound | None:
    """None where nothing is pushed."""
    return None if description.push is None else DeclaredInbound(description, description.push)


class DeclaredInbound:
    """Fulfils `connectors.contract.Inbound`."""

    def __init__(self, description: Description, push: Push) -> None:
        self._description, self._push = description, push
        self._signed = push.is_signed

    def receive(self, posted: Posted) -> Taken:
        if len(posted.body) > LARGEST:
            raise Refused(413, f"more than {LARGEST:,} bytes", code="too_large")
        prove(self._push.auth, posted)
        try:
            told = orjson.loads(posted.body)
        except ValueError:
            raise Refused(400, "the body is not JSON", code="bad_json") from None
        read = [self._read(event, posted) for event in self._events(told)]
        left_out: dict[LeftOut, int] = {}
        for one in read:
            if isinstance(one, LeftOut):
                left_out[one] = left_out.get(one, 0) + 1
        return Taken(
            tuple(one for one in read if isinstance(one, Answered)),
            left_out=tuple(LeftOut(each.code, each.reason, count) for each, count in left_out.items()),
        )

    def _events(self, told: Json) -> Iterator[Json]:
        found = found_in(self._push.events, told)
        for event in found if isinstance(found, list) else [found]:
            if self._push.only is None or true_of(self._push.only, event):
                yield event

    def _read(self, event: Json, posted: Posted) -> Answered | LeftOut:
        push = self._push
        row = None if push.row is None else found_in(push.row, event)
        survey = None if push.survey is None else cells.text(found_in(push.survey, event))
        how = self._description.surveys
        if survey is not None and how is not None and how.named and survey not in how.named:
            return _OTHER_SURVEY
        reader = self._reader(survey)
        id = self._id(event, row, reader)
        if id is None and self._signed:
            return _NO_ID
        deleted = push.deleted is not None and true_of(push.deleted, event)
        return Answered(
            key=self._key(event),
            at=posted.at,
            id=id,
            survey=survey,
            response=None if deleted else self._whole(row, reader),
            deleted=deleted and self._signed,
        )

    def _id(self, event: Json, row: Json, reader: RowReader) -> str | None:
        try:
            if self._push.id is not None:
                return id_of(found_in(self._push.id, event))
            return None if row is None else id_of(reader.value("id", row))
        except (Unreadable, NotForThis):
            return None

    def _key(self, event: Json) -> str:
        """The event's own id with what happened to whom: a tool may number each kind by itself."""
        content = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
        key = None if self._push.key is None else cells.text(found_in(self._push.key, event))
        return key if key is not None and len(key) <= 200 else blake2b(content, digest_size=16).hexdigest()

    def _whole(self, row: Json, reader: RowReader) -> SurveyResponse | None:
        """The answer, where the pushed row holds all that the list's would."""
        if not isinstance(row, Mapping) or not self._reads_alike(reader):
            return None
        answer = reader.answer(row)
        return None if isinstance(answer, Elsewhere) or answer.problem else answer

    def _reads_alike(self, reader: RowReader) -> bool:
        description = self._description
        if description.look_up is not None or description.beside is not None:
            return False
        known = reader.known
        texts = list(_texts(description))
        if any(not set(names_in(text)) <= known.keys() for text in texts):
            return False  # what a survey says of itself is known where it is read
        used: set[str] = set()
        for text in texts:
            found = roots(filled_now(text, known))
            if found is None:
                return False
            used |= found
        return used <= set(self._push.same)

    def _reader(self, survey: str | None) -> RowReader:
        how = self._description.surveys
        given = {} if how is None or survey is None else how.given.get(survey, {})
        return RowReader(self._description, "", survey=survey, known=given)


def _texts(description: Description) -> Iterator[str]:
    """Every expression that a row is read with."""
    fields, rows = description.fields, description.rows
    for _, rule in own_rules(fields):
        yield from texts_of(rule)
    for rule in fields.properties.values():
        yield from texts_of(rule)
    for text in (fields.all_properties, rows.only, rows.partial, rows.excluded, rows.withdrawn):
        if text is not None:
            yield text
