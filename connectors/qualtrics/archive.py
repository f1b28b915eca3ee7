"""What is in an export's ZIP, row by row: it is never in memory as a whole."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, TextIO

from connectors.csv_rows import LONGEST, csv_rows
from nps.errors import UnavailableError

Row = Mapping[str, Any]

_CHUNK = 65536
_LONGEST_ROW = LONGEST
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError)
_ENCRYPTED, _PATCHED, _STRONGLY_ENCRYPTED = 0x01, 0x20, 0x40  # flags of a ZIP's entry
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LIST = "responses"


class BadExport(UnavailableError):
    """The file is not what an export looks like."""


def rows(file: BinaryIO, format: str) -> Iterator[Row]:
    """The rows of the one file in the ZIP. BadExport when it is cut off, empty or of another format."""
    try:
        with (
            _opened(file) as archive,
            archive.open(_the_one_in(archive)) as entry,
            io.TextIOWrapper(entry, "utf-8-sig", newline="") as text,
        ):
            yield from _lines(text) if format == "csv" else _objects(text)
        return
    except _BROKEN:
        told = "the export is no ZIP that can be read; was it cut off?"
    except UnicodeDecodeError:
        told = "the export is not UTF-8"
    except csv.Error:
        told = "the export is no CSV that can be read"
    # Outside the handlers: their errors may quote what the file holds.
    raise BadExport(told)


def _opened(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except NotImplementedError:
        raise BadExport("the export's ZIP is of a newer version than can be read") from None


def _the_one_in(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The file, seen to be one that can be unpacked."""
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(files) != 1:
        raise BadExport(f"the export's ZIP holds {len(files)} files where one was expected")
    [entry] = files
    if entry.flag_bits & (_ENCRYPTED | _STRONGLY_ENCRYPTED):
        raise BadExport("the export's ZIP is encrypted, and npsync knows no password")
    if entry.flag_bits & _PATCHED or entry.compress_type not in _METHODS:
        raise BadExport(
            f"the export's ZIP is packed in a way that cannot be read (method {entry.compress_type})"
        )
    return entry


def _lines(text: TextIO) -> Iterator[Row]:
    lines = _Bounded(text)
    reader = csv_rows(lines)
    names = next(reader, None)
    if names is None:
        raise BadExport("the export is empty: not even the names of its columns are there")
    yield dict.fromkeys(names, None)  # the columns, for whoever looks for theirs
    lines.begin_row()
    for cells in reader:
        if cells:
            yield dict(zip(names, cells, strict=False))
        lines.begin_row()


class _Bounded:
    """The lines of a text, as far as a row may be long: csv looks at the length of its fields alone, and a small ZIP
    may hold gigabytes without a line break."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.begin_row()

    def begin_row(self) -> None:
        self._left = _LONGEST_ROW

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(self._left + 1):
            self._left -= len(line)
            if self._left < 0:
                raise BadExport("a row of the export is larger than allowed")
            yield line


def _objects(text: TextIO) -> Iterator[Row]:
    """The objects of the list under "responses", each decoded by itself."""
    decoder = json.JSONDecoder()
    buffer = _from_the_list(text)
    while True:
        buffer = buffer.lstrip(" \r\n\t,")
        if buffer.startswith("]"):
            return
        try:
            told, end = decoder.raw_decode(buffer)
        except ValueError:
            told, end = None, 0
        # A number at the end of what was read may go on; an object that is whole cannot.
        if end:
            if not isinstance(told, dict):
                raise BadExport(f"an entry of {_LIST} is no object")
            yield _flat(told)
            buffer = buffer[end:]
            continue
        more = text.read(_CHUNK)
        if not more:
            raise BadExport("the export ends in the middle of a row")
        buffer += more
        if len(buffer) > _LONGEST_ROW:
            raise BadExport("a row of the export is larger than allowed, or no JSON")


def _from_the_list(text: TextIO) -> str:
    buffer = ""
    while True:
        _, found, after = buffer.partition(f'"{_LIST}"')
        if found and "[" in after:
            between, _, rest = after.partition("[")
            if between.strip() != ":":
                raise BadExport(f'"{_LIST}" is no list in the export')
            return rest
        more = text.read(_CHUNK)
        if not more or len(buffer) > _LONGEST_ROW:
            raise BadExport(f'the export has no list "{_LIST}"')
        buffer += more


def _flat(told: Mapping[str, Any]) -> Row:
    """What stands beside the values (the answer's id), and the values."""
    values = told.get("values")
    beside = {name: value for name, value in told.items() if not isinstance(value, dict | list)}
    return beside | (dict(values) if isinstance(values, dict) else {})
