"""One Wootric account, as every part of a connection sees it: signed in once, paced together."""

from __future__ import annotations

from dataclasses import replace

from connectors.calls import CallPolicy
from connectors.contract import Clock, Tools
from connectors.handing import TURN
from connectors.http import Http
from connectors.limits import Limiter
from connectors.replies import FINE, Fine, Renew, Reply, Retry, Ruling, Stop, judge, retry_after, unreadable
from connectors.tokens import Credential, Token
from connectors.wootric.settings import WootricSettings
from nps.errors import AccessError, UnavailableError

_LONGEST_RESET = 90.0
_TOKEN_LIVES = 7200.0


class Account:
    """Thread-safe. `http` is for reading; `sending` gives up sooner, for a message waits for its turn, not in it."""

    def __init__(self, settings: WootricSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._limiter = Limiter(tools)
        sign_in = CallPolicy(tools, self._limiter, judge=lambda reply: _judge_sign_in(reply, tools.clock))
        self._door = Http(settings.address, sign_in, allow_http=settings.allow_http)
        policy = replace(
            sign_in,
            token=Token(self._signed_in, tools.clock),
            judge=lambda reply: _judge(reply, tools.clock),
            learn=self._learn,
        )
        self.http = Http(settings.address, policy, allow_http=settings.allow_http)
        self.sending = Http(
            settings.address,
            replace(
                policy,
                judge=lambda reply: _judge_sending(reply, tools.clock),
                attempts=3,
                patience=45.0,
                turn=TURN,
            ),
            allow_http=settings.allow_http,
            timeouts=(10.0, 30.0),
        )

    def close(self) -> None:
        self.http.close()
        self.sending.close()
        self._door.close()

    def _signed_in(self) -> Credential:
        settings = self._settings
        form = {"grant_type": "client_credentials"}
        if settings.client_id is not None and settings.client_secret is not None:
            form |= {"client_id": settings.client_id}
            form |= {"client_secret": settings.client_secret.get_secret_value()}
        elif settings.username is not None and settings.password is not None:
            form = {"grant_type": "password", "username": settings.username}
            form |= {"password": settings.password.get_secret_value()}
        account = settings.account_token
        reply = self._door.request(
            "POST",
            "/oauth/token",
            form=form,
            params={"account_token": account} if account else None,
            what="sign in",
            idempotent=True,
            reads=True,
        )
        granted = reply.json()
        token = granted.get("access_token") if isinstance(granted, dict) else None
        if not isinstance(token, str) or not token:
            raise UnavailableError(f"{reply.what}: the vendor's answer holds no access token")
        seconds = granted.get("expires_in")
        return Credential(token, float(seconds) if isinstance(seconds, int | float) else _TOKEN_LIVES)

    def _learn(self, reply: Reply) -> None:
        limit = reply.headers.get("x-rate-limit-limit", "")
        if limit.isdigit():
            self._limiter.tighten(int(limit), 60)
        if reply.headers.get("x-rate-limit-remaining") == "0":
            wait = _until_reset(reply, self._tools.clock)
            if wait is not None:
                self._limiter.pause(wait, why="Wootric's rate limit asks for a pause")


def _judge_sign_in(reply: Reply, clock: Clock) -> Ruling:
    if reply.status in (400, 401, 403):
        return Stop(
            AccessError, "Wootric refuses these credentials; check them in the account's API settings"
        )
    ruling = _judge(reply, clock)
    if isinstance(ruling, Fine) and reply.status != 200:
        return Stop(UnavailableError, f"status {reply.status}; is base_url right?")
    return ruling


def _judge(reply: Reply, clock: Clock) -> Ruling:
    match reply.status:
        case 401:
            return Renew("Wootric does not accept the access token")
        case 429:
            told = retry_after(reply, clock)
            reset = _until_reset(reply, clock)
            # "Allowed again after the minute passes."
            after = told if told is not None else reset if reset is not None else 60.0
            return Retry("status 429", after=after)
        case 404:
            return FINE
        case 200:
            return unreadable(reply) or FINE
        case _:
            return judge(reply, clock)


def _judge_sending(reply: Reply, clock: Clock) -> Ruling:
    """What comes back for a survey is not documented: any success will do, but for a proxy's page."""
    if 200 <= reply.status < 300 and "html" not in reply.headers.get("content-type", ""):
        return FINE
    return _judge(reply, clock)


def _until_reset(reply: Reply, clock: Clock) -> float | None:
    """Seconds until the limit is lifted; never long, as the two clocks may differ."""
    reset = reply.headers.get("x-rate-limit-reset", "")
    if not reset.isdigit():
        return None
    return min(max(int(reset) - clock.now().timestamp(), 1.0), _LONGEST_RESET)
