"""What an address asks a page for: its filters and its page. All of it stands in the URL, to be sent and bookmarked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

LONGEST = 200
FURTHEST = 100_000  # page
LARGEST = 2**62  # number that is looked for in the store
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Asked(Mapping[str, str]):
    """The filters by their names, each "" where it is not set. `path` is the page's own address."""

    path: str
    filters: Mapping[str, str]
    page: int = 1
    before: int | None = None  # the smallest number already shown, where a list is read on from there

    def __getitem__(self, name: str) -> str:
        return self.filters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.filters)

    def __len__(self) -> int:
        return len(self.filters)

    @property
    def narrowed(self) -> bool:
        """Whether any filter is set."""
        return any(self.filters.values())

    def link(self, **others: str | int | None) -> str:
        """The same page with other filters (or `page`, `before`). Another filter begins at the first page again."""
        wanted: dict[str, str | int | None] = {**self.filters, **others}
        kept = {name: value for name, value in wanted.items() if value not in (None, "")}
        return self.path + (f"?{urlencode(kept)}" if kept else "")


def asked(request: Request, *names: str, root: str = "") -> Asked:
    """What this request asks for, of the filters a page knows; everything else in the address is passed over."""
    given = request.query_params
    return Asked(
        path=root + request.url.path,
        filters={name: given.get(name, "").strip()[:LONGEST] for name in names},
        page=page_in(given.get("page", "")),
        before=number(given.get("before", "")),
    )


def page_in(text: str) -> int:
    """Which page; the first where it is no number."""
    return min(number(text) or 1, FURTHEST)


def number(text: str) -> int | None:
    """A number above zero, as people type it; None for anything else."""
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
        return None
    return int(text) or None
