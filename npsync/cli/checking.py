"""`npsync check` and `npsync test`: whether the YAML file is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nps.errors import ConfigError
from npsync.cli import output
from npsync.cli.choosing import sync_named
from npsync.config import Config, ConfigProblems, Problem, load
from npsync.config.secrets import redact

GOES_ON = "A running npsync serve goes on by the file as it was, until this one is right."


def show(file: Path, *, offline: bool, without_variables: bool, as_json: bool) -> int:
    """Prints every problem, and returns the exit code."""
    unread = False
    try:
        problems, warnings, asks = _problems(file, offline=offline, without_variables=without_variables)
    except ConfigProblems as found:
        problems, warnings, asks, unread = found.problems, (), False, True
    except ConfigError as error:  # there is no such file
        if not as_json:
            raise
        problems, warnings, asks = [Problem(str(file), 1, 1, "", "no_file", str(error))], (), False
    if as_json:
        output.say_json(
            {
                "problems": [_redacted(problem) for problem in problems],
                "warnings": [_redacted(warning) for warning in warnings],
            }
        )
    else:
        _warn(warnings)
        _tell(problems, file, offline=offline)
        if unread:
            output.say(GOES_ON)
        if asks and not problems and not offline:
            output.say("Whom the triggers would have asked: npsync triggers simulate")
    return _exit_code(problems)


def _problems(
    file: Path, *, offline: bool, without_variables: bool
) -> tuple[Sequence[Problem], Sequence[Problem], bool]:
    """Problems beside the account; warnings, what works and may not be what was meant; and whether the file has
    triggers. Raises ConfigProblems for those of the file itself."""
    from npsync.checking.readers import WARNINGS

    config = load(file, without_variables=without_variables)
    if offline:
        return [], config.warnings, bool(config.triggers)
    live = _live_problems(config)
    problems = [each for each in live if each.code not in WARNINGS]
    return (
        problems,
        [*config.warnings, *(each for each in live if each.code in WARNINGS)],
        bool(config.triggers),
    )


def _live_problems(config: Config) -> Sequence[Problem]:
    from npsync import opening
    from npsync.checking.live import check
    from npsync.operating.calls import books

    with books(config) as store, opening.opened(config, books=store) as connections:
        return check(config, connections)


def _redacted(problem: Problem) -> dict[str, str | int]:
    return problem.as_json() | {"message": redact(problem.message)}


def _warn(warnings: Sequence[Problem]) -> None:
    for warning in warnings:
        output.say(f"{redact(str(warning))} (a warning)")
    if warnings:
        output.say()


def _tell(problems: Sequence[Problem], file: Path, *, offline: bool) -> None:
    for problem in problems:
        output.say(redact(str(problem)))
    if problems:
        output.say()
        output.say(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}.")
    elif offline:
        output.say(f"{file}: no problem found in the file. Next: npsync connect NAME, npsync check")
    else:
        output.say(
            f"{file}: no problem found, in the file or in the connected systems. Next: npsync plan SYNC"
        )


def _exit_code(problems: Sequence[Problem]) -> int:
    from npsync.checking.live import NOT_REACHED

    if not problems:
        return output.SUCCEEDED
    return output.FAILED if all(each.code in NOT_REACHED for each in problems) else output.USAGE


def show_tests(config: Config, sync: str | None, *, as_json: bool) -> int:
    """Runs `tests:` of one sync or all; returns 1 when one does not pass."""
    from mapping.selftest import run_tests
    from npsync.syncing.jobs import compiled

    if sync is not None:
        sync_named(config, sync)
    chosen = [sync] if sync is not None else list(config.sync)
    told = []
    for name in chosen:
        spec = config.sync[name]
        metric = config.surveys[spec.survey].metric.value
        results = run_tests(spec.tests, compiled(config, spec), metric=metric)
        for at, result in enumerate(results):
            place = config.place(("sync", name, "tests", at))
            told.append((name, place, result))
    failed = sum(not result.passed for _, _, result in told)
    if as_json:
        output.say_json(
            {
                "tests": [
                    {
                        "sync": name,
                        "name": result.name,
                        "passed": result.passed,
                        "differences": list(result.differences),
                        "file": place.file,
                        "line": place.line,
                    }
                    for name, place, result in told
                ]
            }
        )
        return output.FAILED if failed else output.SUCCEEDED
    for name, place, result in told:
        output.say(f"{'ok    ' if result.passed else 'FAILED'} {name}: {result.name}")
        for difference in result.differences:
            output.say(f"       {place.file}:{place.line}: {difference}")
    if told:
        output.say(f"{len(told) - failed} passed, {failed} failed.")
    else:
        output.say("There are no tests. Write some: sync.NAME.tests, each with name, given and expect.")
    return output.FAILED if failed else output.SUCCEEDED
