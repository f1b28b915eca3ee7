"""Every spelling in which a name may stand in a text: as it is, in an address, packed."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus


def spellings(text: str) -> Iterator[str]:
    """Case does not matter to whoever looks for them, but in what is packed it does."""
    text = text.strip()
    if not text:
        return
    for one in dict.fromkeys((text, text.lower())):
        yield one
        yield quote(one, safe="")
        yield quote_plus(one)
        yield one.encode("unicode_escape").decode()  # as JSON spells it for those who know ASCII alone
        for packed in (b64encode, urlsafe_b64encode):
            yield packed(one.encode()).decode().rstrip("=")
