"""YAML text as plain values, every one of which knows its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from npsync.config.problems import Path, Place, Problem
from npsync.config.variables import BadReference, Missing, Resolved, Variables

LARGEST = 1_000_000  # bytes; a thousand syncs fit, a data file given by mistake does not
_MOST_VALUES = 200_000  # after aliases are followed
_DEEPEST = 40

_TOO_DEEP = f"the file is nested deeper than {_DEEPEST} levels"
_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class Unreadable(Exception):
    """The text is no YAML we can go on with; carries the problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


@dataclass(repr=False)  # it holds resolved secrets
class Document:
    """The values of a file, and where each of them stands."""

    file: str
    root: Node
    value: Any = None
    problems: list[Problem] = field(default_factory=list)
    references: dict[int, Resolved] = field(default_factory=dict)  # node → what stands for what in it
    unset: dict[int, tuple[str, ...]] = field(default_factory=dict)  # node → variables that are not set

    def place(self, path: Sequence[str | int]) -> Place:
        """Where the key (or list item) at `path` stands; what is not there stands at its nearest parent."""
        node, place = self.root, self._mark(self.root)
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            key, node = found
            place = self._mark(key)
        return place

    def known_part(self, path: Sequence[str | int]) -> Path:
        """`path` without the steps that name nothing in the file (pydantic names branches of unions, too)."""
        node, known = self.root, []
        for step in path:
            found = _child(node, step)
            if found is not None:
                known.append(step)
                node = found[1]
        return tuple(known)

    def node(self, path: Sequence[str | int]) -> Node | None:
        node = self.root
        for step in path:
            found = _child(node, step)
            if found is None:
                return None
            node = found[1]
        return node

    def raw(self, path: Sequence[str | int]) -> str | None:
        """The scalar at `path` as it is written in the file."""
        node = self.node(path)
        return node.value if isinstance(node, ScalarNode) else None

    def problem(self, path: Path, code: str, message: str) -> None:
        self.problems.append(Problem.at(self.place(path), path, code, message))

    def _mark(self, node: Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def read(data: bytes, file: str) -> Document:
    """Parse; raises Unreadable. `Document.value` is filled by `fill`."""
    text = _decoded(data, file)
    parser = YAML(typ="rt")
    parser.Composer = _Composer
    try:
        root = parser.compose(text)
    except _TooDeep as deep:
        raise Unreadable(Problem(file, deep.line, deep.column, "", "too_deep", _TOO_DEEP)) from None
    except ReaderError as error:
        line, column = _line_and_column(text, error.position)
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML; remove it"
        raise Unreadable(Problem(file, line, column, "", "bad_character", message)) from None
    except MarkedYAMLError as error:
        raise Unreadable(_syntax_problem(error, text, file)) from None
    if root is None:
        raise Unreadable(
            Problem(file, 1, 1, "", "empty", "the file is empty; `npsync init` writes one to start from")
        )
    return Document(file, root)


def fill(
    document: Document, variables: Variables, spared: Callable[[Path], bool] = lambda path: False
) -> None:
    """Build `document.value` with references resolved; what is wrong is added to `document.problems`. Where a path is
    `spared`, a variable may be missing: its reference stays as it is written."""
    builder = _Builder(document, variables, spared)
    document.value = builder.build(document.root, (), 1)
    builder.tell_missing()


# ---------------------------------------------------------------- text


class _TooDeep(Exception):
    def __init__(self, mark: Any) -> None:
        super().__init__()
        self.line, self.column = mark.line + 1, mark.column + 1


class _Composer(Composer):
    """Stops at the first value that is too deep: what follows may be a file made to exhaust the reader."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self._depth == _DEEPEST:
            raise _TooDeep(self.parser.peek_event().start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def _decoded(data: bytes, file: str) -> str:
    if len(data) > LARGEST:
        raise Unreadable(
            Problem(
                file, 1, 1, "", "too_large", f"the file has {len(data):,} bytes; at most {LARGEST:,} are read"
            )
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(Problem(file, 1, 1, "", "encoding", "the file is UTF-16; save it as UTF-8"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        message = f"byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise Unreadable(Problem(file, line, column, "", "encoding", message)) from None


def _line_and_column(text: str, position: int) -> tuple[int, int]:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


_SYNTAX = (  # what the parser says → what to do about it
    (
        "mapping values are not allowed",
        'a ":" where none can be; quote a text that contains ": ", and check the indentation',
    ),
    ("found unexpected end of stream", "a quote is opened here and never closed"),
    (
        "but found another document",
        "a second document begins here; one file holds one configuration, remove the ---",
    ),
    ("expected <block end>", "this line does not belong to the block above it; check the indentation"),
    ("found undefined alias", "*alias names an anchor that does not exist above this line"),
    ("found unknown escape", r"a backslash in double quotes starts an escape; write \\ or use single quotes"),
    ("cannot start any token", "text can't begin with this character; quote the text"),
    ("but found '<stream end>'", "the file ends before a bracket, [ or {, is closed"),
    ("expected ',' or", "a , or the closing bracket is missing; was it opened on the line before?"),
    ("could not find expected ':'", 'a ":" is missing after this key'),
)


def _syntax_problem(error: MarkedYAMLError, text: str, file: str) -> Problem:
    what = error.problem or "this is not YAML"
    mark = error.problem_mark or error.context_mark
    if "end of stream" in what and error.context_mark:
        mark = error.context_mark  # where the quote was opened, not where the file ends
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines() or [""]
    here = lines[min(line, len(lines) - 1)]
    if "'{'" in what and here[max(column - 1, 0) : column + 1] == "${":
        name = here[column - 1 :].partition("}")[0]
        message = f'quote it: inside {{ }} or [ ] write "{name}}}"'
        return Problem(file, line + 1, column, "", "quote_it", message)
    if "\\t" in what:
        return Problem(file, line + 1, column + 1, "", "tab", "a tab; YAML is indented with spaces")
    message = next((advice for sign, advice in _SYNTAX if sign in what), what)
    return Problem(file, line + 1, column + 1, "", "syntax", message)


# ---------------------------------------------------------------- values


class _Builder:
    def __init__(self, document: Document, variables: Variables, spared: Callable[[Path], bool]) -> None:
        self._document = document
        self._variables = variables
        self._spared = spared
        self._built: dict[int, tuple[Any, int]] = {}  # node → its value, and how many values that is
        self._inside: set[int] = set()
        self._count = 0
        self._missing: dict[str, tuple[Path, bool]] = {}

    def build(self, node: Node, path: Path, depth: int) -> Any:
        if id(node) in self._inside:
            raise Unreadable(self._at(node, path, "recursive_alias", "an alias must not contain itself"))
        if id(node) in self._built:
            value, count = self._built[id(node)]
            self._grow(node, path, count)
            return value
        if depth > _DEEPEST:
            raise Unreadable(self._at(node, (), "too_deep", _TOO_DEEP))  # by way of aliases
        self._inside.add(id(node))
        before = self._count
        self._grow(node, path, 1)
        value = self._value(node, path, depth)
        self._built[id(node)] = value, self._count - before
        self._inside.discard(id(node))
        return value

    def tell_missing(self) -> None:
        """One problem names them all, at the first one's place."""
        if not self._missing:
            return
        (name, (path, empty)), *others = self._missing.items()
        message = f"${{{name}}} is {'empty' if empty else 'not set'}"
        if others:
            message += f"; also missing: {', '.join(other for other, _ in others)}"
        self._document.problem(path, "missing_variable", message)

    def _grow(self, node: Node, path: Path, count: int) -> None:
        self._count += count
        if self._count > _MOST_VALUES:
            raise Unreadable(
                self._at(node, path, "too_large", f"the file holds more than {_MOST_VALUES:,} values")
            )

    def _value(self, node: Node, path: Path, depth: int) -> Any:
        if isinstance(node, MappingNode):
            return self._map(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, at), depth + 1) for at, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _map(self, node: MappingNode, path: Path, depth: int) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        seen: dict[str, Node] = {}
        for key, value in node.value:
            if _is_merge(key):
                for part in _merge_parts(value):
                    found = self.build(part, path, depth + 1)
                    if not isinstance(found, dict):
                        self._tell(key, path, "bad_merge", "<<: takes a map, or an alias of one")
                        continue
                    merged = found | merged
                continue
            if not isinstance(key, ScalarNode):
                self._tell(key, path, "bad_key", "a key has to be plain text")
                continue
            name = self._text(key, path)
            if name in seen:
                first = seen[name].start_mark.line + 1
                self._tell(
                    key, (*path, name), "duplicate_key", f'"{name}" is already set on line {first}; keep one'
                )
                continue
            seen[name] = key
            if "${" in name:
                self._tell(key, (*path, name), "bad_reference", "variables work in values, not in keys")
            own[self._plain(key, (*path, name))] = self.build(value, (*path, name), depth + 1)
        return merged | own

    def _scalar(self, node: Node, path: Path) -> Any:
        value = self._plain(node, path)
        if not isinstance(value, str):
            return value
        try:
            resolved = self._variables.resolve(value)
        except Missing:
            self._note_missing(node, value, path)
            return value
        except BadReference as problem:
            return self._unusable(node, path, "bad_reference", str(problem))
        if resolved.values:
            self._document.references[id(node)] = resolved
        return resolved.text

    def _note_missing(self, node: Node, text: str, path: Path) -> None:
        missing = [name for name in self._variables.names(text) if not self._variables.env.get(name)]
        self._document.unset[id(node)] = tuple(missing)
        for name in missing if not self._spared(path) else ():
            self._missing.setdefault(name, (path, name in self._variables.env))

    def _plain(self, node: Node, path: Path) -> Any:
        """A scalar by the core schema of YAML 1.2; dates stay text, the field's type decides."""
        text: str = node.value
        tag = str(node.tag).removeprefix(_TAG)
        if tag in ("str", "timestamp", "merge"):
            return self._text(node, path)
        if tag == "null":
            return None
        if tag == "bool":
            return _TRUTH.get(text, text)  # a file that says %YAML 1.1 would make "on" a truth value
        if tag == "int":
            if _WHOLE.fullmatch(text):
                return _number(int, text)
            message = f'quote it if it is a code: "{text}"; a number is written without leading zeros or "_"'
            return self._unusable(node, path, "ambiguous_number", message)
        if tag == "float":
            return _number(float, text.replace(".inf", "inf").replace(".nan", "nan").lower())
        return self._unusable(node, path, "unknown_tag", f"the tag {tag} means nothing here; remove it")

    def _text(self, node: Node, path: Path) -> str:
        whole = whole_text(node.value)
        if whole is None:
            return self._unusable(node, path, "bad_character", "an escape here makes no character; remove it")
        return whole

    def _unusable(self, node: Node, path: Path, code: str, message: str) -> str:
        """Told once: whatever else is wrong with this value follows from it."""
        self._tell(node, path, code, message)
        self._document.unset[id(node)] = ()
        return "?" if code == "bad_character" else str(node.value)

    def _tell(self, node: Node, path: Path, code: str, message: str) -> None:
        self._document.problems.append(self._at(node, path, code, message))

    def _at(self, node: Node, path: Path, code: str, message: str) -> Problem:
        return Problem.at(self._document._mark(node), path, code, message)


def whole_text(text: str) -> str | None:
    """None when escapes made what no text can hold: half a character, or a NUL that ends it for others."""
    try:
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16")  # "\ud83d\ude00" is one character
    except UnicodeDecodeError:
        return None
    return None if "\0" in whole else whole


def _number(kind: type[int] | type[float], text: str) -> Any:
    try:
        return kind(text)
    except ValueError:  # thousands of digits, or a float only YAML 1.1 knows
        return text


def _is_merge(key: Node) -> bool:
    return isinstance(key, ScalarNode) and str(key.tag) == f"{_TAG}merge"


def _merge_parts(value: Node) -> list[Node]:
    return list(value.value) if isinstance(value, SequenceNode) else [value]


def _child(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """The key (or item) that `step` names below `node`, and its value."""
    if isinstance(node, SequenceNode):
        if isinstance(step, int) and 0 <= step < len(node.value):
            return node.value[step], node.value[step]
        return None
    if not isinstance(node, MappingNode):
        return None
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == str(step) and not _is_merge(key):
            return key, value
    for key, value in node.value:
        if _is_merge(key):
            for part in _merge_parts(value):
                if (found := _child(part, step)) is not None:
                    return found
    return None
