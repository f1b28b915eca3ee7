"""What may be asked for, with which arguments, and how it is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mapping.problems import did_you_mean
from nps.errors import ConfigError
from nps.values import Json
from store.api import Action, Store

if TYPE_CHECKING:
    from npsync.config import Config


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfSync(_Arguments):
    """Of one sync."""

    sync: str = Field(description="Its name in the YAML.")


class Run(OfSync):
    """Run a sync now."""

    everything: bool = Field(
        False, description="Plan every answer anew, for a changed mapping (`run --all`)."
    )
    full: bool = Field(False, description="Read the sources from their beginning (`run --full`).")
    recheck: bool = Field(False, description="Look waiting answers up again (`run --recheck`).")
    accept_breaker: bool = Field(False, description="Write although the breaker has reasons against it.")


class Plan(OfSync):
    """See what a run would change; nothing is written."""

    everything: bool = Field(False, description="As after a changed mapping (`plan --all`).")


class Verify(OfSync):
    """Compare a sample of the records with what was written."""


class OfRun(_Arguments):
    run: int = Field(ge=1, description="The number of the run.")


class Undo(OfRun):
    """Restore what a run overwrote."""

    plan: bool = Field(False, description="Only see what it would restore; nothing is written.")


class Redo(OfRun):
    """Let an undone run count again."""

    plan: bool = Field(False, description="Only see what it would write; nothing is written.")


class Reload(_Arguments):
    """Look at the configuration now, and take it if nothing is wrong with it."""


class Check(_Arguments):
    """Compare the YAML with the connected systems, and test what each credential may do; nothing is written."""


class Link(_Arguments):
    """Decide that an answer belongs to a record (`review link`); what it moves is written at once."""

    answer: str = Field(description="SOURCE:ID.", max_length=500)
    record: str = Field(description="The record's id.", min_length=1, max_length=200)
    only_this_answer: bool = Field(False, description="Remember it for this answer, not for its keys.")
    sync: str | None = Field(None, description="Only in this sync.")


class TakeUp(OfSync):
    """Plan and write the answers that somebody decided about, and nothing else; no source is read."""

    answers: list[int] = Field(
        default_factory=list, max_length=1000, description="Their numbers; none: all that were decided."
    )
    records: list[str] = Field(
        default_factory=list, max_length=1000, description="Records to be cleared again."
    )
    roll_up: bool = Field(False, description="The sync's accounts, not its people.")


KINDS: Mapping[str, type[_Arguments]] = {
    "run": Run,
    "plan": Plan,
    "verify": Verify,
    "undo": Undo,
    "redo": Redo,
    "reload": Reload,
    "check": Check,
    "link": Link,
    "take_up": TakeUp,
}


def want(
    config: Config,
    store: Store,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    who: str,
    key: str,
    now: datetime,
    noted: Mapping[str, Json] | None = None,
) -> tuple[Action, bool]:
    """Remember it; the same key of the same `who` is the same action, and False. `noted`: facts for the audit, where it
    is a new one. Raises ConfigError for what cannot be asked for."""
    made = checked(config, store, kind, arguments)
    told = made.model_dump(mode="json")
    return store.want_action(kind, _about(made), told, who=who, key=key, now=now, noted=noted)


def _about(made: _Arguments) -> str:
    """As the list of actions names it."""
    match made:
        case OfSync():
            return made.sync
        case OfRun():
            return f"run {made.run}"
        case Link():
            return f"answer {made.answer}"
        case _:
            return ""


def by_hand(action: Action) -> str:
    """The command that does the same in a terminal."""
    said = action.arguments
    match action.kind:
        case "run" | "plan":
            flags = {
                "everything": "--all",
                "full": "--full",
                "recheck": "--recheck",
                "accept_breaker": "--accept-breaker",
            }
            return " ".join(
                [
                    f"npsync {action.kind} {said['sync']}",
                    *(flag for name, flag in flags.items() if said.get(name)),
                ]
            )
        case "verify":
            return f"npsync verify {said['sync']}"
        case "take_up":
            return f"npsync run {said['sync']}"
        case "undo" | "redo":
            return f"npsync {action.kind} {said['run']}"
        case "link":
            return f"npsync review link {said['answer']} {said['record']}"
        case _:
            return "npsync check"


def checked(config: Config, store: Store, kind: str, arguments: Mapping[str, Any]) -> _Arguments:
    """The arguments, of a sync or run that is there. Raises ConfigError."""
    model = KINDS.get(kind)
    if model is None:
        raise ConfigError(f'there is no action "{kind}"{did_you_mean(kind, KINDS)}')
    try:
        made = model.model_validate(dict(arguments))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ConfigError(f"{kind}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if isinstance(made, OfSync) and made.sync not in config.sync:
        raise ConfigError(f'there is no sync "{made.sync}"{did_you_mean(made.sync, config.sync)}')
    if isinstance(made, OfRun) and store.run(made.run) is None:
        raise ConfigError(f"there is no run {made.run}; npsync runs shows them")
    return made
