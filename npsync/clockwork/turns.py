"""What has its turn every few seconds beside the syncs: triggers, pushed answers, pruning, alerts …"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from npsync.alerting.turn import Telling, is_used
from npsync.asking.asker import Asker
from npsync.asking.triggering import Triggering
from npsync.figures.counting import Counter
from npsync.operating.retention import Nightly
from npsync.syncing.anonymous import Gathering
from npsync.syncing.pushed import PushedAnswers

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store


def turns_of(config: Config, store: Store, clock: Clock, stop: Callable[[], bool]) -> list[Asker]:
    """As far as this configuration has anything for them to do."""
    counter = Counter(config, store, clock, stop=stop)
    pushed = PushedAnswers(config, store, clock, stop=stop)
    nightly = Nightly(config, store, clock, stop=stop)
    found = [
        Asker(pushed.settle, clock, doing="settling", done="pushed"),
        Asker(nightly.turn, clock, doing="pruning", done="pruned"),
        Asker(counter.turn, clock, doing="counting", done="counted"),
    ]
    if config.has_to_ask:
        triggering = Triggering(config, store, clock, stop=stop)
        found.append(Asker(triggering.turn, clock, close=triggering.close))
    if config.privacy.anonymous:
        gathering = Gathering(config, store, clock, stop=stop)
        found.append(Asker(gathering.turn, clock, doing="gathering", done="gathered"))
    if is_used(config):
        telling = Telling(config, store, clock, stop=stop)
        found.append(Asker(telling.turn, clock, doing="telling", done="told"))
    return found
