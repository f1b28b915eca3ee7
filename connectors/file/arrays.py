"""A JSON array cut into records, one at a time: such a file may be larger than memory."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

from connectors.file.records import Record, Records

_LONGEST = 4 * 1024 * 1024  # of one entry, in characters; more is a broken file, not an answer
_BLANK = re.compile(r"[ \t\r\n]*")
_NO_LIST = "the file is no JSON list of objects"
_BROKEN = "the list is broken here; what stands behind it cannot be told apart"


class ArrayRecords(Records):
    """The entries of one list. None of them is settled: a list is not appended to but written anew, so a file that
    changed is read from its beginning."""

    def __init__(self, lines: Iterator[bytes], *, encoding: str) -> None:
        super().__init__(lines)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._text = ""
        self._at = 0  # so much of it is taken
        self._ended = False

    def __iter__(self) -> Iterator[Record]:
        self._line = 1
        first = self._peek()
        if first == "":
            return
        if first != "[":
            yield self._broken(_NO_LIST)
            return
        self._take(1)
        if self._peek() == "]":
            return
        while True:
            self._peek()
            line = self._line
            try:
                entry, raw = self._entry()
            except (ValueError, RecursionError):
                yield self._broken(_BROKEN)
                return
            if isinstance(entry, dict):
                yield Record(line, raw, entry, settled=False)
            else:
                yield Record(line, raw, problem="the entry is not a JSON object", settled=False)
            match self._peek():
                case ",":
                    self._take(1)
                case "]":
                    return
                case _:
                    yield self._broken(_BROKEN)
                    return

    def _entry(self) -> tuple[object, bytes]:
        """The next entry; ValueError when it does not end, or is none."""
        while True:
            try:
                entry, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                if len(self._text) - self._at > _LONGEST or not self._more():
                    raise
                continue
            if end == len(self._text) and self._more():
                continue  # a number may go on
            return entry, self._take(end - self._at).encode()

    def _peek(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._take(0 if blank is None else blank.end() - self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _take(self, count: int) -> str:
        taken = self._text[self._at : self._at + count]
        self._at += count
        self._line += taken.count("\n")
        return taken

    def _more(self) -> bool:
        if self._ended:
            return False
        raw = next(self._lines, None)
        self._ended = raw is None
        text = self._decoder.decode(raw or b"", final=raw is None)
        self._text = self._text[self._at :] + (text if self._text else text.removeprefix("\ufeff"))
        self._at = 0
        return not self._ended or bool(text)

    def _broken(self, problem: str) -> Record:
        return Record(
            self._line, self._text[self._at : self._at + 200].encode(), problem=problem, settled=False
        )


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
