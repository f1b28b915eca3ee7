"""The one policy for calling a vendor: a call goes in; status, headers and body come out, or one of our
errors.

It serves our own HTTP client and the vendors' libraries alike, so that pacing, retries, time limits, token
renewal, counting and the wording of errors are right once.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import requests
import tenacity
import urllib3

from connectors.contract import Clock, Tools
from connectors.going import heard
from connectors.limits import Limiter
from nps.errors import AccessError, ConfigError, NpsyncError, UnavailableError

MEGABYTE = 1024 * 1024


# What a vendor answers that stumbled over the call itself, or was too slow with it; an outage has other words.
_STUMBLED = frozenset({500, 504, 520, 524})


class FateUnknown(UnavailableError):
    """The call left and no answer came: the vendor may or may not have carried it out. `stumbled`: each attempt was
    answered, and the last one with a status that may be about what the call holds."""

    def __init__(self, message: str, *, stumbled: bool = False) -> None:
        super().__init__(message)
        self.stumbled = stumbled


class Overlong(UnavailableError):
    """The vendor answered, so it did something; but the answer was too long to be read."""


# ---------------------------------------------------------------- what comes back


@dataclass(frozen=True)
class Reply:
    """A vendor's answer. Header names are lower case; `what` names the call, for messages."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    what: str = ""
    _read: list[Any] = field(default_factory=list, repr=False, compare=False)  # the body, once it was parsed

    @property
    def is_json(self) -> bool:
        """Whether the body is whole: cut off anywhere, it does not parse. It is parsed once, here or in `json`."""
        if not self._read:
            with suppress(orjson.JSONDecodeError):
                self._read.append(orjson.loads(self.body))
        return bool(self._read)

    def json(self) -> Any:
        """The body as JSON; UnavailableError when it is something else, a proxy's login page for example."""
        if self.is_json:
            return self._read[0]
        # Raised outside the handler: the decoder's error would carry the body along.
        kind = self.headers.get("content-type", "no content type").split(";")[0]
        raise UnavailableError(
            f"{self.what}: status {self.status} came with {kind} where JSON was expected; "
            "is a proxy or a maintenance page answering?"
        )


# ---------------------------------------------------------------- what to do about it


@dataclass(frozen=True)
class Fine:
    """Hand the reply to the caller (also a 404 or 400 the caller knows how to read)."""


@dataclass(frozen=True)
class Retry:
    """Try again: after `after` seconds, for every thread of the connection, or by back-off when None.
    `unknown` says that the vendor may have carried the call out all the same."""

    reason: str
    after: float | None = None
    unknown: bool = False


@dataclass(frozen=True)
class Renew:
    """The credential is not accepted any more: renew it once and try again."""

    reason: str = "the credential was refused"


@dataclass(frozen=True)
class Stop:
    """Trying again cannot help: raise `error` with the reason."""

    error: Callable[[str], NpsyncError]
    reason: str


Ruling = Fine | Retry | Renew | Stop
Judge = Callable[[Reply], Ruling]

FINE = Fine()


def judge(reply: Reply, clock: Clock) -> Ruling:
    """What most vendors mean: 401 renew, 403 no access, 429/503 wait as told, 5xx try again, the rest is
    fine."""
    status = reply.status
    if status == 401:
        return Renew()
    if status == 403:
        return Stop(AccessError, "the vendor refuses access (403); see `npsync connect` for what to grant")
    if status in (408, 425):
        return Retry(f"status {status}")
    if status in (429, 503):
        return Retry(f"status {status}", after=retry_after(reply, clock))
    if status >= 500:
        return Retry(f"status {status}", unknown=True)
    return FINE


def unreadable(reply: Reply) -> Ruling | None:
    """What to do about a success that is none: a page of a proxy in between, JSON that was cut off. None: it reads."""
    kind = reply.headers.get("content-type", "")
    if "html" in kind:
        page = f"status {reply.status} came with {kind.split(';')[0]} where JSON was expected"
        return Retry(f"{page}; is a proxy or a maintenance page answering?", unknown=True)
    if "json" not in kind or reply.status == 204 or reply.is_json:
        return None
    return Retry(f"the answer (status {reply.status}) is cut off", unknown=True)


def retry_after(reply: Reply, clock: Clock) -> float | None:
    """Seconds the Retry-After header asks to wait; it may hold seconds or a date."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    with suppress(ValueError):
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max((aware - clock.now()).total_seconds(), 0.0)
    return None


# ---------------------------------------------------------------- credentials


@dataclass(frozen=True)
class Credential:
    """An access token, and how many seconds it lives (None: until it is refused)."""

    value: str = field(repr=False)
    seconds: float | None = None


_REFUSAL_STANDS = 60.0  # seconds; a process that lives for months must notice that access was granted again

_FAILURE_STANDS = 5.0  # as long as it takes the threads that waited for the same sign-in to notice

# So many tokens in a row that the vendor refused before it ever took them: another one would be refused as well.
_NEVER_TAKEN = 2


class NeverTaken(AccessError):
    """One token after the other was refused before any call got through with it."""


class Token:
    """A credential all threads of a connection share; however many want a new one, one request fetches it."""

    def __init__(self, fetch: Callable[[], Credential], clock: Clock, *, early: float = 60.0) -> None:
        self._fetch = fetch
        self._clock = clock
        self._early = early
        self._lock = threading.Lock()
        self._value: str | None = None
        self._expires_at: float | None = None
        self._untaken = 0  # tokens in a row that no call got through with
        self._failed: NpsyncError | None = None
        self._failed_until = 0.0

    def get(self) -> str:
        """The current token; fetched when there is none or it is about to expire."""
        value = self._value
        if value is not None and not self._expiring():
            return value
        with self._lock:
            if self._value is None or self._expiring():
                return self._renewed()
            return self._value

    def taken(self, seen: str) -> None:
        """The vendor let a call with `seen` in."""
        if self._untaken and seen == self._value:
            self._untaken = 0

    def renew(self, seen: str) -> bool:
        """`seen` was refused. Fetch a new one unless another thread already did; True if this thread
        fetched. NeverTaken when the tokens are refused as fast as they come."""
        with self._lock:
            if self._value != seen:
                return False
            if self._untaken >= _NEVER_TAKEN:
                raise NeverTaken
            self._renewed()
            return True

    def _expiring(self) -> bool:
        return self._expires_at is not None and self._clock.monotonic() >= self._expires_at - self._early

    def _renewed(self) -> str:
        asked_at = self._clock.monotonic()
        if self._failed is not None and asked_at < self._failed_until:
            raise type(self._failed)(str(self._failed))
        try:
            credential = self._fetch()
        except (AccessError, UnavailableError) as failure:
            # The threads that waited for this one would only be refused again and lock the account out, or wait in
            # vain one after the other.
            stands = _REFUSAL_STANDS if isinstance(failure, AccessError) else _FAILURE_STANDS
            self._failed, self._failed_until = failure, self._clock.monotonic() + stands
            raise
        self._value = credential.value
        self._expires_at = None if credential.seconds is None else asked_at + credential.seconds
        self._untaken += 1
        return credential.value


# ---------------------------------------------------------------- the policy


@dataclass(frozen=True)
class CallPolicy:
    """How a connection calls its vendor. Thread-safe; `dataclasses.replace` makes a variant (other judge, no
    token).

    `attempts` and `patience` (seconds, over all attempts) bound every call. `learn` sees each reply, to read
    limits from its headers. `judge` is the vendor's own table of what a reply means. `advice` follows a refusal
    that a new token does not help against.
    """

    tools: Tools
    limiter: Limiter
    judge: Judge | None = None
    token: Token | None = None
    learn: Callable[[Reply], None] | None = None
    attempts: int = 6
    patience: float = 180.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    max_bytes: int = 64 * MEGABYTE
    jitter: Callable[[], float] = random.random
    advice: str = "check the credentials in the YAML's connection"

    def call(
        self,
        send: Callable[[], Reply],
        *,
        what: str,
        idempotent: bool = True,
        bucket: str = "",
        cost: int = 1,
        reads: bool = False,
    ) -> Reply:
        """Send until there is a reply the caller can use.

        `what` names the call in messages ("read contacts"): no personal data, no secret. `send` makes one
        request; it reads the token itself (`policy.token.get()`). A call that is not `idempotent` is never
        repeated when its fate is unknown; one that only `reads` has no fate. Raises AccessError,
        UnavailableError (FateUnknown among them), BudgetError, or what the judge says.
        """
        what = f"{self.tools.connection}: {what}"
        return _Call(self, send, what, idempotent or reads, bucket, cost, reads).carried_out()


class _Again(Exception):
    """This attempt failed and another may help."""

    def __init__(
        self,
        reason: str,
        *,
        after: float | None,
        unknown: bool,
        advice: str = "",
        stumbled: bool = False,
    ) -> None:
        super().__init__(reason)
        self.stumbled = stumbled
        self.after = after
        self.unknown = unknown
        self.advice = advice


@dataclass
class _Call:
    """One call through its attempts."""

    policy: CallPolicy
    send: Callable[[], Reply]
    what: str
    idempotent: bool
    bucket: str
    cost: int
    reads: bool
    renewals: int = 0
    unknown: bool = False
    started_at: float = 0.0
    attempts: int = 0

    def carried_out(self) -> Reply:
        with heard(self.policy.tools):
            return self._carried_out()

    def _carried_out(self) -> Reply:
        clock = self.policy.tools.clock
        self.started_at = clock.monotonic()
        # Nearly every call gets through at once; only one that did not pays for the machinery of retrying.
        try:
            return self._attempt()
        except _Again as failure:
            failed = [failure]

        def attempt() -> Reply:
            if failed:
                raise failed.pop()
            return self._attempt()

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=self._out_of_patience,
            wait=self._wait,
            sleep=clock.sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _Again as failure:
            last = failure
        # Outside the handler, so that nothing that happened on the wire hangs on to our error.
        raise self._given_up(last)

    def _attempt(self) -> Reply:
        policy = self.policy
        seen = policy.token.get() if policy.token is not None else ""
        policy.limiter.acquire(self.bucket, self.cost)
        policy.tools.count_call()
        self.attempts += 1
        reply = self._sent()
        if len(reply.body) > policy.max_bytes:
            raise Overlong(
                f"{self.what}: the answer is larger than {policy.max_bytes // MEGABYTE} MB; it was not read"
            )
        reply = Reply(reply.status, reply.headers, reply.body, self.what)
        if policy.learn is not None:
            policy.learn(reply)
        return self._ruled(reply, seen)

    def _sent(self) -> Reply:
        try:
            return self.send()
        except ON_THE_WIRE as error:
            broken: Exception = error
        failure = _network_failure(broken, self.what)
        self.unknown = self.unknown or failure.unknown
        raise failure

    def _ruled(self, reply: Reply, seen: str) -> Reply:
        policy = self.policy
        ruling = policy.judge(reply) if policy.judge else judge(reply, policy.tools.clock)
        match ruling:
            case Fine():
                if seen and policy.token is not None:
                    policy.token.taken(seen)
                return reply
            case Stop(error, reason):
                raise error(f"{self.what}: {reason}")
            case Renew(reason):
                if not self._renewed(seen):
                    raise AccessError(f"{self.what}: {reason}; {policy.advice}")
                raise _Again(reason, after=0.0, unknown=False)
            case Retry(reason, after, unknown):
                if after is not None:
                    policy.limiter.pause(after, why=f"the vendor answered {reason} and asked for a pause")
                self.unknown = self.unknown or unknown
                raise _Again(reason, after=after or None, unknown=unknown, stumbled=reply.status in _STUMBLED)

    def _renewed(self, seen: str) -> bool:
        """Whether another attempt is worth it: there is a new token, and not a third one for this call."""
        token = self.policy.token
        if token is None or self.renewals == _NEVER_TAKEN:
            return False
        with suppress(NeverTaken):
            self.renewals += token.renew(seen)
            return True
        return False

    def _wait(self, state: tenacity.RetryCallState) -> float:
        failure = _failure_of(state)
        if failure.after == 0.0:
            return 0.0
        policy = self.policy
        longest = min(policy.longest_wait, policy.first_wait * 2.0 ** (state.attempt_number - 1))
        wait = max(failure.after or 0.0, longest * (0.5 + 0.5 * policy.jitter()))
        return min(wait, policy.patience - self._spent())

    def _out_of_patience(self, state: tenacity.RetryCallState) -> bool:
        failure = _failure_of(state)
        if failure.unknown and not self.idempotent:
            return True
        # A vendor that names the pause is waited for as long as patience lasts: its own word for when is the best.
        if not failure.after and state.attempt_number >= self.policy.attempts:
            return True
        return self._spent() + (failure.after or 0.0) >= self.policy.patience

    def _spent(self) -> float:
        return self.policy.tools.clock.monotonic() - self.started_at

    def _given_up(self, last: _Again) -> UnavailableError:
        times = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        text = f"{self.what}: {last} (after {times})"
        if last.after:
            text += f"; the vendor asks to wait {last.after:.0f} s"
        if last.advice:
            text += f"; {last.advice}"
        if self.unknown and not self.reads:
            text = f"{text}; it may have been carried out all the same"
            return FateUnknown(text, stumbled=last.stumbled)
        return UnavailableError(text)


def _failure_of(state: tenacity.RetryCallState) -> _Again:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, _Again)
    return failure


# ---------------------------------------------------------------- failures on the wire


class TooLarge(Exception):
    """A body went over the cap while it was read."""


ON_THE_WIRE = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    TimeoutError,
    TooLarge,
)


def _network_failure(error: Exception, what: str) -> _Again:
    """What a library's exception means, without its text: that may hold addresses and headers."""
    match error:
        case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
            raise ConfigError(f"{what}: the address is not valid; check base_url in the YAML's connection")
        case TooLarge():
            raise Overlong(f"{what}: the answer is larger than allowed; it was not read to its end")
    cause = _root(error)
    if isinstance(cause, _NOT_SENT):
        words, advice = _NOT_SENT_WORDS.get(type(cause), _NO_CONNECTION)
        return _Again(words, after=None, unknown=False, advice=advice)
    words = "no answer in time" if isinstance(cause, _TIMED_OUT) else "the connection broke off"
    return _Again(words, after=None, unknown=True)


_NOT_SENT: tuple[type[BaseException], ...] = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.SSLError,
    requests.exceptions.ProxyError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,  # and NameResolutionError below it
    urllib3.exceptions.SSLError,
    urllib3.exceptions.ProxyError,
    ConnectionRefusedError,
)
_NO_CONNECTION = ("no connection", "check this machine's network, proxy and firewall, then run again")
_CERTIFICATE = (
    "the TLS certificate could not be verified",
    "a company's own certificates are named by REQUESTS_CA_BUNDLE",
)
_NOT_SENT_WORDS: dict[type[BaseException], tuple[str, str]] = {
    requests.exceptions.SSLError: _CERTIFICATE,
    urllib3.exceptions.SSLError: _CERTIFICATE,
    requests.exceptions.ProxyError: ("the proxy did not connect", "check HTTPS_PROXY and NO_PROXY"),
    urllib3.exceptions.ProxyError: ("the proxy did not connect", "check HTTPS_PROXY and NO_PROXY"),
    urllib3.exceptions.NameResolutionError: (
        "the host name is not known",
        "check the address in the YAML's connection, and this machine's DNS",
    ),
    urllib3.exceptions.NewConnectionError: (
        "the host refused the connection",
        "check the address in the YAML's connection, and that it may be reached from this machine",
    ),
}
_TIMED_OUT: tuple[type[BaseException], ...] = (
    requests.exceptions.ReadTimeout,
    urllib3.exceptions.ReadTimeoutError,
    TimeoutError,
)


def _root(error: BaseException) -> BaseException:
    """The failure below the libraries' wrappings (requests → MaxRetryError → what happened)."""
    for _ in range(8):
        inner = getattr(error, "reason", None)
        if (
            not isinstance(inner, BaseException)
            and isinstance(error, requests.RequestException)
            and error.args
        ):
            inner = error.args[0]
        if not isinstance(inner, BaseException):
            return error
        error = inner
    return error
