"""Pulse's changes, in the order they happened.

`GET /v1/changes?after=NUMBER` answers with a line of JSON per change, up to 500 of them:
`{"number": 17, "change": "given" | "edited" | "deleted", "answer": {...}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from npsync.connect import (
    CallPolicy,
    Cursor,
    Grant,
    Http,
    HttpReply,
    Limiter,
    Needs,
    Page,
    ResponseStatus,
    SurveyResponse,
    Tools,
    UnavailableError,
    Verdict,
    Window,
)
from npsync_pulse.settings import PulseSettings

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # of a change that cannot be read: the same one each time


class Pulse:
    """A Source: `read` yields pages, each with the cursor that is right once the page is stored."""

    def __init__(self, settings: PulseSettings, tools: Tools) -> None:
        self._connection = tools.connection
        # The policy paces, retries, counts and words errors; nothing here has to.
        policy = CallPolicy(tools, Limiter(tools, {"": [Window(60, 60)]}))
        self._http = Http(
            settings.base_url,
            policy,
            allow_http=settings.allow_http,
            headers={"Authorization": f"Bearer {settings.key.get_secret_value()}"},
        )

    def read(self, cursor: Cursor | None, *, since: datetime | None) -> Iterator[Page]:
        after = 0 if cursor is None else int(str(cursor.state["after"]))
        while changes := self._changes(after):
            after = self._moved(after, changes)
            answers = (self._answer(one) for one in changes)
            wanted = [one for one in answers if since is None or one.problem or one.answered_at >= since]
            yield Page(tuple(wanted), Cursor({"after": after}))

    def access(self, needs: Needs) -> list[Grant]:
        """`npsync connect` shows it. A refused key raises AccessError by itself."""
        self._changes(0)
        return [Grant("read changes", "the answers themselves", Verdict.OK)]

    def close(self) -> None:
        self._http.close()

    def _changes(self, after: int) -> list[Mapping[str, Any]]:
        reply = self._http.request("GET", "/v1/changes", params={"after": after}, what="read changes")
        return [_change(line, reply) for line in reply.body.splitlines() if line.strip()]

    def _moved(self, after: int, changes: list[Mapping[str, Any]]) -> int:
        """Everything rests on the numbers going up, so that is checked."""
        numbers = [change["number"] for change in changes]
        if numbers != sorted(set(numbers)) or numbers[0] <= after:
            raise UnavailableError(f"{self._connection}: changes came out of order; cannot read on safely")
        return int(numbers[-1])

    def _answer(self, change: Mapping[str, Any]) -> SurveyResponse:
        """One change as the answer it leaves. What cannot be read is told, never dropped."""
        answer = change.get("answer")
        try:
            if not isinstance(answer, dict):
                raise TypeError
            return SurveyResponse(
                source=self._connection,
                id=str(answer["id"]),
                answered_at=_moment(answer["at"]),
                updated_at=_moment(change["at"]),
                score=answer.get("score"),
                comment=answer.get("words") or None,
                email=answer.get("email") or None,
                external_id=answer.get("customer") or None,
                survey=answer.get("question") or None,
                channel="kiosk",
                status=ResponseStatus.WITHDRAWN if change["change"] == "deleted" else ResponseStatus.COMPLETE,
            )
        except (KeyError, TypeError, ValueError):
            return SurveyResponse(
                source=self._connection,
                id=f"change-{change['number']}",
                answered_at=_LONG_AGO,
                problem=f"change {change['number']} has no id, or no readable time",
            )


def _change(line: bytes, reply: HttpReply) -> Mapping[str, Any]:
    try:
        change = orjson.loads(line)
    except orjson.JSONDecodeError:
        change = None
    if not isinstance(change, dict) or not isinstance(change.get("number"), int):
        raise UnavailableError(f"{reply.what}: a line is no change; is base_url the address of a Pulse?")
    return change


def _moment(text: object) -> datetime:
    """ISO 8601 with an offset, in UTC. ValueError when it is none."""
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)
