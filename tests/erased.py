"""Looking for somebody who was erased: every identifier in every spelling, in every place npsync keeps anything."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus


def spelt(identifier: str) -> Iterator[str]:
    """Plain, lower case, as it stands in an address, packed (also in the middle of something longer)."""
    for one in {identifier, identifier.lower(), identifier.upper()}:
        yield one
        yield quote(one, safe="")
        yield quote_plus(one)
        for shift in range(3):  # base64 packs three bytes at a time, and it may begin at any of them
            for packed in (b64encode, urlsafe_b64encode):
                whole = packed(b" " * shift + one.encode()).decode().rstrip("=")
                yield whole[4 if shift else 0 : -2]


def found(identifiers: Iterable[str], places: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """(place, spelling) of everything that is still there."""
    return [
        (place, spelling)
        for place, content in places.items()
        for identifier in identifiers
        for spelling in sorted(set(spelt(identifier)))
        if spelling.encode() in content
    ]


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file: the store with its log, plan files, exports."""
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
