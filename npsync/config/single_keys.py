"""The keys of the file that hold one value: time zone, store, addresses, secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import SecretStr

from nps.forgetting import SHORTEST_PEPPER
from npsync.config.crosscheck import is_plain_http
from npsync.config.document import Document
from npsync.config.model import FileSpec
from npsync.config.problems import meant_or_known
from npsync.config.secrets import register
from npsync.config.wording import Found, without_values


@dataclass(frozen=True)
class SingleKeys:
    """They are read one by one; what is wrong with one is told to the document, and it is None then."""

    document: Document
    file: FilePath
    without_variables: bool

    def text(self, key: str, default: str | None) -> str | None:
        """A top-level scalar; None when it has a problem (told here) or is absent without a default."""
        if key not in self.document.value:
            return default
        value = self.document.value[key]
        if id(self.document.node((key,))) in self.document.unset:
            return None
        if not isinstance(value, str) or not value.strip():
            self._tell(Found((key,), "wrong_type", "has to be text" if value is not None else "is empty"))
            return None
        return value

    def time_zone(self) -> ZoneInfo | None:
        name = self.text("time_zone", "UTC")
        if name is None:
            return ZoneInfo("UTC") if self.without_variables else None
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            hint = meant_or_known(name, available_timezones())
            message = f'there is no time zone "{name}"{hint or "; write it like America/New_York"}'
            self._tell(Found(("time_zone",), "unknown_time_zone", message))
            return None

    def phone_region(self) -> str | None:
        region = self.text("phone_region", None)
        if region is None:
            return None
        from phonenumbers import SUPPORTED_REGIONS

        if region not in SUPPORTED_REGIONS:
            upper = region.upper()
            hint = (
                f'; did you mean "{upper}"?' if upper in SUPPORTED_REGIONS else "; write two letters, like US"
            )
            self._tell(Found(("phone_region",), "unknown_region", f'there is no region "{region}"{hint}'))
        return region

    def store(self) -> str | None:
        text = self.text("store", FileSpec.model_fields["store"].default)
        if text is None:
            return "sqlite://" if self.without_variables else None
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(text)
        except (ArgumentError, ValueError):  # ValueError: what stands where a port belongs is no number
            message = (
                "is not an address; write sqlite:///npsync.db or postgresql://…, "
                "and %40 for an @ or %3A for a : in a password"
            )
            self._tell(Found(("store",), "bad_store", message))
            return None
        if url.password:
            register(url.password)
        if url.get_backend_name() == "postgresql":
            return text
        if url.get_backend_name() != "sqlite":
            message = "has to begin with sqlite:/// or postgresql://"
            self._tell(Found(("store",), "bad_store", message))
            return None
        if not url.database or url.database == ":memory:":
            self._tell(Found(("store",), "bad_store", "names no file; write sqlite:///npsync.db"))
            return None
        return f"sqlite:///{(self.folder() / url.database).as_posix()}"

    def public_url(self) -> str:
        text = self.text("public_url", None)
        if text is None:
            return ""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        message = ""
        if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
            message = "is not an address; write it like https://feedback.acme.com"
        elif parts.query or parts.fragment or "?" in text or "#" in text or parts.username is not None:
            message = "is an address alone: no user, no ? and no #; write it like https://feedback.acme.com"
        elif is_plain_http(text):
            message = "http:// would send answers and events unencrypted; write https:// (a reverse proxy has the TLS)"
        if message:
            self._tell(Found(("public_url",), "bad_address", message))
        return text.rstrip("/")

    def pepper(self) -> SecretStr | None:
        text = self.text("pepper", None)
        if text is None:
            return None
        register(text)
        if len(text) < SHORTEST_PEPPER:
            message = (
                f"has to be a secret of at least {SHORTEST_PEPPER} characters; make one: openssl rand -hex 32"
            )
            self._tell(Found(("pepper",), "weak_pepper", message))
            return None
        return SecretStr(text)

    def folder(self) -> FilePath:
        return self.file.absolute().parent

    def _tell(self, found: Found) -> None:
        message = without_values(found.message, found.path, self.document)
        self.document.problem(found.path, found.code, message)
