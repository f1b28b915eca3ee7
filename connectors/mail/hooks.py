"""What is posted to /hooks about our mails: by a mail service described in the YAML, or a report as it came by mail."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import orjson

from connectors.contract import LeftOut, Posted, Refused, Taken
from connectors.mail import reports
from connectors.mail.composing import reference_in
from connectors.mail.settings import BounceHook, MailSettings
from connectors.webhook import picking
from connectors.webhook.proof import prove
from nps.events import Signal, SignalKind
from nps.keys import email_key
from nps.values import Json

_LONGEST_ID = 200
_MAIL = "message/rfc822"
_NOT_MEANT = LeftOut("not_meant", "none of `bounces.kinds` says what this is")
_NOT_OURS = LeftOut("unknown_message", "it names neither a message of ours nor an address")


class MailHooks:
    """Pure."""

    def __init__(self, settings: MailSettings) -> None:
        self._hook = settings.bounces

    def receive(self, posted: Posted) -> Taken:
        hook = self._hook
        if hook is None:
            raise Refused(404, "there is nothing at this address", code="no_bounces")
        for auth in hook.auth:
            prove(auth, posted)
        if posted.headers.get("content-type", "").partition(";")[0].strip().lower() == _MAIL:
            return _report(posted)
        taken: dict[str, Signal] = {}
        left_out: dict[LeftOut, int] = {}
        for item, body in _items(posted.body, hook):
            read = _read(hook, item, body, posted)
            if isinstance(read, Signal):
                taken[read.key] = read
            else:
                left_out[read] = left_out.get(read, 0) + 1
        counted = tuple(LeftOut(each.code, each.reason, count) for each, count in left_out.items())
        return Taken(tuple(taken.values()), left_out=counted)


def _report(posted: Posted) -> Taken:
    if len(posted.body) > reports.LARGEST:
        raise Refused(413, "a report about a mail is smaller than this", code="too_large")
    found = tuple(reports.signals(posted.body, posted.at))
    return Taken(found, left_out=() if found else (_NOT_OURS,))


def _items(raw: bytes, hook: BounceHook) -> Sequence[tuple[Json, Json]]:
    try:
        body: Json = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Refused(400, "the body is no JSON", code="unreadable") from None
    found = picking.pick([body], hook.items) if hook.items is not None else body
    return [(item, body) for item in (found if isinstance(found, list) else [found])]


def _read(hook: BounceHook, item: Json, body: Json, posted: Posted) -> Signal | LeftOut:
    where = [item, body]
    kind = _kind(where, hook.kinds)
    if kind is None:
        return _NOT_MEANT
    called = next(
        (found for path in hook.message if (found := reference_in(_flat(picking.pick(where, path))))), None
    )
    address = email_key(picking.first_text(where, hook.address))
    if called is None and address is None:
        return _NOT_OURS
    id = (
        picking.first_text(where, hook.id)
        or hashlib.sha256(orjson.dumps(item, option=orjson.OPT_SORT_KEYS)).hexdigest()
    )
    at = picking.moment(picking.first(where, hook.at)) or posted.at
    return Signal(
        key=f"{id[:_LONGEST_ID]}/{kind}",
        kind=kind,
        at=min(at, posted.at),
        message=called,
        address=address,
        code=(picking.first_text(where, hook.code) or "")[:40],
    )


def _kind(
    where: Sequence[Json], kinds: Mapping[SignalKind, Mapping[str, Sequence[Json]]]
) -> SignalKind | None:
    return next((kind for kind, values in kinds.items() if picking.holds(where, values)), None)


def _flat(value: Json) -> str:
    """A header may stand in a list, or among a message's other headers."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
