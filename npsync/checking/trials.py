"""Trying how answers would be read: one page of a connection, or of a description that no file names yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.contract import Tools
from connectors.declared.description import Description
from connectors.declared.source import DeclaredSource
from connectors.declared.trial import Trial
from nps.errors import ConfigError
from npsync import opening
from npsync.clock import SystemClock
from npsync.config import Config
from npsync.config.described import open_description
from npsync.config.problems import ConfigProblems, meant_or_known
from npsync.config.variables import BadReference, Missing, Variables
from npsync.logs import notice


def of_connection(
    config: Config, name: str, *, rows: int, survey: str | None, since: datetime | None
) -> Trial:
    """ConfigError when it is no connection, or one whose answers are read by code."""
    if name not in config.connections:
        raise ConfigError(
            f'there is no file "{name}", and {config.file} has no connection "{name}"'
            f"{meant_or_known(name, config.connections)}"
        )
    if config.connections[name].connector.source is None:
        raise ConfigError(f"connection {name}: {config.connections[name].type} is not a source of answers")
    with opening.opened(config) as connections:
        source = connections.source(name)
        if not isinstance(source, DeclaredSource):
            kind = config.connections[name].type
            raise ConfigError(
                f"connection {name}: {kind} is read by code of its own, not by a description; "
                f"try it with npsync connect {name}"
            )
        return source.trial(rows=rows, survey=survey, since=since)


def of_file(
    file: Path, given: Mapping[str, str], *, rows: int, survey: str | None, since: datetime | None
) -> Trial:
    """ConfigProblems with everything that is wrong with the file or what is given to it."""
    description = _described(file, given)
    source = DeclaredSource(description, _tools(file))
    try:
        return source.trial(rows=rows, survey=survey, since=since)
    finally:
        source.close()


def _described(file: Path, given: Mapping[str, str]) -> Description:
    found = open_description(file)
    if found.preset is not None:
        parameters = found.preset.about.parameters
        for name in given:
            if name not in parameters:
                raise ConfigError(f'{file} has no parameter "{name}"{meant_or_known(name, parameters)}')
        missing = [name for name, each in parameters.items() if each.must_be_given and name not in given]
        if missing:
            wanted = " ".join(f"--with {name}=…" for name in missing)
            about = "; ".join(f"{name}: {parameters[name].about}" for name in missing)
            raise ConfigError(f"{file} needs {wanted} ({about})")
        values = found.values({name: _resolved(name, text) for name, text in given.items()})
        description = None if values is None else found.described(values)
        if description is not None and not found.problems:
            return description
    raise ConfigProblems(found.problems)


def _resolved(name: str, text: str) -> str:
    """`${NAME}` stands for a variable of the environment, so that a secret need not be typed."""
    try:
        return Variables(os.environ).resolve(text).text
    except Missing as missing:
        raise ConfigError(f"--with {name}: the variable {missing.name} is not set") from None
    except BadReference as problem:
        raise ConfigError(f"--with {name}: {problem}") from None


def _tools(file: Path) -> Tools:
    def tell(event: str, /, **facts: Any) -> None:
        notice(event, connection=file.stem, **facts)

    return Tools(
        connection=file.stem,
        memory=opening.PassingMemory(),
        clock=SystemClock(),
        notice=tell,
        count_call=lambda: None,
        folder=file.absolute().parent,
    )
