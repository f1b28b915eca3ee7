"""The gatekeeper for other departments: its connections stay open between calls."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import timedelta

from nps.errors import AccessError, ConfigError
from npsync import opening
from npsync.asking import gatekeeper
from npsync.asking.gatekeeper import Named, Verdict, Wish
from npsync.logs import notice
from npsync.opening import Opened
from npsync.web.problems import TRY_AGAIN, Problem
from npsync.web.site import Site

REOPEN_AFTER = timedelta(minutes=15)  # fresh schema, fresh token


class Gate:
    """Thread-safe."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turn = threading.Lock()
        self._open, self._retired = ExitStack(), ExitStack()
        self._opened: tuple[float, Opened] | None = None

    def may_ask(self, who: Named, wish: Wish) -> Verdict:
        """Raises Problem; UnavailableError while the CRM cannot be asked."""
        try:
            return gatekeeper.may_ask(self._site.config, self._site.store, self._connections(), who, wish)
        except ConfigError as error:
            raise Problem(422, str(error), code="invalid") from None
        except AccessError as error:
            notice("may_ask_failed", problem=str(error))
            told = "the CRM does not let npsync look; whoever runs npsync finds out why in its log"
            raise Problem(503, told, code="crm_refuses", headers=TRY_AGAIN) from None

    def _connections(self) -> Opened:
        with self._turn:
            at = self._site.clock.monotonic()
            if self._opened is None or at >= self._opened[0] + REOPEN_AFTER.total_seconds():
                # Whoever still uses the old ones ends first: they are closed a period later.
                self._open, old = ExitStack(), self._open
                self._retired.close()
                self._retired = old
                made = self._open.enter_context(
                    opening.opened(self._site.config, self._site.store, self._site.clock)
                )
                for name in self._site.config.people:
                    made.destination(name)  # here, where one thread does it
                self._opened = (at, made)
            return self._opened[1]
