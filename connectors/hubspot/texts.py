"""Our texts as HubSpot shows them: bodies of tasks and notes are HTML, and what people wrote must not be. Pure."""

from __future__ import annotations

from html import escape

from connectors.hubspot.properties import TEXT_LIMIT
from connectors.marking import cut, marker, units


def html(text: str) -> str:
    """Plain text as HTML that reads the same."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return escape(lines, quote=False).replace("\n", "<br>")


def marked(text: str, key: str) -> str:
    """A body in HTML with the mark of our key below it; one that is too long is cut."""
    tail = f"<br><br>{marker(key)}" if text.strip() else marker(key)
    return html(cut(text.strip(), TEXT_LIMIT - len(tail), _size)) + tail


def title(text: str) -> str:
    """One line of plain text."""
    return cut(" ".join(text.replace("\x00", "").split()), TEXT_LIMIT, units)


def _size(text: str) -> int:
    return units(html(text))
