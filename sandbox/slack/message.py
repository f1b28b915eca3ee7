"""What a message may be, and how Slack reads its text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_SECTION, LONGEST_TEXT, MOST_BLOCKS = 3_000, 40_000, 50
_BOLD = re.compile(r"\*([^*\n]+)\*")
_CONTROL = re.compile(r"<([^<>\n]+)>")


@dataclass(frozen=True)
class Piece:
    """A stretch of text as people see it. A mention calls somebody, or everybody."""

    text: str
    link: str | None = None
    mention: bool = False
    bold: bool = False


def pieces(mrkdwn: str) -> Iterator[Piece]:
    """`<https://…|Acme>` is a link, `<@U1>` and `<!channel>` call people; `&lt;` is only a letter."""
    at = 0
    for found in _CONTROL.finditer(mrkdwn):
        if found.start() > at:
            yield from _plain(mrkdwn[at : found.start()])
        address, _, label = found[1].partition("|")
        told = html.unescape(label or address)
        if address.startswith(("@", "!", "#")):
            yield Piece(html.unescape(label) or address.replace("!", "@"), mention=True)
        else:
            yield Piece(told, link=html.unescape(address))
        at = found.end()
    if at < len(mrkdwn):
        yield from _plain(mrkdwn[at:])


def _plain(text: str) -> Iterator[Piece]:
    """Text between links, where `*stars*` make it bold."""
    for place, part in enumerate(_BOLD.split(text)):
        if part:
            yield Piece(html.unescape(part), bold=place % 2 == 1)


def mentions(body: Mapping[str, Any]) -> list[str]:
    """Whom a message calls: `!channel`, `@U024ALEX`."""
    texts = [str(body.get("text") or ""), *(text for kind, text in texts_of(body) if kind == "mrkdwn")]
    found = [address for text in texts for address in _CONTROL.findall(text)]
    return list(dict.fromkeys(one.partition("|")[0] for one in found if one.startswith(("@", "!"))))


def texts_of(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(mrkdwn or plain_text, text) of everything its blocks show."""
    for block in body.get("blocks") or ():
        told = [block.get("text"), *(block.get("fields") or ()), *(block.get("elements") or ())]
        for one in told:
            if isinstance(one, Mapping) and isinstance(one.get("text"), str):
                yield str(one.get("type", "mrkdwn")), one["text"]


def problem_of(body: Mapping[str, Any]) -> str | None:
    """The vendor's word for what is wrong with a message."""
    text, blocks = body.get("text"), body.get("blocks")
    if text is not None and not isinstance(text, str):
        return "invalid_payload"
    if not text and not blocks and not body.get("attachments"):
        return "no_text"
    if text and len(text) > LONGEST_TEXT:
        return "msg_too_long"
    if blocks is not None and not _blocks_are_right(blocks):
        return "invalid_blocks"
    attachments = body.get("attachments") or ()
    if isinstance(attachments, Sequence) and len(attachments) > 100:
        return "too_many_attachments"
    return None


def _blocks_are_right(blocks: Any) -> bool:
    if not isinstance(blocks, list) or len(blocks) > MOST_BLOCKS:
        return False
    return all(isinstance(one, Mapping) and _block_is_right(one) for one in blocks)


def _block_is_right(block: Mapping[str, Any]) -> bool:
    match block.get("type"):
        case "section":
            parts = [part for part in (block.get("text"), *(block.get("fields") or ())) if part is not None]
            return bool(parts) and all(map(_text_is_right, parts))
        case "header":
            text: Any = block.get("text")
            return _text_is_right(text) and text["type"] == "plain_text" and len(text["text"]) <= 150
        case "context" | "actions":
            elements = block.get("elements")
            return isinstance(elements, list) and bool(elements)
        case "divider" | "image":
            return True
    return False


def _text_is_right(text: Any) -> bool:
    if not isinstance(text, Mapping) or text.get("type") not in ("mrkdwn", "plain_text"):
        return False
    return isinstance(text.get("text"), str) and 0 < len(text["text"]) <= LONGEST_SECTION
