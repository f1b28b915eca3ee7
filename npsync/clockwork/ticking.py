"""The clock itself: at every tick it takes what has come due and hands it on. A restart misses nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from npsync.asking.asker import Asker
from npsync.clockwork.claims import Claims
from npsync.clockwork.rescuing import FORGOTTEN_AFTER, catch_up_unpaused, forget_gone, is_lately, rescue
from npsync.clockwork.work import Work, skip, tell
from npsync.schedule import installation_of
from store.api import Serving
from store.owners import is_gone

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.clockwork.acting import Acting
    from npsync.clockwork.hands import Hands
    from npsync.config import Config
    from store.api import Store

SEEN_EVERY = 10.0  # seconds
RESCUED_EVERY = 30.0

Works = Callable[["Config"], Work]
Turns = Callable[["Config"], Sequence[Asker]]


class Clockwork:
    """Ticks, by one configuration at a time. `hands` do what is due; `works` says what a claim stands for, `turns`
    what has its turn beside, and `acting` does what people asked for."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        owner: str,
        *,
        hands: Hands,
        works: Works,
        turns: Turns = lambda config: (),
        acting: Acting | None = None,
        mark: str = "",
    ) -> None:
        self._store, self._clock, self._owner = store, clock, owner
        self._hands, self._works, self._turns, self._acting = hands, works, turns, acting
        self._began_at = clock.now()
        self._seen: float | None = None
        self._rescued: float | None = None
        self._askers: Sequence[Asker] = ()
        self._retired: Sequence[Asker] = ()  # those of an earlier configuration whose last turn lasts still
        self._problem: str | None = None
        self.take(config, mark)

    def take(self, config: Config, mark: str) -> None:
        """Go by this configuration from the next tick on. What was begun ends by the one it began with. `mark`: by
        which others know it again. Whatever making something of it raises leaves everything as it was."""
        claims = Claims(config, self._store, self._owner, installation_of(self._store))
        work, askers = self._works(config), self._turns(config)
        catch_up_unpaused(config, self._store, self._clock.now())
        for asker in self._askers:
            asker.retire()
        self._retired = [one for one in (*self._retired, *self._askers) if one.under_way is not None]
        self.config, self.mark, self.config_at = config, mark, self._clock.now()
        self._claims, self._work, self._askers = claims, work, askers
        self._seen = None

    def show(self, problem: str | None) -> None:
        """Why the file as it is now was not taken, for people to see."""
        self._problem, self._seen = problem, None

    def tick(self) -> None:
        """Begin what has come due. A due time that comes while its sync still runs is recorded as skipped."""
        self._be_seen()
        for asker in self._askers:
            asker.tick()
        if self._acting is not None:
            self._acting.tick(self.config)
        for claim in self._claims.due(self._clock.now(), busy=self._hands.is_busy):
            if claim.skipped:
                tell(claim, claim.outcome)
            elif self._hands.is_busy(claim.place):
                skip(self._store, claim, self._clock)
            else:
                tell(claim, claim.outcome)
                self._hands.begin(claim, self._work)

    def stop(self) -> None:
        """Take nothing new; what nobody has begun is handed back, and runs under way end at their next step."""
        self._hands.stop()
        for asker in self._askers:
            asker.stop()

    def under_way(self) -> list[str]:
        """What has not ended yet."""
        turns = (asker.under_way for asker in (*self._askers, *self._retired))
        return [*self._hands.under_way(), *(turn for turn in turns if turn is not None)]

    def wait(self) -> None:
        """Until what is under way has come to its next step, and ended there."""
        self._hands.wait()
        for asker in (*self._askers, *self._retired):
            asker.wait()
        self._store.end_serving(self._owner, before=self._clock.now() - FORGOTTEN_AFTER)

    def _be_seen(self) -> None:
        """Others see that this process is there, and take over what one that is gone had taken."""
        at = self._clock.monotonic()
        if self._seen is None or at - self._seen >= SEEN_EVERY:
            self._seen = at
            self._store.note_serving(
                Serving(
                    owner=self._owner,
                    kind="serve",
                    began_at=self._began_at,
                    seen_at=self._clock.now(),
                    config_at=self.config_at,
                    mark=self.mark,
                    problem=self._problem,
                )
            )
        if self._rescued is None or at - self._rescued >= RESCUED_EVERY:
            self._rescued = at
            rescue(self._store, self._clock.now())
            forget_gone(self._store, self._clock.now())


def is_alive(serving: Serving, now: datetime) -> bool:
    """Whether it said so lately, and was not killed since as far as this machine knows."""
    return is_lately(serving.seen_at, now) and not is_gone(serving.owner)
