"""Answers from exported files."""

from __future__ import annotations

import glob
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path

import msgspec

from connectors.contract import Grant, Needs, Tools, Verdict
from connectors.file.arrays import ArrayRecords
from connectors.file.records import CsvRecords, JsonRecords, Records, byte_encoding, lines_of, opened
from connectors.file.rows import Picks, Reader, picks_of_header, picks_of_paths
from connectors.file.settings import FileSettings
from nps.errors import AccessError, ConfigError, NpsyncError, UnavailableError
from nps.responses import Cursor, Page, SurveyResponse
from nps.values import Json

_AT_A_TIME = 1000
_TOLD = 10  # files that could not be read, by name
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")


class Progress(msgspec.Struct, frozen=True):
    """How far one file is read: `offset` bytes (unpacked), and their digest, to tell whether they are still the
    same. `size` and `changed` (mtime, ns) are those of the file once its end was reached."""

    offset: int = 0
    digest: str = ""
    size: int = -1
    changed: int = -1


class File:
    """Reads a file, or every file of a folder or pattern in the order of their names.

    A file that did not change is not opened again; one that grew is read on where it ended; one that was
    replaced is read from its start, which is harmless, as answers keep their ids.
    """

    def __init__(self, settings: FileSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools

    def read(self, cursor: Cursor | None, *, since: datetime | None) -> Iterator[Page]:
        known: dict[str, Progress] = {}
        if cursor is not None:
            known = msgspec.convert(cursor.state.get("files", {}), dict[str, Progress])
            told = cursor.state.get("since")
            since = datetime.fromtimestamp(told, UTC) if isinstance(told, int | float) else None
        files = self._files()
        # Files that are gone are forgotten: the cursor stays small.
        reached = {name: known[name] for name in files if name in known}
        failed: list[NpsyncError] = []
        for name, path in files.items():
            try:
                for answers, progress in self._new_in(name, path, reached.get(name, Progress())):
                    reached[name] = progress
                    wanted = tuple(
                        one for one in answers if since is None or one.problem or one.answered_at >= since
                    )
                    yield Page(wanted, _cursor(reached, since))
            except NpsyncError as error:
                failed.append(error)  # a file nobody can read keeps none of the others back
        if failed:
            raise failed[0] if len(failed) == 1 else _several(failed)

    def access(self, needs: Needs) -> list[Grant]:
        files = self._files()
        for name, path in files.items():
            if not os.access(path, os.R_OK):
                detail = f"{name} is not readable for this user"
                return [Grant("read the files", "the answers themselves", Verdict.MISSING, detail)]
            self._look_at_header(name, path)
        grants = [Grant("read the files", "the answers themselves", Verdict.OK, f"{len(files)} found")]
        if any(os.access(path, os.W_OK) for path in files.values()):
            grants.append(
                Grant("write access", "npsync only reads", Verdict.EXCESS, "read permission is enough")
            )
        return grants

    def close(self) -> None:
        """Nothing stays open between two pages but the file being read, which its reader closes."""

    # ------------------------------------------------------------ which files

    def _files(self) -> dict[str, Path]:
        """Name → file, in the order of reading."""
        wanted = self._settings.path
        path = self._tools.path(wanted)
        if path.is_dir():
            found = {entry.name: entry for entry in sorted(path.iterdir()) if self._is_ours(entry)}
        elif path.exists():
            found = {path.name: path}
        elif glob.has_magic(wanted):
            pattern = Path(wanted).expanduser()
            told = glob.glob(str(pattern), root_dir=self._tools.folder, recursive=True)
            fixed = Path(*takewhile(lambda part: not glob.has_magic(part), pattern.parts))
            if not (
                self._tools.folder / fixed
            ).is_dir():  # of a drive that is unplugged "no file yet" is not true
                raise ConfigError(f'{self._tools.connection}: there is no folder "{fixed}"')
            matches = {str(match.relative_to(fixed)): match for match in sorted(map(Path, told))}
            files = {name: self._tools.folder / match for name, match in matches.items()}
            found = {name: file for name, file in files.items() if self._is_ours(file)}
        else:
            raise ConfigError(f'{self._tools.connection}: there is no file or folder "{wanted}"')
        for entry in found.values():
            self._refuse_outside(entry)
            if self._settings.kind_of(entry) is None:
                raise ConfigError(
                    f'{self._tools.connection}: the ending of "{entry.name}" does not tell how to read it; '
                    "set format to csv, jsonl or json"
                )
        return found

    def _is_ours(self, path: Path) -> bool:
        """Not hidden, not a spreadsheet's lock file, not still arriving, and of a kind we read."""
        name = path.name
        if name.startswith((".", "~$")) or name.lower().endswith(_UNFINISHED):
            return False
        return path.is_file() and self._settings.kind_of(path) is not None

    def _refuse_outside(self, path: Path) -> None:
        folder = self._settings.folder
        if folder is not None and not path.resolve().is_relative_to(self._tools.path(folder).resolve()):
            raise ConfigError(f'{self._tools.connection}: "{path.name}" lies outside folder; not read')
        if not path.is_file():
            raise ConfigError(f'{self._tools.connection}: "{path.name}" is not a regular file')

    # ------------------------------------------------------------ one file

    def _new_in(self, name: str, path: Path, start: Progress) -> Iterator[Portion]:
        """What a file holds beyond `start`, a portion at a time, each with how far it leads."""
        with self._failures_told(name):
            now = path.stat()
            if (start.size, start.changed) == (now.st_size, now.st_mtime_ns):
                return
            end = start
            for answers, end in self._read_on(name, path, start):
                yield answers, end
            # Only now is it known to be read to its end as it was when we began; what was appended since is
            # new.
            yield [], msgspec.structs.replace(end, size=now.st_size, changed=now.st_mtime_ns)

    def _look_at_header(self, name: str, path: Path) -> None:
        """Raises ConfigError where `columns` are not in it."""
        with self._failures_told(name), opened(path) as stream:
            records = self._records(path, lines_of(stream, self._settings.encoding))
            self._picks(name, path, records, _Passed())

    @contextmanager
    def _failures_told(self, name: str) -> Iterator[None]:
        where = f"{self._tools.connection}: {name}"
        try:
            yield
            return
        except PermissionError:
            problem: NpsyncError = AccessError(f"{where}: this user may not read it")
        except FileNotFoundError:
            problem = UnavailableError(f"{where}: it went away while it was read")
        except (OSError, EOFError, zlib.error):
            problem = UnavailableError(f"{where}: it is damaged, or still being written")
        raise problem

    def _read_on(self, name: str, path: Path, start: Progress) -> Iterator[Portion]:
        with opened(path) as stream:
            records = self._records(path, lines_of(stream, self._settings.encoding))
            passed = _Passed()
            picks = self._picks(name, path, records, passed)
            if picks is None:
                return
            for raw in records.skip(start.offset - passed.offset):
                passed.over(raw)
            if start.offset and passed.progress() != msgspec.structs.replace(start, size=-1, changed=-1):
                yield from self._read_on(name, path, Progress())  # replaced by another file
                return
            reader = Reader(self._settings, picks, source=self._tools.connection, name=name)
            yield from self._portions(records, reader, passed)

    def _portions(self, records: Records, reader: Reader, passed: _Passed) -> Iterator[Portion]:
        gathered: list[SurveyResponse] = []
        settled = True
        for record in records:
            # The file may still grow in the middle of this record: hand it over as it is, and read it again
            # then.
            settled = settled and record.settled
            if settled:
                passed.over(record.raw)
            if record.cells is not None or record.problem is not None:
                gathered.append(reader.answer(record))
            if len(gathered) >= _AT_A_TIME:
                yield gathered, passed.progress()
                gathered = []
        yield gathered, passed.progress()

    def _records(self, path: Path, lines: Iterator[bytes]) -> Records:
        settings = self._settings
        if settings.kind_of(path) == "jsonl":
            return JsonRecords(lines)
        encoding = byte_encoding(settings.encoding)
        if settings.kind_of(path) == "json":
            return ArrayRecords(lines, encoding=encoding)
        return CsvRecords(lines, delimiter=settings.delimiter_of(path), encoding=encoding)

    def _picks(self, name: str, path: Path, records: Records, passed: _Passed) -> Picks | None:
        """Where the values are: by the header of a CSV, which is passed over; None while there is no header
        yet."""
        columns = self._settings.columns
        if self._settings.kind_of(path) != "csv":
            return picks_of_paths(columns)
        where = f"{self._tools.connection}: {name}"
        for record in records:
            if record.problem is not None:
                raise ConfigError(f"{where}: the header cannot be read: {record.problem}; check encoding")
            if record.cells is not None and not record.settled:
                return None  # still arriving
            passed.over(record.raw)
            if record.cells is not None:
                return picks_of_header(record.cells, columns, where)
        return None


def _several(failed: Sequence[NpsyncError]) -> NpsyncError:
    """One failure that tells all; of the first one's kind, which says what to do."""
    told = "\n".join(str(error) for error in failed[:_TOLD])
    more = f"\nand {len(failed) - _TOLD} files more" if len(failed) > _TOLD else ""
    return type(failed[0])(told + more)


Portion = tuple[list[SurveyResponse], Progress]


class _Passed:
    """How far a file was read, and the digest of that."""

    def __init__(self) -> None:
        self.offset = 0
        self._digest = blake2b(digest_size=16)

    def over(self, raw: bytes) -> None:
        self.offset += len(raw)
        self._digest.update(raw)

    def progress(self) -> Progress:
        return Progress(self.offset, self._digest.hexdigest())


def _cursor(files: Mapping[str, Progress], since: datetime | None) -> Cursor:
    state: dict[str, Json] = {"files": msgspec.to_builtins(files)}
    if since is not None:
        state["since"] = since.timestamp()
    return Cursor(state)
