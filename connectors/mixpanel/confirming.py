"""What Mixpanel said of profile updates. Its 200 means nothing: only a body may say that they were taken.

What a project answers to `strict=1` is not described to the letter, so anything else than what is known here is no
confirmation: neither a success nor a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.replies import Reply

_GOOD = ("ok", "1", "true", "success")
_COUNTS = ("num_good_events", "num_records_imported", "num_good_records")


@dataclass(frozen=True)
class Taken:
    """All of them."""


@dataclass(frozen=True)
class Failed:
    """Those with these positions were refused, each with its reason; the others were taken."""

    reasons: dict[int, str]


@dataclass(frozen=True)
class NotAll:
    """At least one was refused, and which is not told: asking in smaller parts tells."""

    reason: str


@dataclass(frozen=True)
class Unclear:
    """The body says nothing that can be relied on."""

    reason: str


Verdict = Taken | Failed | NotAll | Unclear


def verdict(reply: Reply, count: int) -> Verdict:
    """What became of `count` updates."""
    if not reply.is_json:
        kind = reply.headers.get("content-type", "no content type").split(";")[0]
        return Unclear(f"status {reply.status} with {kind} where a confirmation was expected")
    said: Any = reply.json()
    if said in (0, "0") and not isinstance(said, bool):
        return NotAll("Mixpanel answered 0")
    if said in (1, "1") and not isinstance(said, bool):
        return Unclear("Mixpanel answered a bare 1, which says of no update that it was taken")
    if not isinstance(said, dict):
        return Unclear("the answer is no confirmation as Mixpanel describes it")
    records = said.get("failed_records")
    if records:
        return _failed(records, count)
    status, error = str(said.get("status", "")).lower(), said.get("error")
    if error or reply.status >= 400 or status in ("0", "false"):
        return NotAll(_short(error) or f"status {reply.status}")
    if status not in _GOOD:
        return Unclear("the answer has no status that Mixpanel describes")
    for name in _COUNTS:
        if isinstance(told := said.get(name), int) and told != count:
            return NotAll(f"{told} of {count} were taken")
    return Taken()


def _failed(records: Any, count: int) -> Verdict:
    reasons: dict[int, str] = {}
    for one in records if isinstance(records, list) else [{}]:
        index = one.get("index") if isinstance(one, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            return NotAll("some were refused, and not in words that name them")
        reasons[index] = _short(one.get("message")) or "refused without a reason"
    return Failed(reasons)


def _short(text: object) -> str:
    """A reason in one line. It may quote a value, and is told where refusals are told."""
    return " ".join(str(text).split())[:300] if text else ""
