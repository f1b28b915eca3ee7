"""The workspace as the sandbox sees it: its API, and what people do in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.faults import Fault
from sandbox.intercom import app, books
from sandbox.intercom.books import Books
from sandbox.intercom.faces import FACES
from sandbox.intercom.surveys import Surveys
from sandbox.intercom.webhooks import Webhooks
from sandbox.intercom.words import CLIENT_SECRET, TOKEN, Refusal
from sandbox.knobs import Knob, turn
from sandbox.toy import NoSuchRecord, Room, Row, Show

_CONTACT_FIELDS = frozenset(
    {"email", "phone", "name", "external_id", "role", "unsubscribed_from_emails", "has_hard_bounced"}
    | {"marked_email_as_spam", "custom_attributes"}
)
_COMPANY_FIELDS = frozenset({"name", "website", "size", "industry", "monthly_spend", "custom_attributes"})


@dataclass
class Settings:
    """What control may switch."""

    time_zone: str = "America/New_York"  # of the workspace: search compares dates by its days
    conversations_by_day: bool = False  # does the search over conversations do that too? Not documented
    search_lag: float = 0.0  # seconds until search knows of a contact
    options_as_sent: bool = False  # data attributes show their options as they were made
    per_window: int = 1_666  # calls in ten seconds; 0 counts none
    survey_keys: str = "inside"  # content_stat, or beside it: where an answer's keys stand is not documented
    survey_contact: str = "whole"  # or id: what is told of who answered


class Workspace:
    """Its own fault kind: refused (400 for this contact or company, whatever is written); and those of what it sends
    out."""

    title = "Intercom"
    faces = FACES
    fault_kinds = frozenset({"refused"}) | deliveries.FAULT_KINDS

    def __init__(self, room: Room) -> None:
        self.room = room
        self.settings = Settings()
        self.books = Books(room)
        self.webhooks = Webhooks(room)
        self.surveys = Surveys(self.webhooks.tell)
        self.app: ASGIApp = app.build(self)
        self._window = (0, 0)
        self._commands: dict[str, Knob] = {
            "set": self._set,
            "webhook": self.webhooks.set,
            "close_conversation": self._close,
            "reopen_conversation": self._reopen,
            "rate_conversation": self._rate,
            "unsubscribe": self._unsubscribe,
            "answer_survey": self._answer_survey,
            "touch_survey": self._touch_survey,
        }

    def env(self, url: str) -> dict[str, str]:
        return {
            "INTERCOM_URL": url,
            "INTERCOM_TOKEN": TOKEN,
            "INTERCOM_CLIENT_SECRET": CLIENT_SECRET,
        }

    def refusal(self, fault: Fault) -> Response:
        codes = {429: "rate_limit_exceeded", 401: "unauthorized", 503: "service_unavailable"}
        code = codes.get(fault.status, "server_error")
        headers = {}
        if fault.status == 429:
            wait = 1.0 if fault.retry_after is None else fault.retry_after
            headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(self.books.now() + int(wait))}
        return Refusal(fault.status, code, code.replace("_", " "), headers).reply()

    def limited(self) -> dict[str, str]:
        """The headers of a reply; a Refusal when ten seconds hold no more calls."""
        most = self.settings.per_window
        if not most:
            return {}
        now = self.books.now()
        window, used = self._window
        used = used if window == now // 10 else 0
        self._window = now // 10, used + 1
        headers = {"X-RateLimit-Limit": str(most), "X-RateLimit-Remaining": str(max(0, most - used - 1))}
        headers["X-RateLimit-Reset"] = str((now // 10 + 1) * 10)
        if used >= most:
            self.room.traffic.limit_met("intercom", "per_window")
            raise Refusal(429, "rate_limit_exceeded", "The rate limit has been exceeded", headers)
        return headers

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.time_zone)

    # ------------------------------------------------------------ state, for control and the pages

    def objects(self) -> Mapping[str, int]:
        return {
            "contacts": self.books.how_many_contacts,
            "companies": self.books.companies.how_many,
            "conversations": self.books.how_many_conversations,
            "data_attributes": len(self.books.attributes.rows),
        }

    def rows(self, object: str) -> Iterator[Row]:
        return self.books.all(object)

    def row(self, object: str, id: str) -> Row:
        rows = self.books.kept(object)
        if id not in rows:
            raise NoSuchRecord(f"no {object} {id}")
        return rows[id]

    def change(self, object: str, id: str, fields: Row) -> None:
        """As somebody does in the inbox; a new address is told to the webhook."""
        row = self.row(object, id)
        if object == "conversations":
            raise ValueError("conversations are closed and reopened, not edited")
        if object == "data_attributes":
            self.books.attributes.change(id, fields)
            return
        known = _CONTACT_FIELDS if object == "contacts" else _COMPANY_FIELDS
        if unknown := fields.keys() - known:
            raise ValueError(f"no field {', '.join(sorted(unknown))}")
        moved = "email" in fields and fields["email"] != row["email"]
        row |= fields
        row["updated_at"] = self.books.now()
        if moved:
            self.webhooks.tell("contact.email.updated", row)

    def add(self, object: str, fields: Row) -> str:
        """A contact {email, external_id, name, phone, role, custom, companies: [ids]}; a company {company_id, name,
        custom}; a conversation {contacts: [ids]}; a data attribute as the API takes it"""
        match object:
            case "contacts":
                made = self.books.add_contact(fields)
            case "companies":
                values = {
                    name: value for name, value in fields.items() if name not in ("company_id", "custom")
                }
                made, _ = self.books.companies.written(
                    str(fields["company_id"]), values, dict(fields.get("custom", {}))
                )
            case "conversations":
                made = self.books.add_conversation(fields)
            case _:
                made = self._attribute(fields)
        return str(made["id"])

    def remove(self, object: str, id: str) -> None:
        row = self.row(object, id)
        del self.books.kept(object)[id]
        if object == "contacts":
            self.webhooks.tell("contact.deleted", {"type": "contact", "id": row["id"]})

    def merge(self, object: str, winner: str, loser: str) -> None:
        if object != "contacts":
            raise ValueError(f"{object} do not merge")
        kept = self.books.merge(winner, loser)
        self.webhooks.tell("contact.merged", {**kept, "merged_from": {"type": "contact", "id": loser}})

    def command(self, name: str, arguments: Row) -> Any:
        return turn(self._commands, name, arguments)

    def looks(self, show: Show) -> list[Route]:
        async def listed(request: Request) -> Response:
            written = [
                {
                    "id": row["id"],
                    "name": row["name"] or row.get("email"),
                    "of": object,
                    "custom attributes": ", ".join(f"{k}: {v}" for k, v in row["custom_attributes"].items()),
                }
                for object in ("contacts", "companies")
                for row in sorted(self.books.all(object), key=itemgetter("updated_at"), reverse=True)[:50]
            ]
            columns = ("id", "state", "author", "closed", "reopened", "rating")
            rows = [
                {
                    "id": row["id"],
                    "state": row["state"],
                    "author": self._name(row),
                    "closed": row["statistics"]["last_close_at"],
                    "reopened": row["statistics"]["count_reopens"],
                    "rating": (row["conversation_rating"] or {}).get("rating"),
                }
                for row in list(self.books.all("conversations"))[:-101:-1]
            ]
            attributes = list(self.books.all("data_attributes"))
            tables = [
                ("people_and_companies", ("id", "of", "name", "custom attributes"), written),
                (
                    "data_attributes",
                    ("model", "full_name", "data_type", "options", "api_writable"),
                    attributes,
                ),
                ("conversations", columns, rows),
            ]
            return show("shelves.html", title=self.title, tables=tables)

        return [Route("/", listed)]

    def _name(self, row: Row) -> str:
        person = self.books.contacts.get(row["source"]["author"]["id"] or "")
        return str((person["name"] or person["email"]) if person else "somebody")

    # ------------------------------------------------------------ knobs

    def _attribute(self, given: Row) -> Row:
        try:
            return self.books.attributes.create(given)
        except Refusal as refused:
            raise ValueError(refused.message) from refused

    def _set(self, given: Row) -> Row:
        for name, value in given.items():
            if not hasattr(self.settings, name):
                raise ValueError(f"no setting {name}; there are: {', '.join(vars(self.settings))}")
            setattr(self.settings, name, value)
        return dict(vars(self.settings))

    def _close(self, given: Row) -> Row:
        """{id, by: admin|bot}: a close by a workflow has no topic"""
        row = self.books.conversation(str(given["id"]))
        books.close(row, self.books.now())
        if given.get("by", "admin") == "admin":
            self.webhooks.tell("conversation.admin.closed", row)
        return row

    def _reopen(self, given: Row) -> Row:
        row = self.books.conversation(str(given["id"]))
        books.reopen(row, self.books.now())
        self.webhooks.tell("conversation.admin.opened", row)
        return row

    def _rate(self, given: Row) -> Row:
        """{id, rating: 1..5, remark}: a CSAT, never an NPS"""
        row, rating = self.books.conversation(str(given["id"])), int(given["rating"])
        if not 1 <= rating <= 5:
            raise ValueError("a conversation is rated 1 to 5")
        now = self.books.now()
        person = row["contacts"]["contacts"][0]
        told = {"rating": rating, "remark": given.get("remark"), "created_at": now, "updated_at": now}
        row["conversation_rating"] = {**told, "contact": {"type": "contact", "id": person["id"]}}
        row["updated_at"] = now
        self.webhooks.tell("conversation.rating.added", row)
        return row

    def _unsubscribe(self, given: Row) -> Row:
        row = self.books.contact(str(given["id"]))
        row |= {"unsubscribed_from_emails": True, "updated_at": self.books.now()}
        self.webhooks.tell("contact.unsubscribed", row)
        return row

    def _answer_survey(self, given: Row) -> list[Row]:
        """{id of a contact, or email; score, comment, survey, finished}: told to the webhook and nowhere else"""
        contact, told = self._answering(given), self._told_of_surveys()
        return self.surveys.answer(contact, given, self.books.now(), **told)

    def _touch_survey(self, given: Row) -> list[Row]:
        """{id of a contact, or email; stat: receipt, click, dismissal or goal_success}"""
        kinds = ("receipt", "click", "dismissal", "goal_success")
        if given["stat"] not in kinds:
            raise ValueError(f"stat is one of {', '.join(kinds)}")
        return self.surveys.other(given["stat"], self._answering(given), given, **self._told_of_surveys())

    def _told_of_surveys(self) -> Row:
        return {
            "nesting": self.settings.survey_keys,
            "whole_contact": self.settings.survey_contact == "whole",
        }

    def _answering(self, given: Row) -> Row:
        if "id" in given:
            return self.books.contact(str(given["id"]))
        wanted = str(given["email"]).lower()
        found = next(
            (row for row in self.books.all("contacts") if (row["email"] or "").lower() == wanted), None
        )
        if found is None:
            raise NoSuchRecord(f"no contact {given['email']}")
        return found
