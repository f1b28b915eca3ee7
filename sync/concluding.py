"""What a run came to: where every answer is now, what went wrong, and what the breaker may learn of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nps.errors import BudgetError, NpsyncError
from store.api import State
from sync import breaker, judging, volumes
from sync.attempt import Attempt
from sync.conserving import lost
from sync.planning import CHUNK
from sync.report import Report, status_of


def conclude(attempt: Attempt, ended: str | None, *, write: bool) -> Report:
    """Count where every answer is, and fail loudly if one is nowhere. `ended`: the status of a run that did not get to
    its natural end."""
    if write:
        _forget_what_was_not_written(attempt)
    states: Mapping[State, int] = {}
    if attempt.taken_up is not None:
        states = attempt.store.run_states(attempt.job.name, attempt.number)
    listened = _listened(attempt)
    silent = _silent_sources(attempt, listened)
    unbalanced = list(lost(attempt.store, attempt.job, attempt.taken_up, states))
    problems = (*_problems(attempt, silent), *unbalanced)
    unwritten = attempt.written.unwritten + attempt.followed.unfinished
    status = ended or status_of(states, problems, unwritten=unwritten)
    if unbalanced or _nothing_could_be_read(attempt):
        status = "failed"
    seen = attempt.calls()
    return Report(
        run=attempt.number,
        sync=attempt.job.name,
        status=status,
        pulled=attempt.taken_up or 0,
        repeated=attempt.pulled.repeated,
        forgotten=attempt.pulled.forgotten,
        too_old=attempt.pulled.too_old,
        states=states,
        writes={attempt.job.object: attempt.written.outcomes["written"]},
        calls={name: count - attempt.calls_before.get(name, 0) for name, count in seen.items()},
        seconds=attempt.clock.monotonic() - attempt.started,
        match=attempt.planned.match,
        fields=attempt.planned.fields,
        future_dated=attempt.planned.future_dated,
        resumed=attempt.resumed,
        stopped_by=_reasons_of(attempt.written.problem),
        accepted=attempt.accepted,
        narrowed=attempt.planned.narrowed,
        unjudged=_not_let_pass(attempt),
        followed=attempt.followed,
        silent=tuple(silent),
        listened=listened,
        problems=problems,
    )


def _forget_what_was_not_written(attempt: Attempt) -> None:
    """An edit of somebody's is overwritten once the change is confirmed, not when it is planned."""
    fields = attempt.planned.fields
    planned = fields.overwriting()
    for start in range(0, len(planned), CHUNK):
        some = planned[start : start + CHUNK]
        written = {one.record_id for one in attempt.store.written_by(attempt.number, records=some)}
        fields.not_written(record_id for record_id in some if record_id not in written)


def _problems(attempt: Attempt, silent: Mapping[str, str]) -> Iterator[str]:
    yield from (_named(name, str(error)) for name, error in attempt.pulled.failures.items())
    yield from _ended_because(attempt)
    yield from attempt.written.in_doubt
    yield from silent.values()
    if attempt.different:
        yield f"{attempt.different} changes differ from the reviewed plan and were not written"
    yield from attempt.followed.problems


def _ended_because(attempt: Attempt) -> list[str]:
    match attempt.written.problem:
        case None:
            return []
        case breaker.BreakerOpen(reasons=reasons):
            return [*(reason.text for reason in reasons), breaker.next_steps(attempt.job.name)]
        case problem:
            return [str(problem)]


def _listened(attempt: Attempt) -> tuple[str, ...]:
    """The sources that were read, where the YAML does not say that silence is none of its business."""
    if attempt.taken_up is None or attempt.unjudged:
        return ()
    if attempt.job.breaker is None or not attempt.options.read:
        return ()
    return tuple(name for name in attempt.job.sources if name not in attempt.pulled.failures)


def _silent_sources(attempt: Attempt, listened: Sequence[str]) -> dict[str, str]:
    """Those that brought nothing for too long, with what to say of each; what was learned of this run counts
    already."""
    if attempt.job.breaker is None or not listened:
        return {}
    usual, now = volumes.recall(attempt.store, attempt.job.name, listened), attempt.clock.now()
    return {
        source: said
        for source in listened
        for said in breaker.silent(attempt.job.breaker.volume, usual, [source], now)
    }


def _not_let_pass(attempt: Attempt) -> Mapping[str, volumes.Arrived]:
    if not attempt.unjudged or attempt.taken_up is None:
        return {}
    before = judging.runs_before(attempt.store, attempt.job.name, attempt.number)
    return judging.arrivals(attempt.job, attempt.planned, before)


def _nothing_could_be_read(attempt: Attempt) -> bool:
    """Every source failed, and not only because its calls of today are spent."""
    failures = attempt.pulled.failures.values()
    read = [feed for feed in attempt.job.feeds if feed.source is not None]
    return len(failures) == len(read) and not all(isinstance(error, BudgetError) for error in failures)


def _reasons_of(problem: NpsyncError | None) -> tuple[breaker.Reason, ...]:
    return problem.reasons if isinstance(problem, breaker.BreakerOpen) else ()


def _named(connection: str, problem: str) -> str:
    """Connectors say where by themselves; the store and the engine do not."""
    return problem if problem.startswith(f"{connection}:") else f"{connection}: {problem}"
