"""A survey tool's listing in memory: every style of pagination and every wall, as the vendors' files tell of them.

It is written from the outside: it knows parameters and replies, nothing of how npsync reads. Between two pages the
world may change: `before_page` is called before each.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectors.declared.reading import Asked
from nps.errors import UnavailableError

Style = Literal[
    "none",
    "page",
    "total",
    "total_text",
    "next_number",
    "next_token",
    "last_row",
    "offset",
    "moving_start",
    "cursor",
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Answer:
    """`shelf`: where it stands in a listing without an order."""

    id: Any
    stamp: datetime
    version: int
    shelf: float


@dataclass
class Listing:
    """`stamp` is the time the tool sorts and filters by; `by` is how it sorts ("id": append-only)."""

    style: Style
    size: int
    by: Literal["ascending", "descending", "unknown", "id"] = "ascending"
    exclusive: bool = False
    format: Literal["unix_s", "unix_ms", "iso8601", "date"] = "unix_s"
    wall: int | None = None
    end_exclusive: bool = True
    restless: bool = False
    """Rows with the same time come in another order every time."""
    now: datetime = EPOCH
    answers: dict[Any, Answer] = field(default_factory=dict)
    before_page: Callable[[], None] = lambda: None
    calls: int = 0
    _luck: random.Random = field(default_factory=lambda: random.Random(7))
    _gone: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    # ------------------------------------------------------------ the world

    def add(self, id: Any, stamp: datetime, *, version: int = 0) -> None:
        self.answers[id] = Answer(id, stamp, version, self._luck.random())

    def edit(self, id: Any, *, moved_to: datetime | None) -> None:
        answer = self.answers[id]
        stamp = answer.stamp if moved_to is None else moved_to
        self.answers[id] = Answer(id, stamp, answer.version + 1, answer.shelf)

    def delete(self, id: Any) -> None:
        answer = self.answers.pop(id)
        self._gone[str(id)] = self._key(answer)

    # ------------------------------------------------------------ the API

    def fetch(self, asked: Asked) -> Any:
        """One page. Parameters: from, to, after_id; page, skip, limit, token, before."""
        self.before_page()
        self.calls += 1
        values = dict(asked.values)
        if asked.link is not None:
            values = dict(pair.split("=", 1) for pair in asked.link.split("?", 1)[1].split("&"))
        rows = self._sorted([a for a in self.answers.values() if self._asked_for(a, values)])
        page = self._page(rows, values)
        return {**page, "rows": [self._shown(answer) for answer in page["rows"]]}

    def _page(self, rows: list[Answer], values: dict[str, str]) -> dict[str, Any]:
        match self.style:
            case "none":
                return {"rows": rows}
            case "page" | "total" | "total_text" | "next_number":
                return self._numbered(rows, values)
            case "offset" | "moving_start":
                skip, limit = int(values.get("skip", "0")), min(int(values["limit"]), self.size)
                self._within_wall(skip // max(limit, 1) + 1)
                return {"rows": rows[skip : skip + limit]}
            case "last_row" | "cursor" | "next_token":
                return self._keyed(rows, values)

    def _numbered(self, rows: list[Answer], values: dict[str, str]) -> dict[str, Any]:
        number = int(values.get("page", "1"))
        self._within_wall(number)
        page = {"rows": rows[(number - 1) * self.size : number * self.size]}
        total = -(-len(rows) // self.size)
        if self.style == "total":
            return {**page, "pages": total}
        if self.style == "total_text":
            return {**page, "pages": str(total)}
        if self.style == "next_number":
            return {**page, "next": self._link(values, page=str(number + 1)) if number < total else None}
        return page

    def _keyed(self, rows: list[Answer], values: dict[str, str]) -> dict[str, Any]:
        """The token stands for the place in an order that never changes, also when its row is gone."""
        rows = sorted(rows, key=self._key)
        token = values.get("token")
        if token is not None:
            known = next((a for a in self.answers.values() if str(a.id) == token), None)
            place = self._gone[token] if known is None else self._key(known)
            rows = [answer for answer in rows if self._key(answer) > place]
        page = rows[: self.size]
        more = len(rows) > self.size
        last = str(page[-1].id) if page else None
        if self.style == "next_token":
            return {"rows": page, "next": self._link(values, token=last) if more and last else None}
        return {"rows": page, "more": more, "token": last if more else None}

    def _link(self, values: dict[str, str], **changed: str) -> str:
        return "https://tool.example/rows?" + "&".join(f"{k}={v}" for k, v in {**values, **changed}.items())

    def _within_wall(self, number: int) -> None:
        if self.wall is not None and number > self.wall:
            raise UnavailableError(f"page {number} is behind the wall")

    # ------------------------------------------------------------ order and bounds

    def _key(self, answer: Answer) -> tuple[Any, ...]:
        match self.by:
            case "ascending":
                return (answer.stamp, str(answer.id))
            case "descending":
                return (-(answer.stamp - EPOCH), str(answer.id))
            case "unknown":
                return (answer.shelf,)
            case "id":
                return (answer.id,)

    def _sorted(self, rows: list[Answer]) -> list[Answer]:
        if self.restless:
            self._luck.shuffle(rows)
            return sorted(rows, key=lambda answer: self._key(answer)[0])
        return sorted(rows, key=self._key)

    def _asked_for(self, answer: Answer, values: dict[str, str]) -> bool:
        if "after_id" in values:
            text = values["after_id"]
            if answer.id <= (int(text) if isinstance(answer.id, int) else text):
                return False
        if "from" in values:
            start = self._read(values["from"])
            if answer.stamp < start or (self.exclusive and answer.stamp == start):
                return False
        if "to" in values:
            end = self._read(values["to"])
            if answer.stamp > end or (self.end_exclusive and answer.stamp == end):
                return False
        return True

    def _read(self, text: str) -> datetime:
        if self.format == "unix_s":
            return EPOCH + timedelta(seconds=int(text))
        if self.format == "unix_ms":
            return EPOCH + timedelta(milliseconds=int(text))
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _shown(self, answer: Answer) -> dict[str, Any]:
        stamp = answer.stamp
        if self.format == "unix_s":
            shown: Any = str((stamp - EPOCH).total_seconds())
        elif self.format == "unix_ms":
            shown = round((stamp - EPOCH) / timedelta(milliseconds=1))
        else:
            shown = stamp.isoformat()
        return {"id": answer.id, "at": shown, "version": answer.version}


def handed(rows: Sequence[dict[str, Any]]) -> dict[Any, int]:
    """Id → version, as a store keeps them."""
    return {row["id"]: row["version"] for row in rows}
