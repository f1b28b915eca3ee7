"""Asks by text message: a link to our own page, and how to opt out."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from connectors.contract import Clock, Grant, Needs, Tools, Verdict
from connectors.handing import handed_over, sending_policy
from connectors.http import Http
from connectors.replies import FINE, Reply, Retry, Ruling, Stop, judge, retry_after, unreadable
from connectors.twilio.heard import signals
from connectors.twilio.settings import TwilioSettings
from connectors.twilio.texts import LONGEST, text
from nps.asking import StepKind
from nps.errors import AccessError, ConfigError, Interrupted, UnavailableError
from nps.events import EventPage
from nps.keys import phone_key
from nps.responses import Cursor
from nps.sending import (
    Accepted,
    FailedPermanent,
    FailedRetryable,
    FateUnknown,
    Message,
    SendOutcome,
    SuppressedByVendor,
)

_OPTED_OUT = 21610
_BUSY = 20429
_PAGE = 1000
_OVERLAP = timedelta(days=1)
_SECOND_LOOK = 20.0  # seconds until what just left shows in the list
_SAME_ROUND = timedelta(hours=24)  # two reminders with the same words are further apart than this
_GIVEN_UP = frozenset({"failed", "undelivered", "canceled"})


class Twilio:
    def __init__(self, settings: TwilioSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        login = base64.b64encode(":".join(settings.login).encode()).decode()
        policy = sending_policy(
            tools, lambda reply: _judge(reply, tools.clock), per_minute=settings.per_minute
        )
        self._http = Http(
            settings.base_url,
            policy,
            allow_http=settings.allow_http,
            headers={"Authorization": f"Basic {login}"},
            timeouts=(10.0, 30.0),
        )
        self._path = f"/2010-04-01/Accounts/{settings.account_sid}/Messages.json"

    def send(self, message: Message) -> SendOutcome:
        to = phone_key(message.to.phone, None)
        if to is None:
            return FailedPermanent("bad_number", "the record's phone is no number in E.164", address=True)
        said = text(message, self._settings)
        if len(said) > LONGEST:
            return FailedPermanent("too_long", f"the text is longer than Twilio's {LONGEST} characters")
        form = {"To": to, "Body": said, **self._usual()}
        outcome = handed_over(
            lambda: self._outcome(self._http.request("POST", self._path, form=form, what="send a text"))
        )
        if isinstance(outcome, FateUnknown):
            # It may show in the list already; that it does not says nothing yet.
            return self._seen(message, to) or outcome
        return outcome

    def find(self, message: Message) -> SendOutcome | None:
        """Look for the text among those to this number: the link in it is nobody else's."""
        to = phone_key(message.to.phone, None)
        if to is None or self._settings.discard_content or self._settings.obfuscate_address:
            return None
        found = self._found(message, to)
        if found is _NOTHING:
            self._tools.clock.sleep(_SECOND_LOOK)
            found = self._found(message, to)
        return found

    def heard(self, cursor: Cursor | None) -> Iterator[EventPage]:
        """What was texted to our number, by the day and with a day's overlap: the list is bounded by days."""
        now = self._tools.clock.now()
        if cursor is not None:
            since = datetime.fromisoformat(str(cursor.state["heard_at"])) - _OVERLAP
            params: dict[str, Any] = {"To": self._settings.number, "DateSent>": f"{since:%Y-%m-%d}"}
            reply = self._http.request(
                "GET", self._path, params={**params, "PageSize": _PAGE}, what="list replies"
            )
            rows = _object(reply).get("messages")
            if reply.status != 200 or not isinstance(rows, list):
                raise UnavailableError(f"{reply.what}: status {reply.status} where a list was expected")
            if len(rows) >= _PAGE:
                # How further pages are asked for is not established.
                raise UnavailableError(
                    f"{reply.what}: more than {_PAGE} texts since {since:%Y-%m-%d}; push them"
                )
            yield EventPage((), Cursor({"heard_at": now.isoformat()}), tuple(signals(rows)))
        else:
            yield EventPage((), Cursor({"heard_at": now.isoformat()}))

    def access(self, needs: Needs) -> list[Grant]:
        reply = self._http.request("GET", self._path, params={"PageSize": 1}, what="list texts")
        if reply.status != 200:
            raise UnavailableError(f"{reply.what}: status {reply.status}; is base_url right?")
        grants = [Grant("send and list texts", "survey texts", Verdict.OK)]
        if not self._settings.signing_tokens:
            grants.append(Grant("read what Twilio posts", "delivery", Verdict.MISSING, self._unverified()))
        return grants

    def close(self) -> None:
        self._http.close()

    def _unverified(self) -> str:
        """What it means that nothing posted can be verified. Replies are listed, but only those to a number of ours."""
        unheard = "without auth_token nothing Twilio posts can be verified"
        if self._settings.number is None:
            return (
                f"{unheard}: STOP and replies do not reach us, since a messaging service's cannot be listed"
            )
        return f"{unheard}: STOP and replies are read from Twilio's list, delivery is not learnt"

    # ------------------------------------------------------------ sending

    def _usual(self) -> Mapping[str, str]:
        settings = self._settings
        form = {"ValidityPeriod": str(int(settings.valid_for.total_seconds()))}
        if settings.messaging_service is not None:
            form["MessagingServiceSid"] = settings.messaging_service
        elif settings.number is not None:
            form["From"] = settings.number
        if settings.obfuscate_address:
            form["AddressRetention"] = "obfuscate"
        if settings.discard_content:
            form["ContentRetention"] = "discard"
        if settings.report_status and self._tools.public_url:
            form["StatusCallback"] = _callback(self._tools)
        return form

    def _outcome(self, reply: Reply) -> SendOutcome:
        told = _object(reply)
        if 200 <= reply.status < 300:
            if str(told.get("status")) in _GIVEN_UP:
                return self._refused(_number(told.get("error_code")), reply.status)
            sid = told.get("sid")
            return Accepted(sid if isinstance(sid, str) else None)
        return self._refused(_number(told.get("code")), reply.status)

    def _refused(self, code: int, status: int) -> SendOutcome:
        said = str(code or status)
        if code == _OPTED_OUT:
            return SuppressedByVendor(said, "this number replied STOP", opted_out=True)
        if code == _BUSY:
            return FailedRetryable(said, "Twilio is busy")
        # Twilio's message quotes the number: its code is enough to look it up.
        reason = f"Twilio refused the text (error {said})"
        return FailedPermanent(said, reason, address=code in self._settings.bad_number_codes)

    # ------------------------------------------------------------ looking

    def _seen(self, message: Message, to: str) -> SendOutcome | None:
        try:
            found = self._found(message, to)
        except (UnavailableError, AccessError, ConfigError, Interrupted):
            return None
        return found if isinstance(found, Accepted) else None

    def _found(self, message: Message, to: str) -> SendOutcome | None:
        """_NOTHING when no such text is listed; None when one is that may be of an earlier reminder."""
        # Not bounded by DateSent: a text that is still queued has none.
        reply = self._http.request("GET", self._path, params={"To": to, "PageSize": _PAGE}, what="list texts")
        rows = _object(reply).get("messages")
        if reply.status != 200 or not isinstance(rows, list):
            raise UnavailableError(f"{reply.what}: status {reply.status} where a list was expected")
        ours = [row for row in rows if isinstance(row, dict) and _holds(row, message.link)]
        said = text(message, self._settings)
        same = [row for row in ours if row["body"] == said]
        if message.kind is not StepKind.REMINDER:
            # Nothing with this link went out before the ask: whatever shows is the ask, reworded or not.
            return _accepted(same or ours)
        recent = self._tools.clock.now() - _SAME_ROUND
        if any(_moment(row) >= recent for row in same):
            return _accepted(same)
        return None if same or any(_moment(row) >= recent for row in ours) else _NOTHING


_NOTHING = FailedRetryable("not_sent", "Twilio has no such text: it never left")


def _holds(row: Mapping[str, Any], link: str) -> bool:
    body = row.get("body")
    return isinstance(body, str) and link in body and not str(row.get("direction", "")).startswith("inbound")


def _accepted(rows: list[Any]) -> SendOutcome:
    if not rows:
        return _NOTHING
    sid = max(rows, key=_moment).get("sid")
    return Accepted(sid if isinstance(sid, str) else None)


def _moment(row: Mapping[str, Any]) -> datetime:
    """When it was made; now or never when the date cannot be read, so that it counts as recent."""
    try:
        moment = parsedate_to_datetime(str(row.get("date_created")))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _callback(tools: Tools) -> str:
    return f"{tools.public_url}/hooks/{quote(tools.connection)}"


def _object(reply: Reply) -> Mapping[str, Any]:
    """The reply as a JSON object; empty when it is none."""
    read = reply.json() if reply.is_json else None
    return read if isinstance(read, dict) else {}


def _number(code: object) -> int:
    return code if isinstance(code, int) and not isinstance(code, bool) else 0


def _judge(reply: Reply, clock: Clock) -> Ruling:
    match reply.status:
        case 401 | 403:
            return Stop(
                AccessError, f"Twilio refuses these credentials ({reply.status}); check account_sid and token"
            )
        case 404:
            return Stop(AccessError, "Twilio knows no such account (404); check account_sid and base_url")
        case 429:
            return Retry("status 429", after=retry_after(reply, clock))
        case status if 300 <= status < 400:
            return Stop(ConfigError, f"status {status}, a redirect; is base_url right?")
        case status if status < 300:
            return unreadable(reply) or FINE
        case _:
            return judge(reply, clock)
