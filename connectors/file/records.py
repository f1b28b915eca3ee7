"""A file cut into records, one broken one never harming the next.

Records partition the file exactly: their raw bytes, joined, are the file. So a position between two records is a
place to read on from, and a digest over them tells whether what was read is still there.
"""

from __future__ import annotations

import csv
import gzip
import io
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
import orjson

from connectors.csv_rows import csv_rows

_LONGEST = 1024 * 1024  # of one record, in bytes; more is a broken file, not an answer
_BOM = b"\xef\xbb\xbf"
_OPEN = "a quote is opened and never closed"


class Record(msgspec.Struct, frozen=True):
    """One record: its cells (a list in CSV, an object in JSON Lines), None for a blank line, or a `problem`.

    `settled` is false where the file may still be in the middle of it: no line end yet, or a quote still open.
    """

    line: int
    raw: bytes
    cells: Any = None
    problem: str | None = None
    settled: bool = True


def opened(path: Path) -> BinaryIO:
    """The file's bytes, unpacked where it is gzip."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def lines_of(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    """Lines with their ends. Encodings whose line ends are not one byte come out as UTF-8."""
    if encoding.startswith(("utf-16", "utf-32")):
        text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="\n")
        while line := text.readline(_LONGEST):
            yield line.encode()
    else:
        while raw := stream.readline(_LONGEST):
            yield raw


def byte_encoding(encoding: str) -> str:
    """What the lines of `lines_of` are encoded in."""
    return "utf-8" if encoding.startswith(("utf-16", "utf-32")) else encoding


class Records(ABC):
    """The records of a file, in order, from where its lines stand."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._line = 0

    @abstractmethod
    def __iter__(self) -> Iterator[Record]: ...

    def skip(self, size: int) -> Iterator[bytes]:
        """Pass over `size` bytes of whole records without reading them; they come out as lines."""
        while size > 0 and (raw := next(self._lines, None)) is not None:
            self._line += 1
            size -= len(raw)
            yield raw


class JsonRecords(Records):
    """JSON Lines: one object per line."""

    def __iter__(self) -> Iterator[Record]:
        for raw in self._lines:
            self._line += 1
            yield self._record(raw)

    def _record(self, raw: bytes) -> Record:
        settled = raw.endswith(b"\n")
        text = raw.removeprefix(_BOM).strip() if self._line == 1 else raw.strip()
        if not text:
            return Record(self._line, raw, settled=settled)
        try:
            cells = orjson.loads(text)
        except orjson.JSONDecodeError:
            cells = None
        if not isinstance(cells, dict):
            return Record(self._line, raw, problem="the line is not a JSON object", settled=settled)
        return Record(self._line, raw, cells, settled=settled)


class CsvRecords(Records):
    """CSV as spreadsheets write it: quoted cells may hold delimiters, doubled quotes and line ends.

    A record over several lines that turns out broken costs its first line only: reading goes on with the second, so
    that one forgotten quote does not swallow the rest of the file.
    """

    def __init__(self, lines: Iterator[bytes], *, delimiter: str, encoding: str) -> None:
        super().__init__(lines)
        self._back: deque[bytes] = deque()
        self._delimiter = delimiter
        self._encoding = encoding
        self._width: int | None = None  # the first record, which is the header, sets it

    def __iter__(self) -> Iterator[Record]:
        while (first := self._next()) is not None:
            self._line += 1
            yield self._record(first)

    def _record(self, first: bytes) -> Record:
        line = self._line
        if not first.strip():
            return Record(line, first, settled=first.endswith(b"\n"))
        taken, cells, problem, settled = self._gathered(first)
        if problem is None:
            problem = self._wrong_width(cells)
        if problem is not None and len(taken) > 1:
            self._back.extendleft(reversed(taken[1:]))
            taken = taken[:1]
        self._line += len(taken) - 1
        raw = b"".join(taken)
        if problem is not None:
            return Record(line, raw, problem=problem, settled=settled)
        if self._width is None:
            self._width = len(cells)
        return Record(line, raw, cells, settled=settled)

    def _gathered(self, first: bytes) -> tuple[list[bytes], list[str], str | None, bool]:
        """The lines of one record, its cells or its problem, and whether the file had got past it."""
        taken, size = [first], len(first)
        cells, problem = self._parsed(first)
        while problem == _OPEN and size < _LONGEST:
            more = self._next()
            if more is None:
                return taken, cells, problem, False
            taken.append(more)
            size += len(more)
            if b'"' in more:
                cells, problem = self._parsed(b"".join(taken))
        return taken, cells, problem, taken[-1].endswith(b"\n")

    def _parsed(self, raw: bytes) -> tuple[list[str], str | None]:
        undecodable = None
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError:
            text = raw.decode(self._encoding, errors="replace")
            undecodable = f"it holds bytes that are not {self._encoding}"
        if self._line == 1:
            text = text.removeprefix("\ufeff")
        try:
            rows = list(csv_rows([text], delimiter=self._delimiter))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                return [], _OPEN
            return [], undecodable or "its quotes are wrong, or a cell is far too long"
        return (rows[0] if rows else []), undecodable

    def _wrong_width(self, cells: list[str]) -> str | None:
        if self._width is None or len(cells) == self._width:
            return None
        return f"it has {len(cells)} columns, the header has {self._width}"

    def _next(self) -> bytes | None:
        return self._back.popleft() if self._back else next(self._lines, None)
