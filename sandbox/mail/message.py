"""One mail as it arrived, and what of it people and tests want to see."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from functools import cached_property
from typing import Any

_LINK = re.compile(r"""https?://[^\s<>"']+""")
_HREF = re.compile(r"""href\s*=\s*["']([^"']+)["']""", re.IGNORECASE)


@dataclass(frozen=True)
class Mail:
    """`sender` and `recipients` are the envelope's; what the message itself says is in its headers."""

    id: str
    at: float
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    login: str | None = None  # who had signed in
    tls: bool = False

    @cached_property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=policy.default)

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    @property
    def subject(self) -> str:
        return str(self.message["subject"] or "")

    def part(self, kind: str) -> str | None:
        """The text/plain or text/html body, decoded."""
        for part in self.message.walk():
            if part.get_content_type() == f"text/{kind}" and part.get_content_disposition() != "attachment":
                return str(part.get_content())
        return None

    def links(self) -> list[str]:
        """Every address in either body, each once."""
        return list(dict.fromkeys(self._links()))

    def _links(self) -> Iterator[str]:
        yield from _LINK.findall(self.part("plain") or "")
        for link in _HREF.findall(self.part("html") or ""):
            yield link.replace("&amp;", "&")

    def raw_headers(self) -> list[list[str]]:
        """As they were on the wire: folding and encoded words included."""
        head = re.split(rb"\r?\n\r?\n", self.raw, maxsplit=1)[0].decode("utf-8", "replace")
        lines = re.split(r"\r?\n(?![ \t])", head)
        return [[name, value.strip()] for name, _, value in (line.partition(":") for line in lines)]

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "at": self.moment.isoformat(),
            "mail_from": self.sender,
            "rcpt_to": list(self.recipients),
            "login": self.login,
            "tls": self.tls,
            "from": str(self.message["from"] or ""),
            "to": str(self.message["to"] or ""),
            "subject": self.subject,
            "message_id": str(self.message["message-id"] or ""),
            "headers": [[name, str(value)] for name, value in self.message.items()],
            "raw_headers": self.raw_headers(),
            "text": self.part("plain"),
            "html": self.part("html"),
            "links": self.links(),
            "raw": self.raw.decode("utf-8", "replace"),
        }
