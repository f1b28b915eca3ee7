"""What lies where npsync cannot reach it: told to whoever answers a person's request, system by system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from nps.values import Json
from store.api.subjects import Holdings, Traces
from store.mentions import Mentions

if TYPE_CHECKING:
    from npsync.config import Config

PLAN, EXPORT = b'{"npsync_plan":', b'{"npsync_subject_export":'


def elsewhere(config: Config, holdings: Holdings) -> list[str]:
    """Sentences: which system keeps what of them, and what a person has to do there."""
    told = [
        f"{name} ({config.connections[name].connector.title}): {_counted(count, 'answer')} and the person in its "
        "own list; delete them there"
        for name, count in sorted(Counter(str(row["source"]) for row in holdings.get("answers", ())).items())
        if name in config.connections
    ]
    sent = Counter(str(row["via"]) for row in holdings.get("messages", ()) if row.get("message"))
    told += [
        f"{name}: {_counted(count, 'message')} sent to them, in its log and their mailbox"
        for name, count in sent.items()
    ]
    alerts = Counter(
        str(row["connection"])
        for row in holdings.get("outbox", ())
        if row["kind"] == "alert" and row["state"] in ("done", "unknown")
    )
    told += [
        f"{name}: {_counted(count, 'alert')} about them; delete the messages there"
        for name, count in alerts.items()
    ]
    written = sorted({str(row["connection"]) for row in holdings.get("journal", ())})
    told += [f"{name}: the CRM's own field history and recycle bin, where it keeps one" for name in written]
    told.append("backups of this store, and of the CRM")
    told.append("log files: npsync writes no names there, what stands before it may")
    if config.store.startswith("postgresql"):
        told.append("the PostgreSQL server's write-ahead log and archive, for as long as it keeps them")
    return told


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def files_about(config: Config, traces: Traces) -> list[Path]:
    """Plan files and exports that hold the person, in the folder of the YAML and the one we are in."""
    folders = dict.fromkeys((config.file.absolute().parent, Path.cwd()))
    found = (path for folder in folders for path in sorted(folder.iterdir()) if path.is_file())
    return [path for path in found if _is_ours(path) and _holds(path, traces)]


def without_person(path: Path, traces: Traces) -> bool:
    """Take the person's changes out of a plan file. False where it is an export: that is for its owner to delete."""
    with path.open("rb") as file:
        header, *lines = file.read().splitlines(keepends=True)
    if not header.startswith(PLAN):
        return False
    mentions = Mentions(traces.words)
    kept = [line for line in lines if not _about(line, traces, mentions)]
    part = path.with_name(path.name + ".part")
    part.touch(mode=0o600)
    part.write_bytes(header + b"".join(kept))
    part.replace(path)
    return True


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(len(EXPORT))
    except OSError:
        return False
    return start.startswith(PLAN) or start == EXPORT


def _holds(path: Path, traces: Traces) -> bool:
    mentions = Mentions(traces.words)
    with path.open("rb") as file:
        return any(_about(line, traces, mentions) for line in file)


def _about(line: bytes, traces: Traces, mentions: Mentions) -> bool:
    try:
        told: Mapping[str, Json] = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    if told.get("id") in {place.id for place in traces.records}:
        return True
    return mentions.stand_in(line.decode("utf-8", "replace"))
