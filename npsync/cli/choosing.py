"""Words on the command line that have to be one of a few."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npsync.config import Config


def one_of(word: str, words: Sequence[str], what: str) -> str:
    from mapping.problems import did_you_mean
    from nps.errors import ConfigError

    if word not in words:
        raise ConfigError(f'there is no {what} "{word}"{did_you_mean(word, words)}: {", ".join(words)}')
    return word


def sync_named(config: Config, sync: str) -> str:
    return _of_file(config, "sync", sync, config.sync)


def trigger_named(config: Config, trigger: str) -> str:
    return _of_file(config, "trigger", trigger, config.triggers)


def connection_named(config: Config, connection: str) -> str:
    return _of_file(config, "connection", connection, config.connections)


def _of_file(config: Config, what: str, word: str, known: Collection[str]) -> str:
    from nps.errors import ConfigError
    from npsync.config.problems import meant_or_known

    if word not in known:
        raise ConfigError(f'{config.file}: there is no {what} "{word}"{meant_or_known(word, known)}')
    return word
