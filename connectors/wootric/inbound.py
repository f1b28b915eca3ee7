"""What Wootric pushes to us: answers created and updated, as JSON or as a form, signed over the raw body.

A pushed answer is not taken at its word: the list tells tags and the channel, too, so it is read again. Nothing of it
but its id is kept.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha1
from typing import Any
from urllib.parse import parse_qsl

import orjson

from connectors.contract import Posted, Refused, Taken
from connectors.wootric.rows import is_id
from connectors.wootric.settings import WootricSettings
from nps.events import Answered

LARGEST = 1_000_000
END_USER = "end_user"

_IN_A_FORM = "application/x-www-form-urlencoded"


class WootricInbound:
    """Fulfils `connectors.contract.Inbound`."""

    def __init__(self, settings: WootricSettings) -> None:
        self._hooks = settings.hooks

    def receive(self, posted: Posted) -> Taken:
        if self._hooks is None:
            raise Refused(403, "this connection takes nothing that is pushed", code="not_configured")
        if len(posted.body) > LARGEST:
            raise Refused(413, f"more than {LARGEST:,} bytes", code="too_large")
        _prove(posted, self._hooks.secret.get_secret_value())
        told = _read(posted)
        return Taken() if told is None else Taken((told,))


def signature(secret: str, body: bytes) -> str:
    return "sha1=" + hmac.new(secret.encode(), body, sha1).hexdigest()


def _prove(posted: Posted, secret: str) -> None:
    given = posted.headers.get("x-wootric-signature", "").strip().encode("latin-1", "replace")
    if not hmac.compare_digest(given, signature(secret, posted.body).encode()):
        raise Refused(401, "the signature is missing or wrong", code="bad_signature")


def _read(posted: Posted) -> Answered | None:
    """None for what is no answer: somebody declined."""
    row = _row(posted)
    if row is None:
        return None
    id, end_user = row.get("id"), row.get("end_user_id")
    if not is_id(id):
        raise Refused(422, "the answer has no id", code="bad_body")
    # The same answer changed again is another arrival; without a time of its change, another content is.
    version = row.get("updated_at") or sha1(posted.body).hexdigest()
    return Answered(
        key=f"{id}/{version}",
        at=posted.at,
        id=str(id),
        survey=str(row["survey_id"]) if is_id(row.get("survey_id")) else None,
        about={END_USER: str(end_user)} if is_id(end_user) else {},
    )


def _row(posted: Posted) -> Mapping[str, Any] | None:
    if posted.headers.get("content-type", "").partition(";")[0].strip().lower() == _IN_A_FORM:
        return _form(posted.body)
    try:
        told = orjson.loads(posted.body)
    except ValueError:
        raise Refused(400, "the body is not JSON", code="bad_json") from None
    if not isinstance(told, dict):
        raise Refused(400, "the body is no notification", code="bad_body")
    row = told.get("response")
    return row if isinstance(row, dict) else None


def _form(body: bytes) -> Mapping[str, str] | None:
    """response[id]=1128&response[score]=7"""
    pairs = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=1_000))
    begins, ends = "response[", "]"
    return {
        name[len(begins) : -1]: value
        for name, value in pairs.items()
        if name.startswith(begins) and name.endswith(ends)
    } or None
