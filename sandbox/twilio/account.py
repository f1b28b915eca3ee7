"""The account: messages and what becomes of them, who opted out, and the calls Twilio makes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.deliveries import Channel, Heard, Manner, Post
from sandbox.faults import Fault
from sandbox.shelves import Shelves
from sandbox.toy import Room, Row
from sandbox.twilio import app, texts
from sandbox.twilio.credentials import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    KEY_SECRET,
    KEY_SID,
    NUMBER,
    SERVICE_SID,
    VERSION,
)
from sandbox.twilio.refusal import Refusal
from sandbox.twilio.signatures import signature

_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_ONWARDS = {"queued": "sending", "sending": "sent", "sent": "delivered"}
_FINAL = frozenset({"delivered", "undelivered", "failed", "canceled"})


@dataclass
class Settings:
    """What control may switch."""

    delivers: bool = True  # messages move on to delivered by themselves
    advanced_opt_out: bool = False  # inbound calls carry OptOutType
    calls_on_keywords: bool = True  # the inbound address is called for STOP and START too (not documented)
    signing_token: str = AUTH_TOKEN


class Twilio(Shelves):
    """Its own fault kinds: undelivered, failed (detail: code; path: a part of the number), landline; and those of what
    it sends out (deliveries.py)."""

    title = "Twilio"
    fault_kinds = frozenset({"undelivered", "failed", "landline"}) | deliveries.FAULT_KINDS

    def __init__(self, room: Room) -> None:
        super().__init__(
            room, {"messages": ("date_created", "direction", "from", "to", "body", "status", "error_code")}
        )
        self.settings = Settings()
        self.opted_out: set[str] = set()
        self._inbound: Channel | None = None
        # One channel for all: every message may bring an address of its own.
        self._callbacks = room.deliveries.channel(
            "twilio", "status", "", lambda items, attempt: self._post(*items[0]), _ONCE, insist=False
        )
        self._callback_of: dict[str, str] = {}  # of messages that are on their way
        self.app: ASGIApp = app.build(self)
        self.knobs = {
            "set": self._set,
            "inbound": self._set_inbound,
            "reply": self._reply,
            "status": self._status,
            "opt_outs": lambda given: sorted(self.opted_out),
        }

    def env(self, url: str) -> dict[str, str]:
        return {
            "TWILIO_URL": url,
            "TWILIO_SID": ACCOUNT_SID,
            "TWILIO_TOKEN": AUTH_TOKEN,
            "TWILIO_KEY_SID": KEY_SID,
            "TWILIO_KEY_SECRET": KEY_SECRET,
            "TWILIO_FROM": NUMBER,
            "TWILIO_SERVICE_SID": SERVICE_SID,
        }

    def refusal(self, fault: Fault) -> Response:
        code = fault.detail.get("code", {429: 20429}.get(fault.status, 20500))
        reply = Refusal(fault.status, code, fault.detail.get("message", "Too Many Requests")).reply()
        if fault.retry_after is not None:
            reply.headers["Retry-After"] = f"{fault.retry_after:g}"
        return reply

    # ------------------------------------------------------------ knobs

    def _set(self, given: Row) -> Row:
        """{delivers, advanced_opt_out, calls_on_keywords, signing_token} → all of them"""
        for name, value in given.items():
            if not hasattr(self.settings, name):
                raise ValueError(f"no setting {name}; there are: {', '.join(vars(self.settings))}")
            setattr(self.settings, name, value)
        return dict(vars(self.settings))

    def _set_inbound(self, given: Row) -> Row:
        """{url}: where replies of people are posted; null ends it"""
        if given["url"] is None:
            self.room.deliveries.close("twilio", "inbound")
            self._inbound = None
        else:
            url = str(given["url"])
            self._inbound = self.room.deliveries.channel(
                "twilio",
                "inbound",
                url,
                lambda items, attempt: self._post(url, items[0]),
                _ONCE,
                heard=self._answered,
            )
        return {"url": given["url"]}

    def _reply(self, given: Row) -> Row:
        """{from, body, to}: a person answers; STOP and its like are honoured"""
        body, person = str(given["body"]), str(given["from"])
        word = texts.keyword(body)
        if word == "STOP":
            self.opted_out.add(person)
        elif word == "START":
            self.opted_out.discard(person)
        message = self._keep(
            person,
            str(given.get("to", NUMBER)),
            body,
            status="received",
            direction="inbound",
            service=given.get("service"),
        )
        if word is not None:
            self._keep(NUMBER, person, texts.ANSWERS[word], status="delivered", direction="outbound-reply")
        if self._inbound is not None and (word is None or self.settings.calls_on_keywords):
            self._inbound.put(self._told(message, word))
        return message

    def _status(self, given: Row) -> Row:
        """{sid, status, error_code}: what becomes of a message, told to its status callback"""
        message = self.row("messages", str(given["sid"]))
        self._move(message, str(given["status"]), given.get("error_code"))
        return message

    # ------------------------------------------------------------ sending

    def send(self, form: Row) -> Row:
        """What POST Messages.json does; a Refusal in the vendor's words."""
        to, body = form.get("To", ""), form.get("Body", "")
        sender, service = form.get("From"), form.get("MessagingServiceSid")
        if not sender and not service:
            raise Refusal(400, 21603, "A 'From' phone number is required.")
        if not _PHONE.fullmatch(to):
            raise Refusal(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if not body:
            raise Refusal(400, 21602, "Message body is required.")
        if len(body) > texts.LONGEST:
            raise Refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        if self.room.faults.take("landline", "POST", to):
            raise Refusal(400, 21614, f"'To' number is not a valid mobile number: {to}")
        if to in self.opted_out:
            raise Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
        validity = form.get("ValidityPeriod", "36000")
        if not validity.isdigit() or not 1 <= int(validity) <= 36_000:
            raise Refusal(400, 21621, "ValidityPeriod must be between 1 and 36000")
        scheduled = form.get("ScheduleType") == "fixed" and "SendAt" in form
        if scheduled and not service:
            raise Refusal(400, 35118, "SendAt needs a messaging service")
        status = "scheduled" if scheduled else "accepted" if service and not sender else "queued"
        message = self._keep(
            sender or NUMBER, to, body, status=status, direction="outbound-api", service=service
        )
        if callback := form.get("StatusCallback"):
            self._callback_of[message["sid"]] = callback
        if self.settings.delivers and not scheduled:
            asyncio.get_running_loop().call_soon(self._deliver, message)
        return message

    def _deliver(self, message: Row) -> None:
        """Through every status to the last one; the status callback hears of each."""
        if message["status"] == "accepted":
            self._move(message, "queued")
        for kind in ("undelivered", "failed"):
            if rule := self.room.faults.take(kind, "SMS", message["to"]):
                self._move(message, kind, rule.detail.get("code", 30003))
                return
        while (onwards := _ONWARDS.get(message["status"])) is not None:
            self._move(message, onwards)

    def _move(self, message: Row, status: str, error: int | None = None) -> None:
        now = format_datetime(self.room.clock.now())
        message |= {"status": status, "date_updated": now, "error_code": error}
        if status in ("sent", "delivered"):
            message["date_sent"] = message["date_sent"] or now
        url = self._callback_of.get(message["sid"])
        if status in _FINAL:
            self._callback_of.pop(message["sid"], None)
        if url is None:
            return
        told = [
            ("AccountSid", ACCOUNT_SID),
            ("ApiVersion", VERSION),
            ("From", message["from"]),
            ("MessageSid", message["sid"]),
            ("MessageStatus", status),
            ("SmsSid", message["sid"]),
            ("SmsStatus", status),
            ("To", message["to"]),
        ]
        if error is not None:
            told.append(("ErrorCode", str(error)))
        if message["messaging_service_sid"]:
            told.append(("MessagingServiceSid", message["messaging_service_sid"]))
        self._callbacks.put((url, told))

    def _keep(
        self, sender: str, to: str, body: str, *, status: str, direction: str, service: str | None = None
    ) -> Row:
        sid = f"SM{self.next_number():032x}"
        now = format_datetime(self.room.clock.now())
        uri = f"/{VERSION}/Accounts/{ACCOUNT_SID}/Messages/{sid}.json"
        row = {
            "id": sid,
            "sid": sid,
            "account_sid": ACCOUNT_SID,
            "api_version": VERSION,
            "body": body,
            "date_created": now,
            "date_sent": now if status in ("received", "delivered") else None,
            "date_updated": now,
            "direction": direction,
            "error_code": None,
            "error_message": None,
            "from": sender,
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": str(texts.segments(body)),
            "price": None,
            "price_unit": "USD",
            "status": status,
            "to": to,
            "uri": uri,
        }
        return self.put("messages", sid, row)

    # ------------------------------------------------------------ calling

    def _told(self, message: Row, word: str | None) -> list[tuple[str, str]]:
        told = [
            ("ApiVersion", VERSION),
            ("SmsSid", message["sid"]),
            ("SmsStatus", "received"),
            ("SmsMessageSid", message["sid"]),
            ("NumSegments", message["num_segments"]),
            ("ToState", "CA"),
            ("From", message["from"]),
            ("MessageSid", message["sid"]),
            ("AccountSid", ACCOUNT_SID),
            ("ToZip", ""),
            ("FromCountry", "US"),
            ("Body", message["body"]),
            ("NumMedia", "0"),
            ("To", message["to"]),
        ]
        if message["messaging_service_sid"]:
            told.append(("MessagingServiceSid", message["messaging_service_sid"]))
        if word is not None and self.settings.advanced_opt_out:
            told.append(("OptOutType", word))
        return told

    def _post(self, url: str, told: list[tuple[str, str]]) -> Post:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "X-Twilio-Signature": signature(self.settings.signing_token, url, told),
        }
        return Post(url, urlencode(told).encode(), headers)

    def _answered(self, items: Sequence[Any], heard: Heard) -> None:
        """TwiML may hold a message for the person; one who opted out does not get it."""
        person = dict(items[0])["From"]
        for text in _messages_of(heard.body):
            status, error = ("failed", 21610) if person in self.opted_out else ("delivered", None)
            row = self._keep(NUMBER, person, text, status=status, direction="outbound-reply")
            row["error_code"] = error


# Only a connection that fails is tried a second time.
_ONCE = Manner(gaps=(1.0,), timeout=15, tries_again=lambda heard: heard.status == 0)


def _messages_of(body: bytes) -> list[str]:
    try:
        twiml = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return []
    return ["".join(node.itertext()).strip() for node in twiml.iter("Message")]
