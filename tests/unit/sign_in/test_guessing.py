"""Guessing at passwords: it is slowed for whoever guesses, and neither locks an owner out nor takes the machine."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from answered import NOW, YAML
from argon2 import PasswordHasher
from dashboard_desk import PASSWORD, QUICK, Desk

from npsync.sign_in import devices, users
from npsync.sign_in.passwords import WAITING, Crowded, Passwords
from npsync.sign_in.roles import Role
from npsync.web.dashboard.tries import OF_DEVICE, OF_NAME, Tries

DEVICE = "npsync-device"


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> Desk:
    made = Desk(tmp_path)
    made.user(Role.VIEWER)
    return made


def guess(desk: Desk, name: str, address: str) -> int:
    """As somebody else, whose browser is not the one of `desk`."""
    mine, here = desk.cookies, desk.caller.address
    desk.cookies, desk.caller.address = {}, address
    try:
        return desk.enter(name, "wrong").status
    finally:
        desk.cookies, desk.caller.address = mine, here


def guessed_by_many(desk: Desk, name: str = "ann") -> None:
    statuses = [guess(desk, name, f"198.51.100.{n}") for n in range(OF_NAME.burst + 5)]
    assert statuses[: OF_NAME.burst - 1] == [401] * (OF_NAME.burst - 1)
    assert statuses[-5:] == [429] * 5


def signed_in_before(desk: Desk) -> str:
    """The cookie that is left when the session has ended."""
    assert desk.enter().status == 303
    desk.cookies = {DEVICE: desk.cookies[DEVICE]}
    return desk.cookies[DEVICE]


# ------------------------------------------------------------ one machine


def test_one_machine_that_guesses_at_a_name_is_slowed_and_its_owner_is_not(desk: Desk):
    statuses = []
    for _ in range(100):
        statuses.append(guess(desk, "ann", "198.51.100.1"))
        desk.clock.advance(5)
    assert statuses.count(401) <= 20
    assert desk.enter().status == 303  # from elsewhere, in a browser that nobody knows


def test_the_longer_a_machine_guesses_at_a_name_the_slower_it_gets(desk: Desk):
    tries = Tries(desk.store)

    def admitted(minutes: int) -> int:
        found = 0
        for _ in range(minutes * 2):
            found += tries.of_stranger("198.51.100.1", "ann", now=desk.clock.now(), at=desk.clock.monotonic())
            desk.clock.advance(30)
        return found

    first, second, third = admitted(10), admitted(20), admitted(60)
    assert 15 <= first <= 20
    assert second <= 10
    assert third <= 13


def test_guesses_are_not_forgotten_when_the_web_starts_again(desk: Desk, tmp_path: Path):
    for _ in range(10):
        assert guess(desk, "ann", "198.51.100.1") == 401
    again = Desk(tmp_path)
    assert guess(again, "ann", "198.51.100.1") == 429
    assert guess(again, "ann", "198.51.100.2") == 401


# ------------------------------------------------------------ many machines


def test_many_machines_that_guess_at_a_name_do_not_keep_its_owner_out(desk: Desk, tmp_path: Path):
    signed_in_before(desk)
    guessed_by_many(desk)
    assert desk.enter("ann", "mistyped").status == 401
    assert desk.enter().status == 303
    again = Desk(tmp_path)  # also when the web is started anew
    again.cookies = {DEVICE: desk.cookies[DEVICE]}
    assert again.enter().status == 303


def test_they_are_slowed_at_that_name_wherever_they_are_and_a_new_browser_waits_with_them(desk: Desk):
    guessed_by_many(desk)
    desk.caller.address = "203.0.113.77"
    assert desk.enter().status == 429
    assert guess(desk, "bob", "198.51.100.1") == 401  # another name is
    desk.clock.advance(OF_NAME.every.total_seconds())
    assert desk.enter().status == 303


def test_that_its_owner_signs_in_forgives_nobody_else(desk: Desk):
    signed_in_before(desk)
    guessed_by_many(desk)
    assert desk.enter().status == 303
    assert guess(desk, "ann", "198.51.100.200") == 429


@pytest.mark.parametrize("padded", ["{}ann", "ann{}", "\u3000{}ann"])
def test_blanks_around_a_name_give_no_tries_of_their_own(desk: Desk, padded: str):
    for n in range(OF_NAME.burst):
        assert guess(desk, padded.format(" " * (n % 12)), f"198.51.100.{n}") == 401
    assert guess(desk, "ann", "203.0.113.99") == 429


def test_a_field_for_a_token_gives_no_tries_where_tokens_open_nothing(tmp_path: Path, sqlite_url: str):
    desk = Desk(tmp_path, YAML + "sign_in: {tokens: false}\n")
    desk.user(Role.VIEWER)
    for n in range(OF_NAME.burst):
        desk.caller.address = f"203.0.113.{n}"
        form = {"token": "x", "name": "ann", "password": "wrong"}
        assert desk.act("/sign-in", form, page="/sign-in").status == 401
    desk.caller.address = "203.0.113.99"
    assert desk.enter().status == 429


def test_a_flood_of_strangers_slows_strangers_alone(desk: Desk):
    signed_in_before(desk)
    token = desk.token("read", name="robot")
    flooded = [guess(desk, f"user{n}", f"10.0.{n // 250}.{n % 250}") for n in range(210)]
    assert flooded[-5:] == [429] * 5
    assert desk.enter().status == 303
    desk.cookies = {}
    assert desk.sign_in(token).status == 303


# ------------------------------------------------------------ a browser that is known


def test_a_known_browser_has_tries_of_its_own_and_no_more(desk: Desk):
    signed_in_before(desk)
    wrong = [desk.enter("ann", "wrong").status for _ in range(OF_DEVICE.burst + 2)]
    assert wrong == [401] * OF_DEVICE.burst + [429] * 2
    desk.clock.advance(OF_DEVICE.every.total_seconds())
    assert desk.enter().status == 303
    assert desk.enter("ann", "wrong").status == 401  # what was mistyped before is forgiven


def test_a_cookie_of_another_user_of_before_or_made_up_makes_no_browser_known(desk: Desk):
    store, now = desk.store, desk.clock.now()
    cookie = signed_in_before(desk)
    device, until, mark = cookie.split(".")
    assert devices.known(store, "ann", cookie, now=now) == device
    desk.user(Role.VIEWER, "bob")
    assert devices.known(store, "bob", cookie, now=now) is None
    assert devices.known(store, "nobody", cookie, now=now) is None
    for made_up in (
        "",
        "x",
        f"{device}.{until}",
        f"{device}.{int(until) + 1}.{mark}",
        f"{device[:-1]}A.{until}.{mark}" if device[-1] != "A" else f"{device[:-1]}B.{until}.{mark}",
        f"{device}.{until}.{'0' * 64}",
        f"{device}.{until}.{mark}\n",
    ):
        assert devices.known(store, "ann", made_up, now=now) is None, made_up
    assert devices.known(store, "ann", cookie, now=now + devices.LASTS) is None
    users.set_password(store, "ann", "four other long words", now=NOW, passwords=QUICK)
    assert devices.known(store, "ann", cookie, now=now) is None


def test_a_known_browser_is_no_session_and_opens_nothing(desk: Desk):
    signed_in_before(desk)
    assert desk.get("/me").status == 303
    assert desk.enter("ann", "wrong").status == 401


def test_who_is_revoked_and_made_again_is_somebody_else(desk: Desk):
    cookie = signed_in_before(desk)
    users.revoke(desk.store, "ann", now=NOW)
    desk.user(Role.VIEWER, "ann")
    assert devices.known(desk.store, "ann", cookie, now=NOW + timedelta(hours=1)) is None


# ------------------------------------------------------------ what a hash costs


class Holding(PasswordHasher):
    """Looks at a password when it is let."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.began, self.go_on = threading.Semaphore(0), threading.Event()
        self.at_once = self.most = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.began.release()
        assert self.go_on.wait(60)
        self.at_once -= 1
        return super().verify(hash, password)


def test_a_flood_has_one_hash_made_at_a_time_and_hears_at_once_that_the_line_is_long():
    hasher = Holding()
    passwords, kept = Passwords(hasher), hasher.hash(PASSWORD)
    turned_away = threading.Semaphore(0)

    def ask() -> None:
        try:
            passwords.right("wrong", kept)
        except Crowded:
            turned_away.release()

    flood = [threading.Thread(target=ask) for _ in range(30)]
    for one in flood:
        one.start()
    for _ in range(30 - 1 - WAITING):
        assert turned_away.acquire(timeout=60)
    assert hasher.most == 1
    hasher.go_on.set()
    for one in flood:
        one.join(60)
    assert hasher.most == 1
    assert passwords.right(PASSWORD, kept)


def test_a_known_browser_stands_in_no_line_of_strangers():
    hasher = Holding()
    passwords, kept = Passwords(hasher), hasher.hash(PASSWORD)
    right: list[bool] = []
    stranger = threading.Thread(target=lambda: passwords.right("wrong", kept))
    owner = threading.Thread(target=lambda: right.append(passwords.right(PASSWORD, kept, known=True)))
    stranger.start()
    assert hasher.began.acquire(timeout=60)
    owner.start()
    assert hasher.began.acquire(timeout=60)  # though the stranger is still looked at
    hasher.go_on.set()
    stranger.join(60)
    owner.join(60)
    assert right == [True]


def test_who_comes_when_the_line_is_long_is_told_to_come_again(tmp_path: Path, sqlite_url: str):
    class Full(Passwords):
        def right(self, password: str, kept: str | None, *, known: bool = False) -> bool:
            raise Crowded

    desk = Desk(tmp_path, passwords=Full())
    desk.user(Role.VIEWER)
    replied = desk.enter()
    assert (replied.status, replied.headers["retry-after"]) == (503, "5")
    assert b"Many people sign in just now" in replied.body
