"""What waits for a person, counted: for the inbox, its tabs and the overview alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from store.api import State

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

LATE = timedelta(days=3)
"""After which an open task is called late: the follow-up of an unhappy customer is due within two days by default."""


@dataclass(frozen=True)
class ToDo:
    """How many of each. `waiting` attach by themselves when their record appears: nobody has to do anything."""

    decide: int = 0  # answers of which nobody knows whose they are
    held: int = 0
    waiting: int = 0
    letters: int = 0
    follow_ups: int = 0  # refused, or not known whether they arrived
    late: int = 0  # tasks nobody has closed


def to_do(config: Config, store: Store, *, now: datetime) -> ToDo:
    by_state: dict[str, int] = {}
    for one in store.left_to_people(list(config.sync)):
        by_state[one.state] = by_state.get(one.state, 0) + one.answers
    return ToDo(
        decide=by_state.get(State.REVIEW, 0),
        held=by_state.get(State.HELD, 0),
        waiting=by_state.get(State.WAITING, 0),
        letters=sum(group.letters for group in store.letter_groups()),
        follow_ups=store.count_refused(),
        late=store.count_late_tasks(given_before=now - LATE),
    )
