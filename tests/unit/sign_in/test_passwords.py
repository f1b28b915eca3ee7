"""Passwords: what is kept of them, and what nobody learns by trying."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from nps.errors import ConfigError
from npsync.sign_in.passwords import LONGEST, Passwords, checked

QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_a_password_is_right_and_others_are_wrong():
    kept = QUICK.hashed("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert QUICK.right("correct horse battery", kept)
    for wrong in ("Correct horse battery", "", "x" * 5000, "\ud83d", "\0"):
        assert not QUICK.right(wrong, kept)


def test_letters_are_the_same_however_they_were_composed():
    assert QUICK.right("Zwo\u0308lf grüne Boote", QUICK.hashed("Zwölf gru\u0308ne Boote"))


def test_nobodys_password_is_looked_at_as_long_as_anybodys():
    class Counting(PasswordHasher):
        verified = 0

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            self.verified += 1
            return super().verify(hash, password)

    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    passwords = Passwords(hasher)
    assert not passwords.right("a password that nobody has", None)
    assert hasher.verified == 1


def test_a_hash_that_is_damaged_is_nobodys():
    assert not QUICK.right("correct horse battery", "not a hash")


def test_todays_rules_are_those_of_rfc_9106():
    [_, variant, _, parameters, *_] = Passwords().hashed("correct horse battery").split("$")
    assert (variant, parameters) == ("argon2id", "m=65536,t=3,p=4")
    assert Passwords().is_old(QUICK.hashed("correct horse battery"))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("eleven char", "at least 12"),
        ("x" * (LONGEST + 1), "at most 256"),
        ("aaaaaaaaaaaaaa", "too easy"),
        ("hello Ann, hello", "too easy"),
    ],
)
def test_what_is_guessed_in_a_moment_is_not_taken(password: str, why: str):
    with pytest.raises(ConfigError, match=why):
        checked(password, "ann")
