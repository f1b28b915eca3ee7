"""From one page to the next: what each style of pagination asks for, and what a page says about the one after it.

A step is where a listing stands, as JSON: None before its first page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.declared.description import (
    ByCursor,
    ByLastRow,
    ByMovingStart,
    ByNextLink,
    ByOffset,
    ByPage,
    OnePage,
    Pages,
)
from connectors.declared.expressions import NotForThis, compiled
from nps.errors import UnavailableError
from nps.values import Json

Row = Mapping[str, Any]
Step = str | int | None

_COUNTED = re.compile(r"[0-9]{1,18}", re.ASCII)


class End:
    """There is no page after this one."""


END: Final = End()

SHIFTING = (ByPage, ByOffset, ByNextLink)
"""Styles that count rows: one that is deleted, or moves, shifts those behind it past the edge of a page. A next link
may hold a page number too, which nobody can see."""


def parameters(pages: Pages, step: Step) -> dict[str, str]:
    """What the page at `step` is asked with."""
    match pages:
        case ByPage():
            asked = {pages.param: str(pages.first if step is None else step)}
            if pages.size_param is not None and pages.size is not None:
                asked[pages.size_param] = str(pages.size)
            return asked
        case ByOffset():
            return {pages.size_param: str(pages.size), pages.param: str(step or 0)}
        case ByMovingStart():
            asked = {pages.size_param: str(pages.size)}
            if step and pages.param is not None:
                asked[pages.param] = str(step)
            return asked
        case ByCursor():
            sized = pages.size_param is not None and pages.size is not None
            asked = {str(pages.size_param): str(pages.size)} if sized else {}
            return asked if step is None else asked | {pages.param: str(step)}
        case ByLastRow():
            return {} if step is None else {pages.param: str(step)}
        case ByNextLink() | OnePage():
            return {}


def following(pages: Pages, step: Step, rows: Sequence[Row], body: Json, longest: int) -> Step | End:
    """Where the next page is, by what this one says; `longest` is the longest page before it. UnavailableError when it
    contradicts itself."""
    match pages:
        case OnePage():
            return END
        case ByPage():
            return _next_number(pages, step, rows, body, longest)
        case ByOffset() | ByMovingStart():
            return _next_offset(step, rows, longest)
        case ByNextLink():
            return _next_link(pages, step, body)
        case ByLastRow():
            return _last_row(pages, step, rows, body)
        case ByCursor():
            return _next_token(pages, step, body)


def fits(pages: Pages, step: Step) -> bool:
    """Whether a remembered step can be one of this style: a description may have been changed since."""
    if step is None:
        return True
    match pages:
        case ByPage() | ByOffset() | ByMovingStart():
            return isinstance(step, int)
        case ByNextLink() | ByLastRow() | ByCursor():
            return isinstance(step, str)
        case OnePage():
            return False


def objects(rows: Sequence[Any]) -> Sequence[Row]:
    """The entries of a page that are rows: a tool may put null among them."""
    return [row for row in rows if isinstance(row, Mapping)]


def token(value: object) -> str | None:
    """An id or a token as text. Numbers are taken as they are: a float has lost the digits of a long id already."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _next_number(pages: ByPage, step: Step, rows: Sequence[Row], body: Json, longest: int) -> Step | End:
    number = pages.first if step is None else int(step)
    told = None if pages.pages is None else _said(pages.pages, body)
    if told is not None:
        # Even an empty page is followed by another as long as the tool counts one.
        return number + 1 if number - pages.first + 1 < _count(told) else END
    if not rows:
        return END
    if pages.short_is_last and len(rows) < (pages.size or longest):
        return END
    return number + 1


def _count(told: object) -> int:
    text = token(told)
    if text is None or not _COUNTED.fullmatch(text.strip()):
        raise UnavailableError(
            "the number of pages in the reply is no number; cannot tell where the list ends"
        )
    return int(text)


def _next_offset(step: Step, rows: Sequence[Row], longest: int) -> Step | End:
    """Short is what is shorter than a page before it, whatever size was asked for: a tool that shows fewer at a time
    than that would end every list at its first page."""
    return END if len(rows) < max(longest, 1) else int(step or 0) + len(rows)


def _next_link(pages: ByNextLink, step: Step, body: Json) -> Step | End:
    link = _said(pages.next, body)
    if link is None or link == "":
        return END
    if not isinstance(link, str):
        raise UnavailableError("the link to the next page is no text; cannot read on")
    if link == step:
        raise UnavailableError("the link to the next page leads to the same page again; paging is broken")
    return link


def _last_row(pages: ByLastRow, step: Step, rows: Sequence[Row], body: Json) -> Step | End:
    more = None if pages.more is None else _said(pages.more, body)
    if more is not None and not _true(more):
        return END
    if not rows:
        if more is not None:
            raise UnavailableError(
                "the tool says there are more rows, but shows none; cannot tell where they begin"
            )
        return END
    last = token(_said(pages.value, (objects(rows) or rows)[-1]))
    if last is None:
        raise UnavailableError(f"the last row of a page has no {pages.value} (a text or a whole number)")
    if last != step:
        return last
    if len(rows) > 1:
        raise UnavailableError("a page ends with the row it was to begin after; rows would be lost")
    return END  # the last row of all, once more


def _next_token(pages: ByCursor, step: Step, body: Json) -> Step | End:
    more = None if pages.more is None else _said(pages.more, body)
    if more is not None and not _true(more):
        return END
    told = _said(pages.next, body)
    if told is None or told == "":
        if more is not None:
            raise UnavailableError("the tool says there are more rows, but names no next page")
        return END
    found = token(told)
    if found is None:
        raise UnavailableError("the token of the next page is neither a text nor a whole number")
    if found == step:
        raise UnavailableError("the token of the next page is this page's own; paging is broken")
    return found


def _said(expression: str, value: Any) -> Any:
    try:
        return compiled(expression)(value)
    except NotForThis as problem:
        told = str(problem)
    raise UnavailableError(f"cannot tell where the next page is: {told}")


def _true(told: object) -> bool:
    return told not in (False, 0, "", "false", "False", "0", "no")
