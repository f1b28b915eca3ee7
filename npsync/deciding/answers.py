"""Answers that are undecided, or that somebody decided about: left out, looked up again, and judged anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npsync.actions.asking import ask_for
from npsync.deciding.deciders import Decider, Decision, about
from npsync.deciding.inbox import UNDECIDED, Item, called, settled_in
from npsync.deciding.writing import Again, answers_again
from npsync.syncing.jobs import scope_of
from store.api import State, Stored
from sync.finding import BY_A_PERSON
from sync.first_look import answer_value

if TYPE_CHECKING:
    from nps.values import Json

_LEFT_OUT = ("ignored", "discarded")
_OPEN = (*UNDECIDED, State.HELD)


@dataclass(frozen=True)
class Ignored:
    """What is left out now, and what was not undecided (any more)."""

    done: tuple[Item, ...]
    left: tuple[Item, ...]

    @property
    def answers(self) -> tuple[Stored, ...]:
        """Those that are left out of one sync at least."""
        return _answers(self.done)


def ignore(decider: Decider, items: Iterable[Item], reason: str) -> Ignored:
    """Left out for good where they are undecided, also from `run --all`. An edited answer is judged anew."""
    why = decider.signed(Decision.IGNORE, reason)
    done: list[Item] = []
    left: list[Item] = []
    for item in items:
        (done if decider.store.ignore(item.sync, item.answer.number, why) else left).append(item)
    ignored = Ignored(tuple(done), tuple(left))
    _note(decider, Decision.IGNORE, ignored.answers, done)
    return ignored


@dataclass(frozen=True)
class Rechecked:
    """What is looked up again."""

    answers: tuple[Stored, ...]
    again: Again


def recheck(decider: Decider, items: Iterable[Item]) -> Rechecked:
    """The undecided ones of these: their records may be found by now."""
    open_ = [item for item in items if item.settled.state in _OPEN]
    numbers: dict[str, list[int]] = {}
    for item in open_:
        numbers.setdefault(item.sync, []).append(item.answer.number)
    for sync, its in numbers.items():
        decider.store.ask_again(sync, its)
    _note(decider, Decision.RECHECK, _answers(open_), open_)
    return Rechecked(_answers(open_), answers_again(numbers))


def recheck_all(decider: Decider, syncs: Sequence[str]) -> None:
    """However many wait for a record: a run of each looks them all up."""
    for sync in syncs:
        ask_for(decider, "run", {"sync": sync, "recheck": True})


# ------------------------------------------------------------ taking decisions back


@dataclass(frozen=True)
class Undone:
    """What was taken back; `again` is what the next run judges anew."""

    left_out: tuple[str, ...] = ()  # the syncs from which a person had left it out
    held: bool = False  # it had been released or discarded
    links: tuple[str, ...] = ()  # the key values that were linked to a record
    again: Again = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return bool(self.left_out or self.held or self.links)


def undo(decider: Decider, answer: Stored) -> Undone:
    """What was decided about this one answer: that it is left out, that a person gave it or nobody, and whose it is.
    A link of its e-mail or id concerns other answers as well: `unlink`."""
    store, response = decider.store, answer.response
    items = settled_in(decider.config, store, answer)
    again = {one.sync: (one.answer.number,) for one in items}
    own = answer_value(response)
    held = store.forget_hold_decision(response.source, response.id, again)
    scopes = {f"answer/{scope_of(decider.config, one.sync)}" for one in items}
    links = [scope for scope in sorted(scopes) if store.unlink(scope, own, again)]
    left_out = [one.sync for one in items if is_left_out(one)]
    for sync in left_out:
        store.ask_again(sync, again[sync])
    if not (held or links or left_out):
        return Undone()
    decider.note(Decision.UNDO, f"answer {called(response)}", {"syncs": list(again)})
    return Undone(tuple(left_out), held, (own,) if links else (), answers_again(again))


def is_left_out(item: Item) -> bool:
    """Whether a person left it out."""
    return item.settled.state is State.EXCLUDED and item.settled.code in _LEFT_OUT


def unlink(decider: Decider, scope: str, value: str) -> Undone:
    """This key value is no record's by a person's word any more: the rules say again whose its answers are. `scope` is
    that of the link: connection.object."""
    config, store = decider.config, decider.store
    record = store.links(scope, [value]).get(value)
    if record is None:
        return Undone()
    syncs = {name for name in config.sync if scope_of(config, name) == scope.removeprefix("answer/")}
    again: dict[str, tuple[int, ...]] = {}
    for fate in store.fates(store.answers_on_records([record])):
        if fate.sync in syncs and fate.settled.rule == BY_A_PERSON:
            again[fate.sync] = (*again.get(fate.sync, ()), fate.settled.number)
    store.unlink(scope, value, again)
    decider.note(Decision.UNDO, f"link of {scope}", {"answers": sum(map(len, again.values()))})
    return Undone(links=(value,), again=answers_again(again))


def _answers(items: Iterable[Item]) -> tuple[Stored, ...]:
    return tuple({item.answer.number: item.answer for item in items}.values())


def _note(decider: Decider, decision: Decision, answers: Sequence[Stored], items: Iterable[Item]) -> None:
    if not answers:
        return
    facts: Mapping[str, Json] = {
        "answers": len(answers),
        "syncs": [*dict.fromkeys(item.sync for item in items)],
    }
    decider.note(decision, about("answer", [called(one.response) for one in answers], "answers"), facts)
