"""What our own pages for customers are made of: templates, the look, and the headers that keep a link to itself."""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from nps.branding import Branding
from nps.errors import ConfigError
from nps.phrases import LANGUAGES
from nps.surveys import Said
from npsync.config import Config
from npsync.config.lookcheck import LARGEST_LOGO

_HERE = Path(__file__).parent

_KEPT = "public, max-age=31536000, immutable"  # their address changes with their content


@dataclass(frozen=True)
class Asset:
    """A file we serve, under a name that changes with its content."""

    name: str
    content: bytes = field(repr=False)
    kind: str

    @classmethod
    def of(cls, stem: str, suffix: str, content: bytes, kind: str) -> Asset:
        return cls(f"{stem}-{blake2b(content, digest_size=8).hexdigest()}{suffix}", content, kind)

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.content, 9, mtime=0)

    def reply(self, encodings: str = "") -> Response:
        """`encodings`: what the browser says it can unpack."""
        headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding"}
        if "gzip" in encodings and len(self.packed) < len(self.content):
            return Response(
                self.packed, media_type=self.kind, headers={**headers, "Content-Encoding": "gzip"}
            )
        return Response(self.content, media_type=self.kind, headers=headers)


class Pages:
    """The pages of one configuration. Raises ConfigError for a logo that cannot be read."""

    def __init__(self, config: Config) -> None:
        self.look = config.branding
        self._host = urlsplit(config.public_url).hostname or ""
        self.root = urlsplit(config.public_url).path.rstrip("/")
        style = brand_css(self.look) + (_HERE / "static" / "survey.css").read_text("utf-8")
        self._style = Asset.of("survey", ".css", style.encode(), "text/css")
        script = (_HERE / "static" / "embed.js").read_bytes()
        self._script = Asset.of("embed", ".js", script, "text/javascript")
        self._logo = _logo_file(self.look, config.file.absolute().parent)
        found = (self._style, self._script, self._logo)
        self.assets: Mapping[str, Asset] = {asset.name: asset for asset in found if asset is not None}
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    def company(self, language: str) -> str:
        """Its name, or a word that stands for it."""
        return self.look.company or self._host or LANGUAGES[language].a_company

    def asset_url(self, asset: Asset) -> str:
        return f"{self.root}/s/-/{asset.name}"

    @property
    def logo_url(self) -> str:
        if self._logo is not None:
            return self.asset_url(self._logo)
        return self.look.logo or ""

    def reply(
        self,
        template: str,
        *,
        language: str,
        status: int = 200,
        embedded: bool = False,
        preview: bool = False,
        problem: str = "",
        address: str = "",
        languages: tuple[tuple[str, str], ...] = (),
        headers: Mapping[str, str] | None = None,
        **names: Any,
    ) -> Response:
        """One page in one language. `address` is its own, for links to its other languages."""
        words = LANGUAGES[language]
        html = self._templates.get_template(template).render(
            language=language,
            direction="rtl" if words.right_to_left else "ltr",
            words=words,
            look=self.look,
            company=self.company(language),
            logo=self.logo_url,
            stylesheet=self.asset_url(self._style),
            script=self.asset_url(self._script),
            embedded=embedded,
            preview=preview,
            problem=problem,
            address=address,
            languages=languages,
            **names,
        )
        return Response(
            html, status, media_type="text/html", headers={**self._headers(embedded), **(headers or {})}
        )

    def said(
        self,
        heading: str,
        paragraphs: Sequence[str],
        *,
        language: str,
        status: int = 200,
        embedded: bool = False,
        preview: bool = False,
        done: bool = False,
        button: str = "",
        undo: bool = False,
        action: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A page that says something. `button` asks for a press, `undo` offers to take it back; both go to `action`."""
        return self.reply(
            "said.html",
            language=language,
            status=status,
            embedded=embedded,
            preview=preview,
            headers=headers,
            heading=heading,
            paragraphs=paragraphs,
            done=done,
            button=button,
            undo=undo,
            action=action,
        )

    def gone(self, language: str, status: int, *, embedded: bool = False) -> Response:
        """The one page for every link that leads nowhere; only the status tells why."""
        words = LANGUAGES[language]
        return self.said(words.gone, [words.gone_text], language=language, status=status, embedded=embedded)

    def busy(self, language: str, *, status: int = 429, embedded: bool = False) -> Response:
        """Not now: too much was asked for, or the store cannot be reached."""
        words = LANGUAGES[language]
        return self.said(
            words.busy,
            [words.busy_text],
            language=language,
            status=status,
            embedded=embedded,
            headers={"Retry-After": "60"},
        )

    def _headers(self, embedded: bool) -> dict[str, str]:
        """No script (but one of ours, inside another page), nothing from elsewhere, and the address told to nobody."""
        remote = self.look.logo if self._logo is None and self.look.logo else None
        pictures = f"'self' {_origin(remote)}" if remote else "'self'"
        frames = " ".join(self.look.embed_in) if embedded and self.look.embed_in else "'none'"
        rules = (
            "default-src 'none'",
            "style-src 'self'",
            f"img-src {pictures}",
            "script-src 'self'" if embedded else "script-src 'none'",
            "form-action 'self'",
            "base-uri 'none'",
            f"frame-ancestors {frames}",
        )
        headers = {
            "Content-Security-Policy": "; ".join(rules),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Robots-Tag": "noindex, nofollow",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        if frames != "'none'":
            # Older than frame-ancestors, and unable to name anybody: browsers that know both heed the other.
            headers["X-Frame-Options"] = "SAMEORIGIN"
        return headers


def scale_labels(said: Said, metric: str, language: str) -> tuple[str, str]:
    """What the ends of the scale mean: the survey's own words, else ours."""
    if said.labels is not None:
        return said.labels
    ends = getattr(LANGUAGES[language], metric)
    return ends.low, ends.high


def brand_css(look: Branding) -> str:
    """The company's colours as variables: a stylesheet of ours, for inline styles are not allowed."""
    return (
        f":root {{ --brand: {look.color}; --ink: {look.ink}; --tint: {look.tint}; "
        f"--brand-on-light: {look.on_light}; --brand-on-dark: {look.on_dark}; }}\n"
    )


def _logo_file(look: Branding, folder: Path) -> Asset | None:
    if look.logo is None or look.logo.startswith("https://"):
        return None
    file = folder / Path(look.logo).expanduser()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"branding.logo: {look.logo} can't be read: {error.strerror}") from None
    if len(content) > LARGEST_LOGO:
        raise ConfigError(
            f"branding.logo: {look.logo} is larger than {LARGEST_LOGO // 1024} KiB; people open it on a phone"
        )
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Asset.of("logo", file.suffix.lower(), content, kind)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
