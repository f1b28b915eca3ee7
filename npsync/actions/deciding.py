"""What a person decided at a page, done: the vendor asked whether the record is there, and what was decided written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from nps.values import Json
from npsync import review, service
from npsync.actions.wanting import Link, TakeUp
from store.api import Asked
from sync.engine import Options

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store
    from sync.report import Report

Outcome = dict[str, Json]


def link(
    config: Config, store: Store, clock: Clock, wanted: Link, run: Callable[[str, Asked], Report]
) -> Outcome:
    """Decide it and write it. Raises ConfigError where the answer or the record is not there."""
    answer = review.named(config, store, wanted.answer)
    items = review.settled_in(config, store, answer, wanted.sync)
    with service.opened(config, store, clock) as connections:
        linked = review.decide_link(
            config,
            store,
            connections,
            items,
            wanted.record,
            only_this=wanted.only_this_answer,
            now=clock.now(),
        )
    reports, busy = review.run_decided(linked, run)
    states = Counter(one.state.value for its in review.became(store, linked).values() for one in its.values())
    return {
        "record": linked.record,
        "remembered": [key.response for key in linked.keys],
        "left": list(linked.left),
        "became": dict(states),
        "runs": [report.run for report in reports],
        "problems": [problem for report in reports for problem in report.problems],
        "busy": list(busy),
    }


def options_of(wanted: TakeUp, stop: Callable[[], bool]) -> Options:
    """How a run takes up what was decided: those answers, or whatever somebody asked for; no source is read."""
    asked = Asked(tuple(wanted.answers), tuple(wanted.records)) if wanted.answers or wanted.records else None
    return Options(asked=asked, read=False, stop=stop)
