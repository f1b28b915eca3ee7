"""A reviewed plan as a file: `plan --out F` writes it, `run --plan F` writes only changes equal to it.

JSON lines: a header that says which sync and which mapping it was made with, then one change per line. The file holds
customer data, so only its owner may read it, and it expires.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from nps.changes import Change
from nps.errors import ConfigError
from nps.values import Json

if TYPE_CHECKING:
    from npsync.config import Config

FORMAT = 1
GOOD_FOR = timedelta(hours=24)

Expected = dict[str, tuple[dict[str, Json], dict[str, Json]]]


def write(path: Path, config: Config, sync: str, changes: Iterable[Change], *, now: datetime) -> int:
    """Write the plan, readable by its owner alone. Returns the number of changes. An existing file is replaced."""
    header = {
        "npsync_plan": FORMAT,
        "sync": sync,
        "mapping": mapping_hash(config, sync),
        "created": now.isoformat(),
        "expires": (now + GOOD_FOR).isoformat(),
    }
    refuse_unwritable(path)
    unfinished = path.with_name(path.name + ".part")
    unfinished.unlink(missing_ok=True)  # what another run left there may be readable for others
    count = 0
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(orjson.dumps(header) + b"\n")
        for change in changes:
            line = {"id": change.record_id, "before": change.before, "after": change.after}
            file.write(orjson.dumps(line) + b"\n")
            count += 1
    unfinished.replace(path)
    return count


def refuse_unwritable(path: Path) -> None:
    """Told before the plan is made, which may take minutes."""
    if path.is_dir():
        raise ConfigError(f"--out {path} is a folder; name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"--out {path}: {path.parent} is no folder this user can write to")


def read(path: Path, config: Config, sync: str, *, now: datetime) -> Expected:
    """Record id → (before, after). Raises ConfigError when the file is no plan of this sync and mapping, or too old."""
    again = f"make a new one: npsync plan {sync} --out {path}"
    try:
        with path.open("rb") as file:
            header = orjson.loads(file.readline())
            if not isinstance(header, dict) or header.get("npsync_plan") != FORMAT:
                raise ConfigError(f"{path} is not a plan npsync wrote; {again}")
            if header["sync"] != sync:
                raise ConfigError(f"{path} is a plan of {header['sync']}, not of {sync}; {again}")
            if header["mapping"] != mapping_hash(config, sync):
                raise ConfigError(f"{path} was made before the YAML of {sync} changed; {again}")
            if datetime.fromisoformat(header["expires"]) < now:
                raise ConfigError(f"{path} expired {header['expires'][:16]}; {again}")
            lines = (orjson.loads(line) for line in file)
            return {line["id"]: (line["before"], line["after"]) for line in lines}
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}; {again}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); {again}") from None
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise ConfigError(f"{path} is damaged; {again}") from None


def mapping_hash(config: Config, sync: str) -> str:
    """Changes whenever the YAML that decides what is written changes. Holds no secret."""
    spec = config.sync[sync]
    parts = [
        spec.model_dump_json(),
        config.surveys[spec.survey].model_dump_json(),
        *(config.people[name].model_dump_json() for name in sorted(config.people)),
        str(config.time_zone),
        str(config.phone_region),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
