"""Who gets in: bearer tokens, scopes, and the three limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.hubspot.account import Account, Token
from sandbox.hubspot.refusals import expired, missing_scopes, rate_limited, unauthenticated

_BURST_SECONDS = 10.0
_SEARCH_SECONDS = 1.0


class Gate:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._bursts: dict[str, deque[float]] = {}
        self._searches: deque[float] = deque()
        self._day = ""
        self._today = 0

    def admit(self, authorization: str, scopes: Sequence[str], *, search: bool = False) -> dict[str, str]:
        """The limit headers of the reply; a Refusal for a caller who may not come in. `scopes` are
        alternatives: any one of them opens the door."""
        name, token = self._identify(authorization)
        headers = self._count(name, token, search=search)
        if scopes and not token.scopes.intersection(scopes):
            raise missing_scopes(scopes)
        return headers

    def spent_today(self) -> int:
        self._turn_day()
        return self._today

    def spend(self, calls: int) -> None:
        """That many are spent today, whoever made them."""
        self._turn_day()
        self._today = calls

    def _identify(self, authorization: str) -> tuple[str, Token]:
        scheme, _, name = authorization.partition(" ")
        token = self._account.tokens.get(name.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise unauthenticated()
        if token.is_oauth and self._account.room.faults.take("expired_token"):
            token.revoked = True
        if not self._account.is_fresh(token):
            raise expired() if token.is_oauth else unauthenticated()
        return name, token

    def _count(self, name: str, token: Token, *, search: bool) -> dict[str, str]:
        settings, now = self._account.settings, self._account.room.clock.time()
        self._turn_day()
        window = self._searches if search else self._bursts.setdefault(name, deque())
        span, most = (_SEARCH_SECONDS, settings.search) if search else (_BURST_SECONDS, settings.burst)
        while window and window[0] <= now - span:
            window.popleft()
        room = self._account.room
        if room.faults.take("quota_spent"):
            self._today = settings.daily  # the account's other apps took what was left
        if not token.is_oauth and settings.daily and self._today >= settings.daily:
            room.traffic.limit_met("hubspot", "daily")
            raise rate_limited("DAILY", self._headers(window, token, search=search))
        if most and len(window) >= most:
            policy = "SECONDLY" if search else "TEN_SECONDLY_ROLLING"
            room.traffic.limit_met("hubspot", policy)
            raise rate_limited(policy, self._headers(window, token, search=search))
        self._today += 1
        if most:
            window.append(now)
        return self._headers(window, token, search=search)

    def _headers(self, window: deque[float], token: Token, *, search: bool) -> dict[str, str]:
        settings = self._account.settings
        if search:
            return {}
        headers: dict[str, str] = {}
        if settings.burst:
            headers |= {
                "X-HubSpot-RateLimit-Max": str(settings.burst),
                "X-HubSpot-RateLimit-Remaining": str(max(0, settings.burst - len(window))),
                "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
                # Sent by the vendor still, and meaningless.
                "X-HubSpot-RateLimit-Secondly": str(settings.burst // 10),
                "X-HubSpot-RateLimit-Secondly-Remaining": str(settings.burst // 10 - 1),
            }
        if settings.daily and not token.is_oauth:
            headers |= {
                "X-HubSpot-RateLimit-Daily": str(settings.daily),
                "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, settings.daily - self._today)),
            }
        return headers

    def _turn_day(self) -> None:
        """The daily count starts again at midnight in the account's own zone."""
        zone = ZoneInfo(self._account.settings.time_zone)
        today = datetime.fromtimestamp(self._account.room.clock.time(), zone).date().isoformat()
        if today != self._day:
            self._day, self._today = today, 0
