"""Everything npsync holds about one person, as one JSON object; docs/how-to/answer-privacy-requests.md
tells its shape."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from nps.errors import ConfigError
from nps.values import Json
from npsync.subjects.elsewhere import elsewhere, files_about
from npsync.subjects.finding import Subject

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

FORMAT = 1


def exported(config: Config, store: Store, subject: Subject, *, now: datetime) -> dict[str, Json]:
    held = store.holdings(subject.traces)
    return {
        "npsync_subject_export": FORMAT,
        "made_at": now.isoformat(),
        "asked_for": subject.asked,
        "names": list(subject.names),
        "records": [
            {"connection": one.connection, "object": one.object, "id": one.id, "shared": one.shared}
            for one in subject.records
        ],
        "held": {name: [dict(row) for row in rows] for name, rows in held.items()},
        "forgotten_before": bool(store.buried(subject.names)),
        "not_taken_over": [{"name": one.text, "why": one.why} for one in subject.doubts],
        "files": [str(path) for path in files_about(config, subject.traces)],
        "elsewhere": list(elsewhere(config, held)),
        "problems": list(subject.problems),
    }


def is_empty(told: Mapping[str, Json]) -> bool:
    """Whether nothing here is about them, not even in doubt: perhaps the name was mistyped."""
    held = told["held"]
    assert isinstance(held, dict)
    return not any([*held.values(), told["records"], told["not_taken_over"], told["files"]])


def write(path: Path, told: Mapping[str, Json]) -> None:
    """One file, readable by its owner alone; one that is there is not overwritten."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"--out {path} exists already; name a new file") from None
    except OSError as error:
        raise ConfigError(f"--out {path} cannot be written ({error.strerror})") from None
    with os.fdopen(handle, "wb") as file:
        file.write(_first_line(told))


def _first_line(told: Mapping[str, Json]) -> bytes:
    """The format first and without a blank, so that such a file is known by its beginning."""
    rest = orjson.dumps({name: value for name, value in told.items() if name != "npsync_subject_export"})
    return b'{"npsync_subject_export":%d,' % FORMAT + rest[1:] + b"\n"
