"""Intercom as a place where events happen: conversations closed and opened again, by search and by reading them again.

Where a date is compared, Intercom may compare whole days of the workspace's time zone, so every search begins days
earlier than what is wanted, and what is wanted is picked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from connectors.contract import Tools, Watch
from connectors.intercom.kinds import CONVERSATION_CLOSED, CONVERSATION_REOPENED
from connectors.intercom.replies import Row, body, listed, mapped
from connectors.intercom.settings import IntercomSettings
from connectors.intercom.workspace import open_workspace
from connectors.sweeping import spelled
from nps.errors import ConfigError
from nps.events import OF_EVERY_EVENT, Event, EventPage, Hint, PersonKey, Reading, Signal, SignalKind, Subject
from nps.keys import email_key, id_key
from nps.responses import Cursor
from nps.values import Json

_PAGE = 50
_MOST_PAGES = 400  # of one search
_WHOLE_DAYS = timedelta(days=2)  # a day of the workspace's may end half a day before or after ours
_SEEN = "closed/"  # in the connection's memory: conversations that were seen closed, and when that was


class IntercomEvents:
    """Fulfils `connectors.contract.EventSource`."""

    def __init__(self, settings: IntercomSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._workspace = open_workspace(settings, tools)
        self._http = self._workspace.conversations

    # ------------------------------------------------------------ polling

    def poll(self, watches: Sequence[Watch], cursor: Cursor | None) -> Iterator[EventPage]:
        _refuse_unknown(watches)
        now = self._tools.clock.now()
        if cursor is None:
            yield EventPage((), _cursor(began=now, since=now))
            return
        began, since = _read_cursor(cursor)
        start = max(began, since - self._settings.overlap)
        for rows in self._found("statistics.last_close_at", start):
            yield self._page(watches, rows, start, cursor)
        if any(watch.kind == CONVERSATION_REOPENED for watch in watches):
            for rows in self._found("updated_at", start):
                yield self._page(watches, [row for row in rows if row.get("open") is True], start, cursor)
        yield EventPage((), _cursor(began=began, since=now))

    def past(self, watches: Sequence[Watch], since: datetime) -> Iterator[EventPage]:
        for rows in self._found("statistics.last_close_at", since):
            closed = [watch for watch in watches if watch.kind == CONVERSATION_CLOSED]
            yield self._page(closed, rows, since, Cursor({}))

    def _page(
        self, watches: Sequence[Watch], rows: Sequence[Row], start: datetime, cursor: Cursor
    ) -> EventPage:
        """What these conversations show that happened since the start. The cursor stays until all pages are read."""
        wanted = [row for row in rows if any(at >= start for at in _moments(row))]
        seen = self._seen_closed(wanted)
        told = [self._told(watches, row, str(row["id"]) in seen) for row in wanted]
        events = [event for found, _ in told for event in found if event.occurred_at >= start]
        return EventPage(tuple(events), cursor, tuple(signal for _, signals in told for signal in signals))

    def _seen_closed(self, rows: Sequence[Row]) -> set[str]:
        """Conversations that an earlier look found closed; those that are closed now are remembered."""
        keys = {f"{_SEEN}{row['id']}": row for row in rows}
        known = self._tools.memory.get(list(keys))
        closed = {key: str(_closed_at(row)) for key, row in keys.items() if _is_closed(row)}
        self._tools.memory.put({key: at for key, at in closed.items() if known.get(key) != at})
        return {key.removeprefix(_SEEN) for key in known}

    # ------------------------------------------------------------ reading again

    def read(self, watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        _refuse_unknown(watches)
        return [self._reading(watches, hint) for hint in hints]

    def _reading(self, watches: Sequence[Watch], hint: Hint) -> Reading:
        if hint.subject is None or hint.subject.object != "conversations" or not hint.subject.id.strip():
            return Reading(hint, why_not="it names no conversation")
        row = self._conversation(hint.subject.id)
        if row is None:
            return Reading(
                hint, why_not="the conversation was deleted, or is not visible to npsync's credential"
            )
        seen = self._seen_closed([row]) | ({str(row["id"])} if hint.kind == CONVERSATION_REOPENED else set())
        events, signals = self._told(watches, row, str(row["id"]) in seen, heard_at=hint.occurred_at)
        why = (
            ""
            if events
            else "the conversation is open again"
            if row.get("open")
            else "nothing of it is watched"
        )
        return Reading(hint, tuple(events), why, tuple(signals))

    def still(self, watches: Sequence[Watch], events: Sequence[Event]) -> Mapping[str, str]:
        over = {}
        for event in events:
            row = self._conversation(event.subject.id)
            if row is None:
                over[event.key] = "the conversation was deleted"
            elif event.kind == CONVERSATION_CLOSED and not _is_closed(row):
                over[event.key] = "the conversation was opened again"
            elif event.kind == CONVERSATION_REOPENED and _is_closed(row):
                over[event.key] = "the conversation was closed again"
            elif event.key != _key(event.kind, row):
                over[event.key] = "the conversation was opened and closed once more since"
        return over

    def close(self) -> None:
        self._tools.shared.give_back()

    # ------------------------------------------------------------ what a conversation tells

    def _told(
        self, watches: Sequence[Watch], row: Row, seen_closed: bool, *, heard_at: datetime | None = None
    ) -> tuple[list[Event], list[Signal]]:
        kinds = {watch.kind: watch for watch in watches}
        kind = CONVERSATION_CLOSED if _is_closed(row) else CONVERSATION_REOPENED
        at = _closed_at(row) if kind == CONVERSATION_CLOSED else _moment(row.get("updated_at"))
        if kind not in kinds or at is None or _closed_at(row) is None:
            return [], []
        if kind == CONVERSATION_REOPENED and not seen_closed:
            return [], []
        person, signals = self._person(row, heard_at or at)
        event = Event(
            connection=self._tools.connection,
            kind=kind,
            key=_key(kind, row),
            subject=Subject("conversations", str(row["id"])),
            occurred_at=at,
            person=person,
            facts=_facts(row, kind, at, kinds[kind].facts),
        )
        return [event], signals

    def _person(self, row: Row, seen_at: datetime) -> tuple[tuple[PersonKey, ...], list[Signal]]:
        """Who began it, or the only one in it; and what Intercom knows against asking that person."""
        people = [one for one in listed(mapped(row.get("contacts")).get("contacts")) if isinstance(one, dict)]
        author = mapped(mapped(row.get("source")).get("author")).get("id")
        chosen = next(
            (one for one in people if one.get("id") == author), people[0] if len(people) == 1 else None
        )
        if chosen is None:
            return (), []
        contact = self._contact(str(chosen.get("id")))
        if contact is None:  # merged or deleted since: its external id may still lead to the person
            external = id_key(chosen.get("external_id"))
            return (() if external is None else (PersonKey("external_id", external),)), []
        keys = []
        if (external := id_key(contact.get("external_id"))) is not None:
            keys.append(PersonKey("external_id", external))
        if (address := email_key(_text(contact.get("email")))) is not None:
            keys.append(PersonKey("email", address))
        return tuple(keys), list(self._objections(contact, address, external, seen_at))

    def _objections(
        self, contact: Row, address: str | None, external_id: str | None, seen_at: datetime
    ) -> Iterator[Signal]:
        """Dated by the contact's last change; by the notification (or what it was about), where it has none."""
        at = _moment(contact.get("updated_at")) or seen_at
        if address is None and external_id is None:
            return
        for flag, kind in (
            ("unsubscribed_from_emails", SignalKind.UNSUBSCRIBE),
            ("has_hard_bounced", SignalKind.BOUNCE),
            ("marked_email_as_spam", SignalKind.COMPLAINT),
        ):
            if contact.get(flag) is True:
                key = f"{flag}/{contact['id']}/{int(at.timestamp())}"
                yield Signal(
                    connection=self._tools.connection,
                    key=key,
                    kind=kind,
                    at=at,
                    address=address,
                    external_id=external_id,
                    code=flag,
                )

    # ------------------------------------------------------------ calls

    def _found(self, field: str, since: datetime) -> Iterator[list[Row]]:
        """Conversations whose `field` is not before `since`, and some that are."""
        wanted: Json = {"field": field, "operator": ">", "value": int((since - _WHOLE_DAYS).timestamp())}
        after: str | None = None
        for _ in range(_MOST_PAGES):
            paging: Json = {"per_page": _PAGE, "starting_after": after} if after else {"per_page": _PAGE}
            asked: Json = {"query": wanted, "pagination": paging}
            reply = self._http.request(
                "POST",
                "/conversations/search",
                json=asked,
                what="search conversations",
                idempotent=True,
                reads=True,
            )
            told = mapped(body(reply))
            rows = [row for row in listed(told.get("conversations")) if isinstance(row, dict) and "id" in row]
            yield rows
            following = mapped(mapped(told.get("pages")).get("next")).get("starting_after")
            if not rows or not isinstance(following, str) or following == after:
                return
            after = following
        self._tools.notice("poll_cut_short", object="conversations", pages=_MOST_PAGES)

    def _conversation(self, id: str) -> Row | None:
        return self._one(f"/conversations/{quote(id, safe='')}", "read a conversation")

    def _contact(self, id: str) -> Row | None:
        return self._one(f"/contacts/{quote(id, safe='')}", "read a contact")

    def _one(self, path: str, what: str) -> Row | None:
        reply = self._http.request("GET", path, what=what)
        return None if reply.status in (404, 410) else mapped(body(reply)) or None


# ------------------------------------------------------------ rows


def _key(kind: str, row: Row) -> str:
    at = _closed_at(row)
    return f"{kind}/{row['id']}/{'' if at is None else spelled(at)}"


def _is_closed(row: Row) -> bool:
    return row.get("open") is False and row.get("state") == "closed" and _closed_at(row) is not None


def _closed_at(row: Row) -> datetime | None:
    return _moment(mapped(row.get("statistics")).get("last_close_at"))


def _moments(row: Row) -> list[datetime]:
    return [at for at in (_closed_at(row), _moment(row.get("updated_at"))) if at is not None]


# What a conversation has; below custom_attributes every workspace has its own.
_FIELDS = frozenset(
    {
        "id",
        "title",
        "state",
        "open",
        "read",
        "priority",
        "created_at",
        "updated_at",
        "waiting_since",
        "snoozed_until",
    }
    | {"source", "statistics", "conversation_rating", "custom_attributes", "sla_applied", "ai_agent"}
    | {"admin_assignee_id", "team_assignee_id"}
)


def _refuse_unknown(watches: Sequence[Watch]) -> None:
    for name in (name for watch in watches for name in watch.facts):
        if name not in OF_EVERY_EVENT and name.partition(".")[0] not in _FIELDS:
            raise ConfigError(
                f'a conversation has no "{name}" (event.{name}); attributes of your own are '
                f"event.custom_attributes.NAME, and there are: {', '.join(sorted(_FIELDS))}"
            )


def _facts(row: Row, kind: str, at: datetime, names: Sequence[str]) -> Mapping[str, Json]:
    own: dict[str, Json] = {
        "id": str(row["id"]),
        "kind": kind,
        "object": "conversations",
        "occurred_at": spelled(at),
    }
    return {**{name: _walked(row, name) for name in names}, **own}


def _walked(row: Row, path: str) -> Json:
    value: Any = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str | int | float | bool) else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 32_503_680_000:
        return None
    return datetime.fromtimestamp(value, UTC)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _cursor(*, began: datetime, since: datetime) -> Cursor:
    """Whole seconds, as Intercom's: what happened in the second in which the watch began is told."""
    return Cursor({"began": int(began.timestamp()), "since": int(since.timestamp())})


def _read_cursor(cursor: Cursor) -> tuple[datetime, datetime]:
    began, since = cursor.state["began"], cursor.state["since"]
    assert isinstance(began, int)
    assert isinstance(since, int)
    return datetime.fromtimestamp(began, UTC), datetime.fromtimestamp(since, UTC)
