"""What pages and the API ask for."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Clock
from nps import periods
from npsync.config import Config
from npsync.figures.shown import Shown
from npsync.reports import Report, Wish, make
from npsync.reports.owners import namer
from npsync.reports.wish import MONTHS, counting, enough_of, name_of_accounts
from store.api import Store
from store.api.tallying import AccountPage, Order

GROUPS = 100  # of a report that are told one by one


class Figures:
    """Any thread may ask."""

    def __init__(self, config: Config, store: Store, clock: Clock) -> None:
        self._config, self._store, self._clock = config, store, clock

    def report(self, wish: Wish) -> Shown[Report]:
        names = namer(self._config, self._store, wish.survey, self._clock) if wish.by == "owner" else None
        now = self._clock.now()
        return Shown(make(self._config, self._store, wish, now=now, names=names, limit=GROUPS), now)

    def accounts(
        self, survey: str, order: Order = Order.WORST, *, limit: int = 50, offset: int = 0
    ) -> Shown[AccountPage]:
        """The accounts with answers of the last twelve months."""
        now = self._clock.now()
        today = now.astimezone(self._config.time_zone).date()
        since = periods.months_back(today, MONTHS)
        found = self._store.account_figures(
            counting(self._config, survey, since, today + timedelta(days=1)),
            order=order,
            enough=enough_of(self._config, survey),
            limit=limit,
            offset=offset,
            label=name_of_accounts(self._config),
        )
        return Shown(found, now)
