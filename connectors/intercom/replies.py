"""What Intercom's answers mean, and its errors in words that name nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.contract import Clock
from connectors.replies import FINE, Reply, Retry, Ruling, Stop, unreadable
from connectors.replies import judge as usual_judge
from nps.errors import AccessError, ConfigError, UnavailableError
from nps.masking import without

Row = dict[str, Any]

WINDOW = 10.0  # seconds in which calls are counted together
_LONGEST_WAIT = 3 * WINDOW  # a clock that is wrong must not make us wait for hours
_LONGEST_WORDS = 300


def judge(reply: Reply, clock: Clock) -> Ruling:
    """400, 404, 410 and 422 are answers: whoever asked knows what was asked."""
    match reply.status:
        case 401:
            return Stop(
                AccessError, f"Intercom refuses the access token (401{_id(reply)}); is region right, too?"
            )
        case 403:
            return Stop(
                AccessError,
                f"the app may not do this (403{_id(reply)}); see `npsync connect` for what to grant",
            )
        case 429:
            return Retry("status 429", after=until_reset(reply, clock))
        case status if status < 300:
            return unreadable(reply) or FINE
        case _:
            return usual_judge(reply, clock)


def judge_leniently(reply: Reply, clock: Clock) -> Ruling:
    """For tests of a permission: a 403 is an answer."""
    return FINE if reply.status == 403 else judge(reply, clock)


def judge_conversations(reply: Reply, clock: Clock) -> Ruling:
    match reply.status:
        case 403:
            return Stop(
                AccessError, "the app may not read this (403): grant it to read conversations and people"
            )
        case 400 | 422:
            return Stop(
                ConfigError,
                f"Intercom refuses the request ({reply.status}{codes(reply)}); is version right?",
            )
        case _:
            return judge(reply, clock)


def until_reset(reply: Reply, clock: Clock) -> float | None:
    """Seconds until calls are counted from nothing again; None where the answer does not say."""
    reset = _count(reply, "x-ratelimit-reset")
    if reset is None:
        return None
    return min(max(0.5, reset - clock.now().timestamp() + 0.5), _LONGEST_WAIT)


def window(reply: Reply) -> int | None:
    """The calls allowed in ten seconds, as this answer tells."""
    return _count(reply, "x-ratelimit-limit")


def is_spent(reply: Reply) -> bool:
    return _count(reply, "x-ratelimit-remaining") == 0


def body(reply: Reply) -> Any:
    """What a call that was meant to succeed brought."""
    if reply.status in (400, 422):
        raise ConfigError(f"{reply.what}: Intercom refuses it ({told(reply)})")
    if reply.status != 200:
        raise UnavailableError(f"{reply.what}: status {reply.status}{codes(reply)}")
    return reply.json()


def codes(reply: Reply) -> str:
    """The vendor's codes; its messages may quote what was asked."""
    found = [str(one["code"]) for one in _errors(reply) if "code" in one]
    return f" ({', '.join(found)})" if found else ""


def code(reply: Reply) -> str:
    return next((str(one["code"]) for one in _errors(reply) if "code" in one), f"status_{reply.status}")


def words(reply: Reply, values: Iterable[object] = ()) -> str:
    """The vendor's messages, shortened, without the `values` they may quote."""
    said = "; ".join(str(one["message"]) for one in _errors(reply) if one.get("message"))
    return without(" ".join(said.split())[:_LONGEST_WORDS], values)


def told(reply: Reply, values: Iterable[object] = ()) -> str:
    """Everything an error says that may be shown: "400 parameter_invalid: …; request_id 9f…"."""
    said = words(reply, values)
    return f"{reply.status}{codes(reply)}{f': {said}' if said else ''}{_id(reply)}"


def mapped(value: object) -> Row:
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _errors(reply: Reply) -> list[Row]:
    said = mapped(reply.json()) if reply.body and reply.is_json else {}
    return [one for one in listed(said.get("errors")) if isinstance(one, dict)]


def _id(reply: Reply) -> str:
    """What Intercom's support asks for."""
    said = mapped(reply.json()) if reply.body and reply.is_json else {}
    id = said.get("request_id")
    return f"; request_id {id[:80]}" if isinstance(id, str) and id else ""


def _count(reply: Reply, header: str) -> int | None:
    text = reply.headers.get(header, "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
