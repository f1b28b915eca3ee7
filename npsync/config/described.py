"""Descriptions of APIs in files of their own: read and checked, with line and column in that file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from connectors.contract import Settings
from connectors.declared.description import Description
from connectors.declared.preset import About, Preset
from connectors.declared.settings import Described
from nps.errors import ConfigError
from nps.values import Json
from npsync.config.document import LARGEST, Document, Unreadable, fill, read
from npsync.config.problems import Path, Problem
from npsync.config.secrets import register
from npsync.config.variables import Resolved, Variables
from npsync.config.wording import Found, tell


class _NoVariables(Variables):
    """A description may be handed on: what is secret or differs between accounts is a parameter of it."""

    def __init__(self) -> None:
        super().__init__({})

    def resolve(self, text: str) -> Resolved:
        return Resolved(text)  # told by `_variables_in`: a starter shows them


_NO_VARIABLES = (
    "variables do not work in a description; make it a parameter, write {name} here, and give it in `with`"
)


def _variables_in(data: Any, path: Path = ()) -> Iterator[Found]:
    if isinstance(data, str) and "${" in data:
        yield Found(path, "bad_reference", _NO_VARIABLES)
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _variables_in(value, (*path, str(key)))
    elif isinstance(data, list):
        for at, value in enumerate(data):
            yield from _variables_in(value, (*path, at))


@dataclass
class DescriptionFile:
    """A file with a description, read; `problems` is everything that is wrong with it."""

    document: Document | None
    preset: Preset | None = None
    problems: list[Problem] = field(default_factory=list)

    def values(self, given: Mapping[str, str]) -> dict[str, Json] | None:
        """What was given on a command line; None when there were problems."""
        assert self.preset is not None
        parameters = self.preset.about.parameters
        split = {name: _typed(text, parameters[name].kind) for name, text in given.items()}
        try:
            values = self.preset.values(split)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                name = str(each["loc"][0]) if each["loc"] else ""
                told = f"--with {name}: has to be {self.preset.about.parameters[name].kind}"
                self._tell(Found(("parameters", name), "bad_value", told))
            return None
        _register_secrets(self.preset.about, values)
        return values

    def described(self, values: Mapping[str, Json]) -> Description | None:
        """The description with its parameters filled in; None when there were problems."""
        if self.document is None or self.preset is None:
            return None
        filled = self.preset.filled(values)
        for fault in filled.faults:
            self._tell(Found(self.document.known_part(fault.path), "bad_placeholder", fault.message))
        if not filled.faults:
            try:
                return Description.model_validate(filled.value)
            except ValidationError as error:
                self._tell_all(error, Description)
        return None

    def _tell_all(self, error: ValidationError, model: type[BaseModel]) -> None:
        assert self.document is not None
        for found in tell(error, self.document, (), model):
            self._tell(found)

    def _tell(self, found: Found) -> None:
        assert self.document is not None
        place = self.document.place(found.path)
        self.problems.append(Problem.at(place, found.path, found.code, found.message))


def open_description(file: FilePath) -> DescriptionFile:
    """ConfigError when there is no such file."""
    try:
        with file.open("rb") as opened:
            document = read(opened.read(LARGEST + 1), str(file))
        fill(document, _NoVariables())
    except FileNotFoundError:
        raise ConfigError(f"there is no file {file}") from None
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None
    except Unreadable as unreadable:
        return DescriptionFile(None, problems=list(unreadable.problems))
    found = DescriptionFile(document, problems=list(document.problems))
    if not isinstance(document.value, dict):
        found._tell(Found((), "wrong_type", "the file has to be a map of keys: base_url, request, fields, …"))
        return found
    try:
        found.preset = Preset.of({str(key): value for key, value in document.value.items()})
    except ValidationError as error:
        found._tell_all(error, About)
    else:
        for variable in _variables_in(found.preset.data):
            found._tell(variable)
    return found


def describedcheck(
    connections: Mapping[str, Settings], document: Document, folder: FilePath
) -> Iterator[Found | Problem]:
    """What is wrong with the files that connections describe their APIs in (Problem), and with what is given to them
    (Found, in the configuration itself)."""
    for name, settings in connections.items():
        if isinstance(settings, Described) and settings.description is not None:
            yield from _one(settings, document, ("connections", name), folder)


def _one(settings: Described, document: Document, path: Path, folder: FilePath) -> Iterator[Found | Problem]:
    assert settings.description is not None
    try:
        file = open_description(folder / FilePath(settings.description).expanduser())
    except ConfigError as error:
        yield Found((*path, "description"), "no_file", str(error))
        return
    if file.preset is not None:
        try:
            values = file.preset.values(settings.with_)
        except ValidationError as error:
            yield from tell(error, document, (*path, "with"), file.preset.parameters())
            values = None
        if values is not None:
            _register_secrets(file.preset.about, values)
            file.described(values)
    yield from file.problems


def _typed(text: str, kind: str) -> str | list[str]:
    return [each.strip() for each in text.split(",")] if kind == "list" else text


def _register_secrets(about: About, values: Mapping[str, Any]) -> None:
    for name, parameter in about.parameters.items():
        if parameter.secret and isinstance(value := values.get(name), str) and not value.startswith("${"):
            register(value)
