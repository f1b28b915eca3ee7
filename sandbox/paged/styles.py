"""Every style of paging: which rows of a listing one call shows, and what its reply says of the next."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.moments import moment
from sandbox.paged.settings import Settings
from sandbox.serving import Refused
from sandbox.toy import Row

_WHOLE = re.compile(r"[0-9]{1,15}")
Link = Callable[[Mapping[str, Any]], str]  # this address with other parameters


@dataclass(frozen=True)
class Call:
    """One call of a listing. `rows` are those its filters leave, in the listing's order."""

    asked: Mapping[str, str]
    rows: Sequence[Row]
    settings: Settings
    link: Link
    id_of: Callable[[Row], Any]

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        text = str(self.asked.get(name, default))
        if not _WHOLE.fullmatch(text) or int(text) < least:
            raise Refused(400, {"error": f"{name} must be a whole number from {least} on"})
        return int(text)

    def size(self, name: str) -> int:
        return min(self.number(name, self.settings.page, least=1), self.settings.largest)

    def counted(self, number: int) -> int | str:
        return str(number) if self.settings.counts == "text" else number

    def slice(self, page: int, size: int) -> Sequence[Row]:
        """Rows of a page, with whatever is wrong with it."""
        settings = self.settings
        if settings.wall and page > settings.wall:
            raise Refused(400, {"error": f"page must be between 1 and {settings.wall}"})
        page = min(page, settings.stuck) if settings.stuck else page
        if page == settings.empty_page:
            return ()
        if settings.empty_page and page > settings.empty_page:
            page -= 1
        step = self._step(size)
        return self.rows[(page - 1) * step : (page - 1) * step + size]

    def _step(self, size: int) -> int:
        return max(1, size - 1) if self.settings.repeat_last else size

    def pages(self, size: int) -> int:
        repeated, step = size - self._step(size), self._step(size)
        full = max(1, -(-(len(self.rows) - repeated) // step))
        return full + (1 <= self.settings.empty_page <= full)


Shown = tuple[Sequence[Row], Mapping[str, Any]]
Style = Callable[[Call], Shown]


def pages(call: Call) -> Shown:
    """?page=&per_page=: past the end a page is empty."""
    return call.slice(call.number("page", 1, least=1), call.size("per_page")), {}


def page_count(call: Call) -> Shown:
    """?page=&limit=, and the reply says how many pages there are; past the end a page is empty."""
    page, size = call.number("page", 1, least=1), call.size("limit")
    told = {"page": page, "pages": call.pages(size), "limit": size, "total": len(call.rows)}
    return call.slice(page, size), {name: call.counted(number) for name, number in told.items()}


def next_link(call: Call) -> Shown:
    """?page=: the reply holds the address of the next page, and past the end is a 404."""
    page, size = call.number("page", 1, least=1), call.size("page_size")
    if page > call.pages(size):
        raise Refused(404, {"detail": "Invalid page."})
    more = page < call.pages(size) or bool(call.settings.stuck)
    link = call.link({"page": page + 1}) if more else None
    return call.slice(page, size), {"count": call.counted(len(call.rows)), "next": link}


def last_row(call: Call) -> Shown:
    """?starts_after=&page_size=: the rows after the one with this id, in the listing's order."""
    size, after, rows = call.size("page_size"), call.asked.get("starts_after"), call.rows
    if after and call.settings.ids == "objectid":  # these grow with time, and need not be a row's
        rows = [row for row in rows if str(call.id_of(row)) > after]
    elif after:
        at = next((index for index, row in enumerate(rows) if str(call.id_of(row)) == after), None)
        if at is None:
            raise Refused(400, {"error": f"no row {after}"})
        rows = rows[at if call.settings.repeat_last else at + 1 :]
    return rows[:size], {"has_more": len(rows) > size} if call.settings.has_more else {}


def offset(call: Call) -> Shown:
    """?offset=&limit="""
    skip, size = call.number("offset", 0), call.size("limit")
    wall = call.settings.wall * size
    if wall and skip + size > wall:
        raise Refused(400, {"error": f"offset and limit must not pass {wall}"})
    return call.rows[skip : skip + size], {}


def moving_start(call: Call) -> Shown:
    """?since=&limit=, ascending; ?skip= within what is left, if it is honoured."""
    skip = call.number("skip", 0) if call.settings.skips else 0
    return call.rows[skip : skip + call.size("limit")], {}


def cursor(call: Call) -> Shown:
    """?cursor=&size=: the reply names the next page by a word that means nothing to anybody else."""
    size, page = call.size("size"), _page_of(call.asked.get("cursor"))
    shown = call.slice(page, size)
    more = page < call.pages(size) or bool(call.settings.stuck)
    told: dict[str, Any] = {"next": _word_of(page + 1) if more else None}
    if call.settings.has_more:
        told["has_more"] = more
    return shown, {"page": told}


def newest_first(call: Call) -> Shown:
    """?page=&per_page=, whatever else is asked: no time can be."""
    return pages(call)


def whole(call: Call) -> Shown:
    """All rows in one reply."""
    return call.rows, {}


STYLES: dict[str, Style] = {
    "pages": pages,
    "page-count": page_count,
    "next-link": next_link,
    "last-row": last_row,
    "offset": offset,
    "moving-start": moving_start,
    "cursor": cursor,
    "newest-first": newest_first,
    "whole": whole,
}
TIMELESS = ("newest-first",)  # these cannot be asked for a time


def in_order(
    rows: Sequence[Row], style: str, settings: Settings, shuffle: Callable[[list[Row]], None]
) -> list[Row]:
    """As the listing shows them. Rows of one moment stand as they came, or in no order when they are shuffled."""
    rows = list(rows)
    if settings.order == "shuffled" and style not in ("moving-start", "newest-first"):
        shuffle(rows)
        return rows
    newest = style == "newest-first" or (settings.order == "descending" and style != "moving-start")
    return sorted(rows, key=lambda row: row[settings.compares], reverse=newest)


def between(rows: Sequence[Row], asked: Mapping[str, str], settings: Settings, now: float) -> list[Row]:
    """What `since` (or the days a listing goes back without it) and `until` leave."""
    try:
        since = moment(asked["since"]) if asked.get("since") else None
        until = moment(asked["until"]) if asked.get("until") else None
    except ValueError:
        raise Refused(400, {"error": "since and until are moments"}) from None
    if since is None and settings.days_back:
        since = now - settings.days_back * 86_400
    exclusive = settings.bound == "exclusive"
    return [
        row
        for row in rows
        if (
            since is None
            or row[settings.compares] > since
            or (not exclusive and row[settings.compares] == since)
        )
        and (until is None or row[settings.compares] < until)
    ]


def _word_of(page: int) -> str:
    return base64.urlsafe_b64encode(f"page {page}".encode()).decode().rstrip("=")


def _page_of(word: str | None) -> int:
    if not word:
        return 1
    try:
        told = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode()
    except ValueError:  # not ASCII, not base64, or not UTF-8 inside
        told = ""
    page = told.removeprefix("page ")
    if not _WHOLE.fullmatch(page):
        raise Refused(400, {"error": "cursor is not one of ours"})
    return int(page)
