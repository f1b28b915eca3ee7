"""Deciding about answers that look as if a program gave them: `npsync review release` and `discard`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption
from npsync.cli.review import review

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from npsync.config import Config
    from npsync.deciding.held import Answer, Chosen
    from npsync.deciding.writing import Written
    from store.api import State, Store
    from sync.report import Report

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
    from collections import Counter

    from npsync import logs, opening
    from npsync.cli import output
    from npsync.cli.writing import writer
    from npsync.deciding import held
    from npsync.deciding.deciders import Decider
    from npsync.deciding.writing import write_now
    from npsync.stopping import stop_on_signal

    loaded = output.load_config(config)
    logs.set_up(json=json)
    stop = stop_on_signal()
    with opening.open_store(loaded) as store:
        chosen = _chosen(loaded, store, answer, all_of)
        released = held.release(Decider.at_the_command_line(loaded, store), chosen)
        written = write_now(released.again, writer(loaded, store, stop, quiet=json))
        became = {
            sync: Counter(one.state for one in store.states(sync, asked.answers).values())
            for sync, asked in released.again.items()
        }
    if json:
        output.say_json(_facts(released.answers, became, written))
    else:
        _say(released.answers, became, written)
    raise typer.Exit(_code(written))


@review.command("discard")
def discard(
    answer: AnswersArgument = None,
    all_of: AllOfOption = None,
    reason: Annotated[str, typer.Option("--reason", help="Why: kept with the answer.")] = "",
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Leave a held answer out for good: no person gave it. If it is edited, it is judged anew."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import held
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        chosen = _chosen(loaded, store, answer, all_of)
        discarded = held.discard(Decider.at_the_command_line(loaded, store), chosen, reason)
    done, left = len(discarded.done), len(discarded.left)
    if json:
        output.say_json({"answers": _names(chosen.answers), "discarded": done, "left": left})
    else:
        output.say(f"{_several(done)} left out for good; if one is edited, it is judged anew.")
        if left:
            output.say(f"{_several(left)} just now being planned by a run: decide again when it has ended.")
    raise typer.Exit(output.PARTIAL if left else output.SUCCEEDED)


def _chosen(config: Config, store: Store, answer: list[str] | None, rule: str | None) -> Chosen:
    from nps.errors import ConfigError
    from nps.suspicion import Rule
    from npsync.cli.choosing import one_of
    from npsync.deciding import held

    if bool(answer) == (rule is not None):
        raise ConfigError("say which: an answer (SOURCE:ID), or all that one rule holds (--all-of RULE)")
    if answer:
        return held.one(config, store, " ".join(answer))
    chosen = held.all_of(config, store, one_of(rule or "", [each.value for each in Rule], "rule"))
    if not chosen.answers:
        raise ConfigError(f"{rule} holds nothing; npsync review list --state held shows what is held")
    return chosen


def _say(
    answers: Collection[Answer], became: Mapping[str, Mapping[State, int]], written: Written[Report]
) -> None:
    from npsync.cli import output

    output.say(f"{_several(len(answers))} released: counted like any other, and not held again.")
    for sync, states in became.items():
        said = ", ".join(f"{count:,} {state.value}" for state, count in states.items())
        if said:
            output.say(f"  {sync}: {said}")
    for report in written.reports:
        for problem in report.problems:
            output.say(f"  ! {problem}")
    for sync in written.busy:
        output.say(f"  ! {sync} is being run by another process; its next run takes them up")


def _facts(
    answers: Collection[Answer], became: Mapping[str, Mapping[State, int]], written: Written[Report]
) -> dict[str, object]:
    return {
        "answers": _names(answers),
        "became": {
            sync: {state.value: count for state, count in states.items()} for sync, states in became.items()
        },
        "runs": [report.as_json() for report in written.reports],
        "busy": list(written.busy),
    }


def _names(answers: Collection[Answer]) -> list[str]:
    return [f"{source}:{id}" for source, id in answers]


def _several(count: int) -> str:
    return f"{count:,} {'answer is' if count == 1 else 'answers are'}"


def _code(written: Written[Report]) -> int:
    from npsync.cli import output

    statuses = {report.status for report in written.reports}
    if "failed" in statuses:
        return output.FAILED
    if "stopped" in statuses:
        return output.STOPPED
    return output.PARTIAL if written.busy or statuses - {"succeeded"} else output.SUCCEEDED
