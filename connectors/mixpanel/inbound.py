"""What Mixpanel pushes to us: the pages of a cohort's sync. It signs nothing, so it has to log in.

A 400, 401, 403 or 404 stops a sync until a person resumes it, so only a wrong login gets one; whatever else is wrong
gets a 503, after which Mixpanel comes again.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

from connectors.contract import LeftOut, Posted, Refused, Reply, Taken
from connectors.mixpanel import people
from connectors.mixpanel.cohorts import ADDED, COHORT, FULL, REMOVED
from connectors.mixpanel.kinds import ENTERED_COHORT
from connectors.mixpanel.settings import Hooks, MixpanelSettings
from nps.events import Hint, Subject
from nps.keys import email_key
from nps.values import Json

LARGEST = 5_000_000  # a thousand people a page, with properties of theirs
_LONGEST = 200


@dataclass(frozen=True)
class _Page:
    """One call of a sync."""

    action: str
    cohort: str
    name: str
    session: str
    number: int
    of: int
    members: list[Any]

    def facts(self) -> dict[str, Json]:
        return {
            "action": self.action,
            "cohort": self.name,
            "cohort_id": self.cohort,
            "session": self.session,
            "page": self.number,
            "pages": self.of,
        }


class MixpanelInbound:
    """Fulfils `connectors.contract.Inbound`."""

    def __init__(self, settings: MixpanelSettings) -> None:
        self._hooks = settings.hooks

    def receive(self, posted: Posted) -> Taken:
        if self._hooks is None:
            raise Refused(403, "this connection takes nothing that is pushed", code="not_configured")
        if len(posted.body) > LARGEST:
            raise Refused(413, f"more than {LARGEST:,} bytes", code="too_large")
        _prove(posted, self._hooks)
        page = _page(posted.body)
        people_told = [_member(page, member, posted, self._everybody) for member in page.members]
        hints = [hint for hint in people_told if hint is not None]
        unnamed = len(people_told) - len(hints)
        return Taken(
            (_told(page, posted), *hints),
            Reply(200, orjson.dumps({"action": page.action, "status": "success"})),
            (LeftOut("nobody", "the member names nobody by a distinct id", unnamed),) if unnamed else (),
        )

    @property
    def _everybody(self) -> bool:
        return self._hooks is not None and self._hooks.on_full_sync == "everybody"


def _prove(posted: Posted, hooks: Hooks) -> None:
    wanted = f"{hooks.username}:{hooks.password.get_secret_value()}".encode()
    if not hmac.compare_digest(_login(posted.headers.get("authorization", "")), wanted):
        raise Refused(401, "the login is missing or wrong", code="bad_login")


def _login(header: str) -> bytes:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or not encoded.isascii():
        return b""
    try:
        return b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return b""


# ---------------------------------------------------------------- reading


def _page(body: bytes) -> _Page:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(503, "the body is not JSON", code="bad_json") from None
    told = told if isinstance(told, dict) else {}
    action, parameters = told.get("action"), _map(told.get("parameters"))
    cohort = _text(parameters.get("mixpanel_cohort_id"))
    members = parameters.get("members")
    if action not in (FULL, ADDED, REMOVED) or cohort is None or not isinstance(members, list):
        raise Refused(503, "the body is no page of a cohort as Mixpanel describes it", code="bad_body")
    number, of = _pages(_map(parameters.get("page_info")))
    return _Page(
        action=action,
        cohort=cohort,
        name=_text(parameters.get("mixpanel_cohort_name")) or "",
        session=_text(parameters.get("mixpanel_session_id")) or people.digest(body),
        number=number,
        of=of,
        members=members,
    )


def _pages(info: dict[str, Any]) -> tuple[int, int]:
    number, of = info.get("page_count"), info.get("total_pages")
    return (number, of) if _counts(number) and _counts(of) else (1, 1)


def _counts(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000


def _told(page: _Page, posted: Posted) -> Hint:
    """That this page came, also when nobody is on it."""
    return Hint(
        key=f"page/{people.digest(page.cohort, page.action, page.session, page.number)}",
        kind=ENTERED_COHORT,
        subject=Subject(COHORT, page.cohort),
        occurred_at=posted.at,
        facts=page.facts(),
    )


def _member(page: _Page, member: Any, posted: Posted, everybody: bool) -> Hint | None:
    """One person on the page. How to find them is kept only of those who may be asked."""
    distinct_id = _text(_map(member).get("mixpanel_distinct_id"))
    email = email_key(_address(_map(member).get("email")))
    if distinct_id is None or not people.names_somebody(distinct_id):
        return None
    asked = page.action == ADDED or (everybody and page.action == FULL)
    return Hint(
        key=f"member/{people.digest(page.cohort, page.action, page.session, distinct_id)}",
        kind=ENTERED_COHORT,
        subject=people.subject(distinct_id),
        person=people.keys(distinct_id, email) if asked else (),
        occurred_at=posted.at,
        facts=page.facts(),
    )


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """Ids may come as numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        return None
    return value.replace("\x00", "").strip() or None


def _address(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 254 else None
