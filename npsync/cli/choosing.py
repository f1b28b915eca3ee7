"""Words on the command line that have to be one of a few."""

from __future__ import annotations

from collections.abc import Sequence
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
    from mapping.problems import did_you_mean
    from nps.errors import ConfigError

    if sync not in config.sync:
        raise ConfigError(f'{config.file}: there is no sync "{sync}"{did_you_mean(sync, config.sync)}')
    return sync


def trigger_named(config: Config, trigger: str) -> str:
    from mapping.problems import did_you_mean
    from nps.errors import ConfigError

    if trigger not in config.triggers:
        raise ConfigError(
            f'{config.file}: there is no trigger "{trigger}"{did_you_mean(trigger, config.triggers)}'
        )
    return trigger
