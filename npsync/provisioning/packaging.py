"""A package as files: below a folder, or in one zip file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from nps.errors import ConfigError

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # so that the same package is the same file


def write(to: Path, files: Mapping[Path, str]) -> None:
    """Into a new or empty folder, or a zip file that is written anew. ConfigError for another folder or file."""
    if to.suffix == ".zip":
        _zipped(to, files)
        return
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ConfigError(
            f"--package: {to} is not an empty folder; name a new one, or a file that ends in .zip"
        )
    for path, text in files.items():
        place = to / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")


def _zipped(to: Path, files: Mapping[Path, str]) -> None:
    if to.is_dir():
        raise ConfigError(f"--package: {to} is a folder")
    to.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as package:
        for path, text in sorted(files.items()):
            package.writestr(zipfile.ZipInfo(path.as_posix(), _LONG_AGO), text)
