"""Deciding about answers that look as if a program gave them: `npsync review release` and `discard`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption
from npsync.cli.review import review

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.held import Chosen, Released
    from store.api import Store

AnswersArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ANSWER]", help="SOURCE:ID, SOURCE ID, or an id that only one source has."),
]
AllOfOption = Annotated[
    str | None,
    typer.Option("--all-of", metavar="RULE", help="All that too_soon, several_scores or one_domain holds."),
]


@review.command("release")
def release(
    answer: AnswersArgument = None,
    all_of: AllOfOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Let a held answer count: a person gave it. Remembered, in every sync, and written at once."""
    from npsync import held, logs, service
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.clock import SystemClock
    from npsync.jobs import run_once
    from npsync.stopping import stop_on_signal
    from store.api import Asked
    from sync.engine import Options
    from sync.report import Report

    loaded = output.load_config(config)
    logs.set_up(json=json)
    stop = stop_on_signal()
    with service.open_store(loaded) as store:
        chosen = _chosen(loaded, store, answer, all_of)

        def run(sync: str, asked: Asked) -> Report:
            with shown_progress(quiet=json) as progress:
                return run_once(
                    loaded, store, sync, options=Options(asked=asked, stop=stop), progress=progress
                )

        released = held.release(store, chosen, run, now=SystemClock().now())
    if json:
        output.say_json(_facts(chosen, released))
    else:
        _say(chosen, released)
    raise typer.Exit(_code(released))


@review.command("discard")
def discard(
    answer: AnswersArgument = None,
    all_of: AllOfOption = None,
    reason: Annotated[str, typer.Option("--reason", help="Why: kept with the answer.")] = "",
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Leave a held answer out for good: no person gave it. If it is edited, it is judged anew."""
    from npsync import held, service
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.deciders import signed

    loaded = output.load_config(config)
    now = SystemClock().now()
    with service.open_store(loaded) as store:
        chosen = _chosen(loaded, store, answer, all_of)
        done = held.discard(store, chosen, signed("discarded", reason, now), now=now)
    left = len(chosen.answers) - done
    if json:
        output.say_json({"answers": _names(chosen), "discarded": done, "left": left})
    else:
        output.say(f"{_several(done)} left out for good; if one is edited, it is judged anew.")
        if left:
            output.say(f"{_several(left)} just now being planned by a run: decide again when it has ended.")
    raise typer.Exit(output.PARTIAL if left else output.SUCCEEDED)


def _chosen(config: Config, store: Store, answer: list[str] | None, rule: str | None) -> Chosen:
    from nps.errors import ConfigError
    from nps.suspicion import Rule
    from npsync import held
    from npsync.cli.choosing import one_of

    if bool(answer) == (rule is not None):
        raise ConfigError("say which: an answer (SOURCE:ID), or all that one rule holds (--all-of RULE)")
    if answer:
        return held.one(config, store, " ".join(answer))
    chosen = held.all_of(config, store, one_of(rule or "", [each.value for each in Rule], "rule"))
    if not chosen.answers:
        raise ConfigError(f"{rule} holds nothing; npsync review list --state held shows what is held")
    return chosen


def _say(chosen: Chosen, released: Released) -> None:
    from npsync.cli import output

    output.say(f"{_several(len(chosen.answers))} released: counted like any other, and not held again.")
    for sync, states in released.states.items():
        said = ", ".join(f"{count:,} {state.value}" for state, count in states.items())
        if said:
            output.say(f"  {sync}: {said}")
    for report in released.reports:
        for problem in report.problems:
            output.say(f"  ! {problem}")
    for sync in released.busy:
        output.say(f"  ! {sync} is being run by another process; its next run takes them up")


def _facts(chosen: Chosen, released: Released) -> dict[str, object]:
    return {
        "answers": _names(chosen),
        "became": {
            sync: {state.value: count for state, count in states.items()}
            for sync, states in released.states.items()
        },
        "runs": [report.as_json() for report in released.reports],
        "busy": released.busy,
    }


def _names(chosen: Chosen) -> list[str]:
    return [f"{source}:{id}" for source, id in chosen.answers]


def _several(count: int) -> str:
    return f"{count:,} {'answer is' if count == 1 else 'answers are'}"


def _code(released: Released) -> int:
    from npsync.cli import output

    statuses = {report.status for report in released.reports}
    if "failed" in statuses:
        return output.FAILED
    if "stopped" in statuses:
        return output.STOPPED
    return output.PARTIAL if released.busy or statuses - {"succeeded"} else output.SUCCEEDED
