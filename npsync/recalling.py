"""Taking a person's decision back: the answers it is about are judged anew, as if nobody had decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npsync.jobs import scope_of
from npsync.review import Item, settled_in
from store.api import State
from sync.finding import BY_A_PERSON
from sync.first_look import answer_value

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store, Stored

_LEFT_OUT = ("ignored", "discarded")


@dataclass(frozen=True)
class Recalled:
    """What was taken back; `again` are the answers (sync → numbers) that the next run judges anew."""

    left_out: tuple[str, ...] = ()  # the syncs from which a person had left it out
    held: bool = False  # it had been released or discarded
    links: tuple[str, ...] = ()  # the key values that were linked to a record
    again: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return bool(self.left_out or self.held or self.links)


def recall(config: Config, store: Store, answer: Stored) -> Recalled:
    """What was decided about this one answer: that it is left out, that a person gave it or nobody, and whose it is.
    A link of its e-mail or id concerns other answers as well: `unlink`."""
    items = settled_in(config, store, answer)
    again = {one.sync: (one.answer.number,) for one in items}
    response = answer.response
    own = answer_value(response)
    held = store.forget_hold_decision(response.source, response.id, again)
    scopes = {f"answer/{scope_of(config, one.sync)}" for one in items}
    links = [scope for scope in sorted(scopes) if store.unlink(scope, own, again)]
    left_out = [one.sync for one in items if is_left_out(one)]
    for sync in left_out:
        store.ask_again(sync, again[sync])
    found = bool(held or links or left_out)
    return Recalled(tuple(left_out), held, (own,) if links else (), again if found else {})


def is_left_out(item: Item) -> bool:
    """Whether a person left it out."""
    return item.settled.state is State.EXCLUDED and item.settled.code in _LEFT_OUT


def unlink(config: Config, store: Store, scope: str, value: str) -> Recalled:
    """This key value is no record's by a person's word any more: the rules say again whose its answers are. `scope` is
    that of the link: connection.object."""
    record = store.links(scope, [value]).get(value)
    if record is None:
        return Recalled()
    syncs = {name for name in config.sync if scope_of(config, name) == scope.removeprefix("answer/")}
    again: dict[str, tuple[int, ...]] = {}
    for fate in store.fates(store.answers_on_records([record])):
        if fate.sync in syncs and fate.settled.rule == BY_A_PERSON:
            again[fate.sync] = (*again.get(fate.sync, ()), fate.settled.number)
    store.unlink(scope, value, again)
    return Recalled(links=(value,), again=again)
