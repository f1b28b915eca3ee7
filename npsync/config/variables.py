"""`${ENV}` and `${file:name}` inside string scalars; `$${` stands for a plain `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from npsync.config.secrets import register

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = re.compile(r"file:([A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*)")
_LARGEST_SECRET = 64 * 1024


class Missing(Exception):
    """A variable of the environment is not set. All of them are told together."""

    def __init__(self, name: str, empty: bool) -> None:
        super().__init__(name)
        self.name = name
        self.empty = empty


class BadReference(Exception):
    """A reference that can't be followed; the text says why."""


@dataclass(frozen=True)
class Resolved:
    text: str = field(repr=False)
    values: tuple[tuple[str, str], ...] = field(
        default=(), repr=False
    )  # what stood for what: ("${NAME}", value)


@dataclass(frozen=True)
class Variables:
    """Where references are looked up. `secrets_folder` is None until the file names one."""

    env: Mapping[str, str] = field(repr=False)
    secrets_folder: Path | None = None

    def resolve(self, text: str) -> Resolved:
        """Raises the first Missing or BadReference."""
        if "${" not in text:
            return Resolved(text)
        values: list[tuple[str, str]] = []

        def follow(found: re.Match[str]) -> str:
            if found[0] == "$${":
                return "${"
            value = self._value(found[1])
            register(value)
            values.append((found[0], value))
            return value

        return Resolved(_REFERENCE.sub(follow, text), tuple(values))

    def names(self, text: str) -> list[str]:
        """The variables of the environment a text refers to."""
        return [found[1] for found in _REFERENCE.finditer(text) if found[1] and _ENV.fullmatch(found[1])]

    def _value(self, name: str | None) -> str:
        if name is None:
            raise BadReference('"${" is never closed; write ${NAME}, or $${ for a plain ${')
        if _ENV.fullmatch(name):
            if not self.env.get(name):
                raise Missing(name, empty=name in self.env)
            return self.env[name]
        if name.startswith("file:"):
            return self._file(name)
        raise BadReference(
            f'"${{{name}}}" is not a reference; write ${{NAME}} or ${{file:name}}, or $${{ for a plain ${{'
        )

    def _file(self, name: str) -> str:
        found = _FILE.fullmatch(name)
        if not found:
            raise BadReference(f'"${{{name}}}" has to name a file below secrets_folder, without ".."')
        if self.secrets_folder is None:
            raise BadReference(
                f"${{{name}}} needs the top-level key secrets_folder, the folder the file is in"
            )
        folder = self.secrets_folder.resolve()
        try:
            file = (folder / found[1]).resolve(strict=True)
            if not file.is_relative_to(folder):
                raise BadReference(f"${{{name}}} leads out of secrets_folder")
            if file.stat().st_size > _LARGEST_SECRET:
                raise BadReference(f"${{{name}}} is larger than 64 KB; that is not a secret")
            text = file.read_text("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise BadReference(f"${{{name}}} is not UTF-8 text") from None
        except OSError as error:
            raise BadReference(f"${{{name}}} can't be read: {error.strerror}") from None
        if not text:
            raise BadReference(f"${{{name}}} is an empty file")
        return text
