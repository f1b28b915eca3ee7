"""The one policy for calling a vendor: a call goes in; status, headers and body come out, or one of our
errors.

It serves our own HTTP client and the vendors' libraries alike, so that pacing, retries, time limits, token
renewal, counting and the wording of errors are right once.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import tenacity

from connectors.contract import Tools
from connectors.going import heard
from connectors.limits import Limiter
from connectors.replies import MEGABYTE, Fine, Judge, Renew, Reply, Retry, Stop, judge
from connectors.tokens import NEVER_TAKEN, NeverTaken, Token
from connectors.wire import ON_THE_WIRE, FateUnknown, Overlong, broken_on_the_wire
from nps.errors import AccessError, NpsyncError, UnavailableError

# What a vendor answers that stumbled over the call itself, or was too slow with it; an outage has other words.
_STUMBLED = frozenset({500, 504, 520, 524})


@dataclass(frozen=True)
class CallPolicy:
    """How a connection calls its vendor. Thread-safe; `dataclasses.replace` makes a variant (other judge, no
    token).

    `attempts` and `patience` (seconds, over all attempts) bound every call, `turn` (seconds) how long one waits for
    its turn. `learn` sees each reply, to read
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
    turn: float = math.inf
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
        try:
            with heard(self.policy.tools):  # of what ended it: credentials that die in the middle are told of
                return self._carried_out()
        except FateUnknown:
            raise
        except NpsyncError as error:
            if not self.unknown or self.reads:
                raise
            ended = error
        # What ended the last attempt says nothing of the one whose fate is unknown.
        raise FateUnknown(f"{ended}; an attempt before it may have been carried out all the same")

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
        policy.limiter.acquire(self.bucket, self.cost, patience=policy.turn)
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
            failure: Exception = error
        # Outside the handler, so that nothing that happened on the wire hangs on to our error.
        broken = broken_on_the_wire(failure, self.what)
        self.unknown = self.unknown or broken.unknown
        raise _Again(broken.words, after=None, unknown=broken.unknown, advice=broken.advice)

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
        if token is None or self.renewals == NEVER_TAKEN:
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
