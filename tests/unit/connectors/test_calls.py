"""The shared call policy: what is repeated, how long, and what is said when it gives up."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
import urllib3
from fake_clock import Calls, FakeClock, fake_tools

from connectors.calls import CallPolicy
from connectors.limits import Limiter
from connectors.replies import Fine, Reply, Ruling, Stop, judge
from connectors.tokens import Credential, Token
from connectors.wire import FateUnknown
from nps.errors import AccessError, BudgetError, ConfigError, NpsyncError, RejectedError, UnavailableError

OK = Reply(200, {"content-type": "application/json"}, b'{"ok": true}')
SECRET = "s3cr3t-token"
POOL = urllib3.HTTPConnectionPool("api.example.com")


def policy(clock: FakeClock | None = None, **options: Any) -> CallPolicy:
    tools = fake_tools("crm", clock=clock or FakeClock(), count_call=options.pop("count_call", Calls()))
    return CallPolicy(tools, Limiter(tools), **options)


def answers(*outcomes: Reply | Exception) -> Callable[[], Reply]:
    """A send that gives these one after the other."""
    left = list(outcomes)

    def send() -> Reply:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return send


def not_connected() -> Exception:
    refused = urllib3.exceptions.NewConnectionError(POOL, f"refused {SECRET}")
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(POOL, f"/?t={SECRET}", refused))


def no_answer() -> Exception:
    return requests.ReadTimeout(urllib3.exceptions.ReadTimeoutError(POOL, f"/?t={SECRET}", "timed out"))


def broken_off() -> Exception:
    return urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, SECRET))


# ---------------------------------------------------------------- what is repeated


def test_a_reply_comes_back_with_the_name_of_its_call() -> None:
    reply = policy().call(answers(OK), what="read contacts")
    assert reply.json() == {"ok": True}
    assert reply.what == "crm: read contacts"


@pytest.mark.parametrize("failure", [Reply(500), Reply(502), Reply(503), Reply(429), Reply(408)])
def test_a_passing_failure_is_tried_again(failure: Reply) -> None:
    assert policy().call(answers(failure, failure, OK), what="read").status == 200


@pytest.mark.parametrize("failure", [not_connected, no_answer, broken_off])
def test_a_failure_on_the_wire_is_tried_again(failure: Callable[[], Exception]) -> None:
    assert policy().call(answers(failure(), OK), what="read").status == 200


def test_every_request_is_counted_also_the_failed_ones() -> None:
    calls = Calls()
    policy(count_call=calls).call(answers(Reply(500), no_answer(), OK), what="read")
    assert calls.count == 3


@pytest.mark.parametrize("status", [200, 204, 301, 400, 404, 409, 422])
def test_what_the_caller_must_judge_is_handed_over_at_once(status: int) -> None:
    assert policy().call(answers(Reply(status)), what="read").status == status


def test_waits_grow_and_carry_jitter() -> None:
    clock = FakeClock()
    failures = [Reply(500)] * 5
    policy(clock, jitter=lambda: 1.0).call(answers(*failures, OK), what="read")
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    clock = FakeClock()
    policy(clock, jitter=lambda: 0.0).call(answers(*failures, OK), what="read")
    assert clock.slept == [0.25, 0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("asked", ["7", "Mon, 02 Mar 2026 12:00:07 GMT"])
def test_retry_after_is_honoured_in_seconds_and_as_a_date(asked: str) -> None:
    clock = FakeClock()
    policy(clock).call(answers(Reply(429, {"retry-after": asked}), OK), what="read")
    assert clock.monotonic() == pytest.approx(7, abs=0.01)


@pytest.mark.parametrize("asked", ["", "soon", "-5", "inf"])
def test_a_retry_after_nobody_can_read_falls_back_to_backing_off(asked: str) -> None:
    clock = FakeClock()
    policy(clock, jitter=lambda: 1.0).call(answers(Reply(503, {"retry-after": asked}), OK), what="read")
    assert clock.slept == [0.5]


def test_retry_after_pauses_every_call_of_the_connection() -> None:
    clock = FakeClock()
    tools = fake_tools(clock=clock)
    limiter = Limiter(tools)
    with pytest.raises(UnavailableError):
        CallPolicy(tools, limiter, patience=20).call(answers(Reply(429, {"retry-after": "20"})), what="read")
    CallPolicy(tools, limiter).call(answers(OK), what="read something else")
    assert clock.monotonic() >= 20


# ---------------------------------------------------------------- when it gives up


def test_attempts_are_bounded() -> None:
    with pytest.raises(UnavailableError, match=r"crm: read contacts: status 429 \(after 3 attempts\)"):
        policy(attempts=3).call(answers(*[Reply(429)] * 3), what="read contacts")


def test_total_time_is_bounded() -> None:
    clock = FakeClock()
    asked = Reply(429, {"retry-after": "50"})
    with pytest.raises(UnavailableError, match="asks to wait 50 s"):
        policy(clock, patience=120, attempts=99).call(answers(*[asked] * 99), what="read")
    assert clock.monotonic() <= 120


def test_a_wait_longer_than_our_patience_is_not_begun() -> None:
    clock = FakeClock()
    with pytest.raises(UnavailableError, match="asks to wait 3600 s"):
        policy(clock).call(answers(Reply(429, {"retry-after": "3600"})), what="read")
    assert clock.monotonic() == 0


@pytest.mark.parametrize("failure", [no_answer, broken_off, lambda: Reply(502)])
def test_a_call_of_unknown_fate_is_never_repeated_when_it_is_not_idempotent(failure: Any) -> None:
    with pytest.raises(FateUnknown, match="may have been carried out"):
        policy().call(answers(failure(), OK), what="create a job", idempotent=False)


@pytest.mark.parametrize("failure", [not_connected, lambda: Reply(429), lambda: Reply(503)])
def test_a_call_that_surely_did_not_happen_is_repeated_even_when_not_idempotent(failure: Any) -> None:
    assert policy().call(answers(failure(), OK), what="create a job", idempotent=False).status == 200


def test_one_attempt_of_unknown_fate_leaves_the_whole_call_unknown() -> None:
    with pytest.raises(FateUnknown):
        policy(attempts=2).call(answers(no_answer(), not_connected()), what="update")


@pytest.mark.parametrize("error", [AccessError, BudgetError, ConfigError])
def test_what_ends_a_call_says_nothing_of_the_attempt_before(error: type[NpsyncError]) -> None:
    """The first attempt may have written; the refusal of the second one must not be told as "nothing was sent"."""

    def refuse(reply: Reply) -> Ruling:
        return Stop(error, "refused") if reply.status == 401 else judge(reply, FakeClock())

    refusing = policy(judge=refuse)
    with pytest.raises(FateUnknown, match="refused; an attempt before it may have been carried out"):
        refusing.call(answers(no_answer(), Reply(401)), what="update")
    with pytest.raises(FateUnknown, match="may have been carried out"):
        refusing.call(answers(Reply(504), Reply(401)), what="update")
    with pytest.raises(error):
        refusing.call(answers(not_connected(), Reply(401)), what="update")
    with pytest.raises(error):
        refusing.call(answers(no_answer(), Reply(401)), what="read contacts", reads=True)


def test_credentials_that_die_in_the_middle_are_told_of_although_the_call_may_have_been_carried_out() -> None:
    went: list[NpsyncError | None] = []
    tools = replace(fake_tools("crm"), went=went.append)
    refusing = CallPolicy(tools, Limiter(tools), judge=lambda reply: Stop(AccessError, "revoked"))
    with pytest.raises(FateUnknown):
        refusing.call(answers(no_answer(), Reply(401)), what="update")
    assert [type(one) for one in went] == [AccessError]


@pytest.mark.parametrize("failure", [no_answer, broken_off, lambda: Reply(502)])
def test_a_call_that_only_reads_has_no_fate(failure: Any) -> None:
    with pytest.raises(UnavailableError) as caught:
        policy(attempts=2).call(answers(failure(), failure()), what="read contacts", reads=True)
    assert not isinstance(caught.value, FateUnknown)
    assert "carried out" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "step"),
    [
        (not_connected(), "check the address in the YAML's connection"),
        (urllib3.exceptions.NameResolutionError("api.example.com", POOL, OSError("no")), "DNS"),  # type: ignore[arg-type]
        (requests.exceptions.SSLError("bad"), "REQUESTS_CA_BUNDLE"),
        (requests.exceptions.ProxyError("bad"), "HTTPS_PROXY"),
        (requests.exceptions.ConnectTimeout("bad"), "proxy and firewall"),
    ],
)
def test_a_host_that_is_not_reached_comes_with_a_next_step(failure: Exception, step: str) -> None:
    with pytest.raises(UnavailableError, match=step):
        policy(attempts=1).call(answers(failure), what="read contacts")


def test_a_storm_of_refusals_with_short_pauses_is_sat_out_in_few_calls() -> None:
    """Asked to come back in a second for two minutes on end: not two hundred calls, and not a run given up at once."""
    clock, calls = FakeClock(), Calls()

    def send() -> Reply:
        return OK if clock.monotonic() > 120 else Reply(429, {"retry-after": "1"})

    assert policy(clock, count_call=calls).call(send, what="read").status == 200
    assert calls.count < 15


@pytest.mark.parametrize("asked", [{}, {"retry-after": "1"}, {"retry-after": "0"}, {"retry-after": "30"}])
def test_a_storm_that_does_not_end_is_given_up_within_our_patience(asked: dict[str, str]) -> None:
    clock, calls = FakeClock(), Calls()
    with pytest.raises(UnavailableError) as caught:
        policy(clock, count_call=calls).call(lambda: Reply(429, asked), what="update contacts")
    assert not isinstance(caught.value, FateUnknown)  # a refused call did nothing
    assert clock.monotonic() <= 180
    assert calls.count < 15


def test_a_call_that_never_left_is_not_called_unknown() -> None:
    with pytest.raises(UnavailableError) as caught:
        policy(attempts=2).call(answers(not_connected(), not_connected()), what="update")
    assert not isinstance(caught.value, FateUnknown)


def test_an_address_that_is_none_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigError, match="base_url"):
        policy().call(answers(requests.exceptions.InvalidURL(SECRET)), what="read")


def test_a_bug_in_a_connector_is_not_taken_for_a_busy_vendor() -> None:
    with pytest.raises(ZeroDivisionError):
        policy().call(answers(ZeroDivisionError()), what="read")


@pytest.mark.parametrize("failure", [not_connected, no_answer, broken_off])
def test_no_message_and_no_chained_error_carries_what_was_on_the_wire(
    failure: Callable[[], Exception],
) -> None:
    with pytest.raises(UnavailableError) as caught:
        policy(attempts=1).call(answers(failure()), what="read")
    assert caught.value.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_an_answer_over_the_cap_is_refused() -> None:
    with pytest.raises(UnavailableError, match="larger than 1 MB"):
        policy(max_bytes=1024 * 1024).call(answers(Reply(200, {}, b"x" * 1024 * 1025)), what="read")


def test_html_where_json_belongs_is_said_without_showing_it() -> None:
    reply = Reply(200, {"content-type": "text/html; charset=utf-8"}, f"<html>{SECRET}".encode(), "crm: read")
    with pytest.raises(UnavailableError, match="crm: read: status 200 came with text/html") as caught:
        reply.json()
    assert caught.value.__context__ is None
    assert SECRET not in str(caught.value) + repr(reply)


def test_the_vendors_own_judge_decides_and_its_error_names_the_call() -> None:
    def refuse(message: str) -> NpsyncError:
        return RejectedError(message, code="X")

    with pytest.raises(RejectedError, match="crm: update: locked for good"):
        policy(judge=lambda reply: Stop(refuse, "locked for good")).call(answers(OK), what="update")


def test_learn_sees_every_reply_before_it_is_judged() -> None:
    seen: list[int] = []
    policy(learn=lambda reply: seen.append(reply.status)).call(answers(Reply(500), OK), what="read")
    assert seen == [500, 200]


# ---------------------------------------------------------------- tokens


class Issuer:
    """Hands out token-1, token-2, …"""

    def __init__(self, seconds: float | None = None) -> None:
        self.issued = 0
        self.seconds = seconds

    def __call__(self) -> Credential:
        self.issued += 1
        return Credential(f"token-{self.issued}", self.seconds)


def test_a_token_is_fetched_once_and_renewed_a_minute_before_it_ends() -> None:
    clock = FakeClock()
    token = Token(Issuer(7200), clock)
    assert token.get() == token.get() == "token-1"
    clock.advance(7139)
    assert token.get() == "token-1"
    clock.advance(1)
    assert token.get() == "token-2"


def test_many_threads_that_see_a_refused_token_fetch_one_new_one() -> None:
    issuer = Issuer()
    token = Token(issuer, FakeClock())
    seen = token.get()
    start = threading.Barrier(8)
    fetched: list[bool] = []

    def renew() -> None:
        start.wait()
        fetched.append(token.renew(seen))

    threads = [threading.Thread(target=renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert issuer.issued == 2
    assert sorted(fetched) == [False] * 7 + [True]


def test_a_refused_token_is_renewed_and_the_call_repeated() -> None:
    clock = FakeClock()
    token = Token(Issuer(), clock)

    def send() -> Reply:
        return OK if token.get() == "token-2" else Reply(401)

    assert policy(clock, token=token).call(send, what="write", idempotent=False).status == 200
    assert clock.monotonic() == 0


def test_a_token_refused_again_after_its_renewal_is_lost_access() -> None:
    token = Token(Issuer(), FakeClock())
    with pytest.raises(AccessError, match="crm: read: the credential was refused"):
        policy(token=token).call(lambda: Reply(401), what="read")


class Vendor:
    """Lets calls in whose token it knows, and counts them; `good` decides, from any thread."""

    def __init__(self, good: Callable[[str], bool]) -> None:
        self.good = good
        self.lock = threading.Lock()

    def by(self, token: Token) -> Callable[[], Reply]:
        def send() -> Reply:
            value = token.get()
            with self.lock:
                return OK if self.good(value) else Reply(401)

        return send


def at_once(threads: int, call: Callable[[], object]) -> list[object]:
    """What each thread's call came to: its result, or its error."""
    start, told = threading.Barrier(threads), []

    def go() -> None:
        start.wait()
        try:
            told.append(call())
        except NpsyncError as error:
            told.append(error)

    started = [threading.Thread(target=go) for _ in range(threads)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    return told


def test_a_token_that_expires_under_eight_threads_is_fetched_anew_once() -> None:
    issuer, expired = Issuer(), {"token-1"}
    token = Token(issuer, FakeClock())
    vendor = Vendor(lambda value: value not in expired)
    one = policy(token=token)
    told = at_once(8, lambda: [one.call(vendor.by(token), what="write").status for _ in range(5)])
    assert told == [[200] * 5] * 8
    assert issuer.issued == 2


def test_a_new_token_that_expires_at_once_is_fetched_once_more() -> None:
    """Each token is good for ten calls, whoever makes them."""
    issuer, uses = Issuer(), dict[str, int]()
    token = Token(issuer, FakeClock())

    def good(value: str) -> bool:
        uses[value] = uses.get(value, 0) + 1
        return uses[value] <= 10

    one, vendor = policy(token=token), Vendor(good)
    assert [one.call(vendor.by(token), what="write").status for _ in range(40)] == [200] * 40
    assert issuer.issued == 4


def test_tokens_refused_as_fast_as_they_come_are_not_fetched_by_every_thread() -> None:
    issuer = Issuer()
    token = Token(issuer, FakeClock())
    one, vendor = policy(token=token), Vendor(lambda value: False)
    told = at_once(8, lambda: one.call(vendor.by(token), what="write"))
    assert [type(error) for error in told] == [AccessError] * 8
    assert issuer.issued == 2


def test_a_refresh_that_is_refused_is_asked_for_once_by_eight_threads() -> None:
    fetched: list[int] = []

    def fetch() -> Credential:
        fetched.append(1)
        if len(fetched) > 1:
            raise AccessError("crm: sign in: the refresh token was revoked")
        return Credential("token")

    token = Token(fetch, FakeClock())
    token.get()
    one, vendor = policy(token=token), Vendor(lambda value: False)
    told = at_once(8, lambda: one.call(vendor.by(token), what="write"))
    assert {str(error) for error in told} == {"crm: sign in: the refresh token was revoked"}
    assert len(fetched) == 2


def test_a_sign_in_service_that_is_down_is_not_waited_for_by_one_thread_after_the_other() -> None:
    clock, fetched = FakeClock(), []

    def fetch() -> Credential:
        fetched.append(1)
        clock.sleep(180)
        raise UnavailableError("crm: sign in: status 503 (after 6 attempts)")

    token = Token(fetch, clock)
    told = at_once(8, token.get)
    assert {str(error) for error in told} == {"crm: sign in: status 503 (after 6 attempts)"}
    assert len(fetched) == 1
    clock.advance(6)
    with pytest.raises(UnavailableError):
        token.get()
    assert len(fetched) == 2


def test_a_refused_key_that_cannot_be_renewed_is_lost_access_at_once() -> None:
    with pytest.raises(AccessError):
        policy().call(answers(Reply(401)), what="read")


def test_a_refused_login_is_not_tried_again_by_every_thread_but_a_minute_later() -> None:
    clock = FakeClock()
    tries = []

    def signed_in() -> Credential:
        tries.append(1)
        if len(tries) == 1:
            raise AccessError("crm: sign in: refused")
        return Credential("token")

    token = Token(signed_in, clock)
    for _ in range(5):
        with pytest.raises(AccessError, match="sign in"):
            token.get()
    assert len(tries) == 1
    clock.advance(61)
    assert token.get() == "token"


def test_a_credential_does_not_show_itself() -> None:
    assert SECRET not in repr(Credential(SECRET)) + repr(Token(lambda: Credential(SECRET), FakeClock()))


def test_fine_is_fine() -> None:
    assert policy(judge=lambda reply: Fine()).call(answers(Reply(500)), what="read").status == 500
