"""What a person decided at a page, done: the vendor asked whether the record is there, and what was decided written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from nps.values import Json
from npsync import opening
from npsync.actions.wanting import Link, TakeUp
from npsync.deciding import inbox, linking
from npsync.deciding.deciders import Decider
from npsync.deciding.writing import write_now
from store.api import Asked
from sync.options import Options

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store
    from sync.report import Report

Outcome = dict[str, Json]


def link(
    config: Config, store: Store, clock: Clock, who: str, wanted: Link, run: Callable[[str, Asked], Report]
) -> Outcome:
    """Decide it and write it. Raises ConfigError where the answer or the record is not there."""
    answer = inbox.named(config, store, wanted.answer)
    items = inbox.settled_in(config, store, answer, wanted.sync)
    decider = Decider(config, store, who, clock.now())
    with opening.opened(config, store, clock) as connections:
        linked = linking.decide_link(
            decider, connections, items, wanted.record, only_this=wanted.only_this_answer
        )
    written = write_now(linked.again, run)
    states = Counter(
        one.state.value for its in linking.became(store, linked).values() for one in its.values()
    )
    return {
        "record": linked.record,
        "remembered": [key.response for key in linked.keys],
        "left": list(linked.left),
        "became": dict(states),
        "runs": [report.run for report in written.reports],
        "problems": [problem for report in written.reports for problem in report.problems],
        "busy": list(written.busy),
    }


def options_of(wanted: TakeUp, stop: Callable[[], bool]) -> Options:
    """How a run takes up what was decided: those answers, or whatever somebody asked for; no source is read."""
    asked = Asked(tuple(wanted.answers), tuple(wanted.records)) if wanted.answers or wanted.records else None
    return Options(asked=asked, read=False, stop=stop)
