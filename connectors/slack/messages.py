"""One alert as a Slack message. Pure.

Everything may hold what a customer wrote, so nothing of it is markup: in mrkdwn &, < and > are escaped, which takes
mentions, channel calls and disguised links away; the comment goes out as plain text.
"""

from __future__ import annotations

import re

from connectors.contract import Alert
from nps.values import Json

LONGEST = 3000  # characters of a section's text (Block Kit's reference)
_CUT = " …"
_HALF_AN_ESCAPE = re.compile(r"&\w{0,4}$")


def message(alert: Alert, mention: str = "") -> dict[str, Json]:
    """`text` is what a notification shows, `blocks` what the channel shows. `mention` is a Slack user's id."""
    head = f"*{_bold(alert.title)}*"
    if mention:
        head += f" <@{mention}>"
    lines = [head, *(f"{_escaped(name)}: {_escaped(value)}" for name, value in alert.facts)]
    if alert.links:
        lines.append(" · ".join(_link(name, url) for name, url in alert.links))
    blocks: list[Json] = [_section("mrkdwn", part) for part in _joined(lines)]
    blocks += [_section("plain_text", _cut(text)) for text in (alert.text, alert.comment) if text.strip()]
    return {"text": _cut(_escaped(alert.title)), "blocks": blocks, "unfurl_links": False}


def _section(kind: str, text: str) -> Json:
    return {"type": "section", "text": {"type": kind, "text": text}}


def _joined(lines: list[str]) -> list[str]:
    """The lines in as few texts as hold them; no line is cut inside of an escape."""
    texts: list[str] = []
    for line in lines:
        if len(line) > LONGEST:
            line = _HALF_AN_ESCAPE.sub("", line[: LONGEST - len(_CUT)]) + _CUT
        if texts and len(texts[-1]) + 1 + len(line) <= LONGEST:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= LONGEST else text[: LONGEST - len(_CUT)] + _CUT


def _bold(text: str) -> str:
    """An asterisk of the customer's would end the bold text."""
    return _escaped(text).replace("*", "∗")


def _escaped(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _link(name: str, url: str) -> str:
    return f"<{_escaped(url).replace('|', '%7C')}|{_escaped(name).replace('|', '/')}>"
