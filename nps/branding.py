"""How our own pages and mails look: the `branding:` part of the YAML, and colours that stay readable."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

WHITE, INK, NIGHT = "#ffffff", "#16202c", "#171e26"
READABLE = 4.5  # WCAG AA for text

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_IMAGES = (".svg", ".png", ".jpg", ".jpeg", ".webp", ".gif")


def _color(text: str) -> str:
    if not _HEX.fullmatch(text):
        raise ValueError(f'"{text}" is not a colour; write it like "#0f766e"')
    short = text[1:].lower()
    return "#" + (short if len(short) == 6 else "".join(digit * 2 for digit in short))


def _logo(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme in ("http", "https"):
        if parts.scheme != "https" or not parts.hostname or re.search(r"[\s;,'\"]", text):
            raise ValueError("an address has to begin with https://; or name a file")
        return text
    if PurePath(text).suffix.lower() not in _IMAGES:
        raise ValueError(f"has to be a picture: a file ({', '.join(_IMAGES)}) or an https:// address")
    return text


def _https(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("has to begin with https://")
    return text


def _origin(text: str) -> str:
    parts = urlsplit(text)
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    rest = parts.path or parts.query or parts.fragment or parts.username
    if (
        (parts.scheme != "https" and not local)
        or not parts.hostname
        or rest
        or not re.fullmatch(r"[!-~]+", text)
    ):
        raise ValueError(f'"{text}" is not an origin; write it like https://app.example.com')
    if re.search(r"[;,'\"*]", text):
        raise ValueError(f'"{text}" is not an origin; name each one, without *')
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has to be one line of text")
    return text


_Line = Annotated[str, AfterValidator(_one_line)]


class Branding(BaseModel):
    """Whose page it is. Everything may be left out; a mail should tell who sends it and from where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: _Line = Field(default="", description="The company's name, as customers know it.")
    color: Annotated[str, AfterValidator(_color)] = Field(
        default="#4338ca",
        description='The colour of buttons and links, like "#0f766e". Where it could not be read on a light or dark '
        "background a darker or lighter shade of it is used; `npsync check` says so.",
    )
    logo: Annotated[str, AfterValidator(_logo)] | None = Field(
        default=None, description="A picture: a file (relative to this file), or an https:// address."
    )
    postal_address: str = Field(
        default="", description="Where the company can be reached by post: the last line of every mail."
    )
    reply_to: _Line | None = Field(
        default=None, description="Where answers to our mails go, if not to the sender."
    )
    privacy_url: Annotated[str, AfterValidator(_https)] | None = Field(
        default=None, description="The page with the company's privacy policy."
    )
    embed_in: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(),
        description="Where a survey may be shown inside another page: the origins of your product, like "
        "https://app.example.com. Without any it may not.",
    )

    @property
    def on_light(self) -> str:
        """The colour as text, or a line, on a white ground."""
        return readable(self.color, WHITE)

    @property
    def on_dark(self) -> str:
        return readable(self.color, NIGHT)

    @property
    def tint(self) -> str:
        """A breath of the colour, for the ground of a page."""
        return _mixed(WHITE, self.color, 0.06)

    @property
    def ink(self) -> str:
        """What is written on a button of this colour."""
        return text_on(self.color)


PLAIN = Branding()


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it: 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(color: str, ground: str, at_least: float = READABLE) -> str:
    """The colour, or the nearest shade of it that can be read on that ground."""
    towards = "#000000" if _luminance(ground) > 0.18 else WHITE
    for percent in range(0, 101, 2):
        shade = _mixed(color, towards, percent / 100)
        if contrast(shade, ground) >= at_least:
            return shade
    return towards


def text_on(color: str) -> str:
    """White or black, whichever can be read better on it; one of them always can."""
    return WHITE if contrast(color, WHITE) >= READABLE else "#000000"


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)
