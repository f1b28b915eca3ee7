"""Problems of the YAML file, each with its place; all of them at once, never one per attempt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from mapping.problems import closest
from nps.errors import ConfigError

Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands in a file; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, order=True)
class Problem:
    """One thing a person has to edit. `code` is a stable word for machines."""

    file: str
    line: int
    column: int
    path: str
    code: str
    message: str

    @classmethod
    def at(cls, place: Place, path: Path, code: str, message: str) -> Problem:
        return cls(place.file, place.line, place.column, dotted(path), code, message)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


class ConfigProblems(ConfigError):
    """The file cannot be used as it is; `problems` says everything that is wrong with it, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def dotted(path: Sequence[str | int]) -> str:
    """`sync.nps.fields.Score`, `people.crm.match[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def meant_or_known(word: str, known: Iterable[str]) -> str:
    """'; did you mean "score"?', or what there is when nothing is close, or nothing at all."""
    names = sorted(known)
    close = closest(word, names)
    if close is None:  # "CRM" for "crm" is far apart for difflib
        close = next((name for name in names if name.lower() == word.lower()), None)
    if close is not None:
        return f'; did you mean "{close}"?'
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 12 else ""
