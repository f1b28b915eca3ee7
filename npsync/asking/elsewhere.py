"""What other tools sent, from a CSV file: each row one send, entered once however often the file is imported."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from nps.asking import Past, PastKind, person_keys
from nps.errors import ConfigError
from nps.keys import email_key, id_key, phone_key
from nps.surveys import Kind, Metric
from npsync.asking.gatekeeper import account_of
from store.api import LedgerEntry

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

COLUMNS = ("email", "phone", "external_id", "date", "tool", "survey", "metric", "kind", "account")
_PERSON = frozenset(("email", "phone", "external_id"))
EARLY = timedelta(minutes=5)  # clocks differ
AT_A_TIME = 1_000
MOST_TOLD = 100


@dataclass
class Imported:
    """What became of a file. `bad`: "file:line: what is wrong", the first of them."""

    rows: int = 0
    new: int = 0
    refused: int = 0
    bad: list[str] = field(default_factory=list)

    @property
    def known(self) -> int:
        return self.rows - self.refused - self.new


def import_sends(config: Config, store: Store, file: Path, now: datetime) -> Imported:
    """Good rows are entered, bad ones told with their line. Raises ConfigError for a file that is none."""
    done, entries = Imported(), list[LedgerEntry]()
    for line, row in _rows(file):
        done.rows += 1
        try:
            entries.append(_entry(config, row, now))
        except _BadRow as bad:
            done.refused += 1
            if len(done.bad) < MOST_TOLD:
                done.bad.append(f"{file}:{line}: {bad}")
        if len(entries) == AT_A_TIME:
            done.new += store.enter(entries, now=now)
            entries.clear()
    done.new += store.enter(entries, now=now)
    return done


class _BadRow(Exception):
    """What is wrong with one row, as a sentence without what it says of a person."""


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.reader(opened, strict=True)
            names = [_column(name) for name in next(reader, [])]
            _refuse_columns(file, names)
            while True:
                line = reader.line_num + 1
                cells = next(reader, None)
                if cells is None:
                    return
                if any(cell.strip() for cell in cells):
                    yield line, _row(names, cells)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8; save it as CSV UTF-8") from None
    except csv.Error as error:
        raise ConfigError(f"{file}:{reader.line_num}: is no CSV from here on ({error})") from None


def _column(name: str) -> str:
    word = name.strip().lower().replace("-", "_").replace(" ", "_")
    return "email" if word == "e_mail" else word


def _refuse_columns(file: Path, names: list[str]) -> None:
    from mapping.problems import did_you_mean

    for name in names:
        if name not in COLUMNS:
            hint = did_you_mean(name, COLUMNS)
            raise ConfigError(f'{file}:1: there is no column "{name}"{hint}; known: {", ".join(COLUMNS)}')
    if len(set(names)) < len(names):
        raise ConfigError(f"{file}:1: a column stands there twice")
    if "date" not in names or _PERSON.isdisjoint(names):
        raise ConfigError(f"{file}:1: needs a column date, and one of email, phone and external_id")


def _row(names: list[str], cells: list[str]) -> Mapping[str, str]:
    given = dict(zip(names, (cell.strip() for cell in cells), strict=False))
    return given if len(cells) == len(names) else given | {"": f"{len(cells)} of {len(names)} columns"}


def _entry(config: Config, row: Mapping[str, str], now: datetime) -> LedgerEntry:
    if wrong := row.get(""):
        raise _BadRow(f"has {wrong}")
    keys = _keys(config, row)
    at = _moment(config, row["date"], now)
    survey = row.get("survey", "")
    known = config.surveys.get(survey)
    metric = row.get("metric", "") or (known.metric.value if known else "")
    kind = row.get("kind", "") or (known.kind.value if known else "")
    if metric and metric not in [one.value for one in Metric]:
        raise _BadRow("metric is none of nps, csat, ces")
    if kind and kind not in [one.value for one in Kind]:
        raise _BadRow("kind is neither relationship nor transactional")
    tool = row.get("tool", "") or "import"
    # The same row again is the same send, in whatever file it comes.
    named = "\0".join((*keys, at.isoformat(), tool, survey))
    return LedgerEntry(
        dedupe=f"import/{blake2b(named.encode(), digest_size=16).hexdigest()}",
        keys=keys,
        past=Past(at=at, what=PastKind.SEND, survey=survey, metric=metric, kind=kind, source=tool),
        account=account_of(config, row.get("account")),
    )


def _keys(config: Config, row: Mapping[str, str]) -> tuple[str, ...]:
    email, phone = row.get("email") or None, row.get("phone") or None
    keys = person_keys(
        email=email_key(email),
        phone=phone_key(phone, config.phone_region),
        external_id=id_key(row.get("external_id")),
    )
    if email is not None and email_key(email) is None:
        raise _BadRow("email is no e-mail address")
    if phone is not None and phone_key(phone, config.phone_region) is None:
        raise _BadRow("phone is no phone number; write it with + and country code, or set phone_region")
    if not keys:
        raise _BadRow("names nobody: email, phone or external_id")
    return keys


def _moment(config: Config, text: str, now: datetime) -> datetime:
    """A day without an hour is its last moment, so that nobody is asked a day too soon."""
    try:
        at = datetime.fromisoformat(text)
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        raise _BadRow("date is no ISO date or time, like 2026-03-02 or 2026-03-02T12:00:00Z") from None
    if day is not None:
        at = datetime.combine(day, time(23, 59, 59), config.time_zone)
        return min(at, now) if day <= now.astimezone(config.time_zone).date() else _in_the_future()
    at = at.replace(tzinfo=config.time_zone) if at.tzinfo is None else at
    return at if at <= now + EARLY else _in_the_future()


def _in_the_future() -> datetime:
    raise _BadRow("date is in the future")
