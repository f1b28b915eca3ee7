"""One request, verified and read: which events it tells of, and what of it is not taken, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from connectors.contract import LeftOut, Posted, Refused, Reply, Taken
from connectors.webhook import picking
from connectors.webhook.proof import prove
from connectors.webhook.settings import WebhookSettings
from nps.durations import in_words
from nps.events import Hint, PersonKey, Subject
from nps.keys import email_key
from nps.values import Json

TRACK, ERASURE = "track", "erasure_asked"
LONGEST_ID = 200
DEEPEST = 20
LARGEST_PROPERTIES = 32 * 1024


@dataclass(frozen=True)
class _Not:
    """An event that is not taken. `fault`: it is the sender's, so a request with nothing else is refused."""

    code: str
    reason: str
    fault: bool = True


_NOT_AN_OBJECT = _Not("not_an_event", "an event is a JSON object, and this is none")
_NAMELESS = _Not("nameless", "the event has no name where `fields.event` looks for it")
_NOBODY = _Not("nobody", "the event names no person that could be looked up", fault=False)
_TIMELESS = _Not("bad_time", "the event's time is no ISO 8601 time with a zone, nor Unix time")
_TOO_LARGE = _Not(
    "too_large", f"the event's properties are larger than {LARGEST_PROPERTIES // 1024} KiB or nested too deep"
)


class WebhookInbound:
    """Pure."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings

    def receive(self, posted: Posted) -> Taken:
        for auth in self._settings.auth:
            prove(auth, posted)
        body = _parsed(posted.body)
        taken: list[Hint] = []
        left_out: dict[_Not, int] = {}
        for item in self._items(body):
            read = self._read(item, body, posted)
            if isinstance(read, Hint):
                taken.append(read)
            elif read is not None:
                left_out[read] = left_out.get(read, 0) + 1
        if not taken and len(left_out) == 1 and (only := next(iter(left_out))).fault:
            raise Refused(422, only.reason, code=only.code)
        counted = tuple(LeftOut(each.code, each.reason, count) for each, count in left_out.items())
        return Taken(tuple(taken), self._reply(body), counted)

    def _items(self, body: Json) -> Sequence[Json]:
        path = self._settings.items
        if path is None:
            return body if isinstance(body, list) else [body]
        found = picking.pick([body], path)
        return found if isinstance(found, list) else []

    def _read(self, item: Json, body: Json, posted: Posted) -> Hint | _Not | None:
        """None: it is not meant for us."""
        if not isinstance(item, dict):
            return _NOT_AN_OBJECT
        settings, where = self._settings, [item, body]
        if settings.erasure and picking.holds(where, settings.erasure):
            return self._erasure(where, posted)
        if not picking.holds(where, settings.only):
            return None
        if (name := picking.first_text(where, settings.fields.event)) is None:
            return _NAMELESS
        if not (person := tuple(self._person(where))):
            return _NOBODY
        at = self._moment(where, posted.at)
        if isinstance(at, _Not):
            return at
        if (facts := self._facts(where, name)) is None:
            return _TOO_LARGE
        id = self._id(where, item, posted.at)
        return Hint(
            key=f"{TRACK}/{id}",
            kind=TRACK,
            subject=Subject(TRACK, id),
            person=person,
            occurred_at=at,
            facts=facts,
        )

    def _erasure(self, where: Sequence[Json], posted: Posted) -> Hint:
        """The subject says who it is about, as the sender calls the person; an address is left out."""
        who = picking.first_text(where, self._settings.fields.external_id) or ""
        who = "" if email_key(who) else who[:LONGEST_ID]
        id = self._id(where, where[0], posted.at)
        return Hint(
            key=f"{ERASURE}/{id}", kind=ERASURE, subject=Subject("person", who), occurred_at=posted.at
        )

    def _person(self, where: Sequence[Json]) -> Iterator[PersonKey]:
        fields = self._settings.fields
        if external := picking.first_text(where, fields.external_id):
            yield PersonKey("external_id", external)
        emails = (picking.text(picking.pick(where, path)) for path in fields.email)
        if email := next((key for each in emails if (key := email_key(each)) is not None), None):
            yield PersonKey("email", email)
        if phone := picking.first_text(where, fields.phone):
            yield PersonKey("phone", phone)

    def _moment(self, where: Sequence[Json], now: datetime) -> datetime | _Not:
        given = picking.first(where, self._settings.fields.occurred_at)
        if given is None:
            return now
        if (at := picking.moment(given)) is None:
            return _TIMELESS
        oldest, lead = self._settings.max_event_age, self._settings.max_event_lead
        if now - at > oldest:
            return _Not("too_old", f"the event is older than {in_words(oldest)} (max_event_age)")
        if at - now > lead:
            return _Not("in_the_future", f"the event is more than {in_words(lead)} in the future")
        return at

    def _facts(self, where: Sequence[Json], name: str) -> Mapping[str, Json] | None:
        fields = self._settings.fields
        properties = picking.first(where, fields.properties)
        kept = properties if isinstance(properties, dict) else {}
        if picking.depth(kept, DEEPEST) > DEEPEST or len(orjson.dumps(kept)) > LARGEST_PROPERTIES:
            return None
        facts: dict[str, Json] = {"name": name, "properties": _without_addresses(kept)}
        if (account := picking.first_text(where, fields.account)) is not None:
            facts["account"] = account
        return facts

    def _id(self, where: Sequence[Json], item: Json, now: datetime) -> str:
        known: list[Json] = [*where, {"received": {"date": f"{now:%Y-%m-%d}"}}]
        found = (picking.filled(known, template) for template in self._settings.fields.id)
        if (id := next((each for each in found if each is not None), None)) is not None:
            return id if len(id) <= LONGEST_ID else _digest(id.encode())
        # Without a time of its own, the same content tomorrow is another event.
        timed = picking.first(where, self._settings.fields.occurred_at) is not None
        content = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
        return _digest(content if timed else content + f"{now:%Y-%m-%d}".encode())

    def _reply(self, body: Json) -> Reply:
        wanted = self._settings.reply
        said: dict[str, Json] = {path: picking.pick([body], path) for path in wanted.repeat}
        return Reply(200, orjson.dumps({**said, **wanted.add}))


def _parsed(body: bytes) -> Json:
    try:
        parsed: Json = orjson.loads(body)
    except ValueError:  # also of a nesting that no sender means
        raise Refused(400, "the body is not JSON", code="not_json") from None
    return parsed


def _without_addresses(value: Json) -> Json:
    """Addresses are for finding the person; they are not kept."""
    if isinstance(value, str):
        return None if "@" in value and email_key(value) is not None else value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_addresses(each) for each in value]
    if isinstance(value, dict):
        return {key.replace("\x00", ""): _without_addresses(each) for key, each in value.items()}
    return value


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
