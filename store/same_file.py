"""A SQLite file that was deleted, moved or replaced while it was open: whoever has it open would write on into a file
that nobody finds again, and whoever opens it next would begin another one."""

from __future__ import annotations

import os
from pathlib import Path

from nps.errors import ConfigError, UnavailableError


class SameFile:
    """The file at `path`, as it was when it was first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None

    def there(self) -> None:
        """Make it if need be, the first time. Raises UnavailableError when it is not that file any more."""
        if self._known is None:
            _created_for_its_owner(self._path)
        try:
            found = self._path.stat()
        except OSError:
            raise self._gone("is gone") from None
        here = found.st_dev, found.st_ino
        if self._known is None:
            self._known = here
        if here != self._known:
            raise self._gone("is another file")

    def _gone(self, how: str) -> UnavailableError:
        return UnavailableError(
            f"store: {self._path} {how}: somebody deleted, moved or replaced it while npsync was at work. Nothing "
            "more is done with it. Put the file back; or another (npsync db restore reads a backup), and start npsync "
            "again"
        )


def _created_for_its_owner(path: Path) -> None:
    """Make the file before SQLite does, which would let others read it."""
    if path.is_dir():
        raise ConfigError(f"store: {path} is a folder; name a file in it: sqlite:///npsync.db")
    if path.exists():
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError(
            f"store: cannot create {path} ({error.strerror}). Create its folder, or change `store:`."
        ) from None
