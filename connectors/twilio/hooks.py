"""What Twilio posts to us: replies, STOP and START, and what became of our texts. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import orjson

from connectors.contract import Posted, Refused, Reply, Taken
from connectors.twilio.settings import TwilioSettings
from connectors.twilio.signing import Pairs, holds_body, is_signed
from nps.events import Signal, SignalKind
from nps.keys import phone_key
from nps.replies import read_score

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})

_OPTED_OUT = "21610"
_STATUSES = {
    "delivered": SignalKind.DELIVERED,
    "read": SignalKind.DELIVERED,
    "undelivered": SignalKind.FAILED,
    "failed": SignalKind.FAILED,
}
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 1000


class TwilioHooks:
    """One address for both kinds of request. Twilio adds parameters without notice: unknown ones are passed over."""

    def __init__(self, settings: TwilioSettings) -> None:
        self._settings = settings

    def receive(self, posted: Posted) -> Taken:
        fields = self._verified(posted)
        if fields.get("AccountSid") != self._settings.account_sid:
            raise Refused(403, "this is another account's", code="foreign_account")
        if not (sid := fields.get("MessageSid") or fields.get("SmsSid")):
            raise Refused(400, "there is no MessageSid", code="unreadable")
        status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
        if "Body" in fields or status == "received" or "OptOutType" in fields:
            return self._replied(fields, sid, posted.at)
        return Taken(_reported(fields, sid, status, posted.at), Reply(204))

    # ------------------------------------------------------------ whether it is genuine

    def _verified(self, posted: Posted) -> Mapping[str, str]:
        tokens = self._settings.signing_tokens
        if not tokens:
            raise Refused(403, "not signed by Twilio", code="no_token")
        given = posted.headers.get("x-twilio-signature")
        if not given:
            raise Refused(403, "not signed by Twilio", code="unsigned")
        if posted.headers.get("content-type", _FORM).partition(";")[0].strip().lower() == _FORM:
            pairs = _form(posted.body)
            genuine = is_signed(given, tokens, posted.url, pairs)
        else:
            pairs = []
            genuine = holds_body(posted.url, posted.body) and is_signed(given, tokens, posted.url, [])
        if not genuine:
            raise Refused(403, "not signed by Twilio", code="wrong_signature")
        return dict(pairs) if pairs else _json(posted.body)

    # ------------------------------------------------------------ what it says

    def _replied(self, fields: Mapping[str, str], sid: str, at: datetime) -> Taken:
        who = phone_key(fields.get("From"), None)
        if who is None:
            return Taken((), _twiml())  # WhatsApp and others, who have no number of their own
        text = fields.get("Body", "")
        kind = meant(fields.get("OptOutType", ""), text)
        if kind is None:
            return Taken((), _twiml())
        signal = Signal(
            key=sid,
            kind=kind,
            at=at,
            address=who,
            text=text if kind is SignalKind.REPLY else None,
        )
        # Whoever says STOP is answered by Twilio itself; a text of ours would only be refused.
        thanks = self._settings.thanks if kind is SignalKind.REPLY and read_score(text) is not None else None
        return Taken((signal,), _twiml(thanks))


def meant(opt_out: str, text: str) -> SignalKind | None:
    """None: a call for help, which Twilio answers."""
    said = unicodedata.normalize("NFKC", text).strip().upper()
    if opt_out == "STOP" or said.rstrip(".!") in STOP:
        return SignalKind.STOP
    if opt_out == "START" or said in START:
        return SignalKind.START
    if opt_out == "HELP" or said in HELP:
        return None
    return SignalKind.REPLY


def _reported(fields: Mapping[str, str], sid: str, status: str, at: datetime) -> tuple[Signal, ...]:
    """What is on its way tells nothing; only where it ended counts, so the order of reports does not matter."""
    kind = _STATUSES.get(status)
    if kind is None:
        return ()
    code = fields.get("ErrorCode", "")
    if code == _OPTED_OUT:
        kind = SignalKind.STOP
    return (
        Signal(
            key=f"{sid}/{status}",
            kind=kind,
            at=at,
            message=sid,
            address=phone_key(fields.get("To"), None),
            code=code if code.isdigit() else "",
        ),
    )


def _form(body: bytes) -> Pairs:
    try:
        text = body.decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refused(400, "the form cannot be read", code="unreadable") from None


def _json(body: bytes) -> Mapping[str, str]:
    try:
        read = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise Refused(400, "the JSON cannot be read", code="unreadable") from None
    return {str(name): str(value) for name, value in read.items()} if isinstance(read, dict) else {}


def _twiml(text: str | None = None) -> Reply:
    inside = "" if text is None else f"<Message>{escape(text)}</Message>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'
    return Reply(200, body.encode(), "text/xml")
