"""Users with a password of ours: made on the machine npsync runs on, and nowhere else."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from nps.errors import ConfigError
from npsync.deciding.deciders import at_the_command_line
from npsync.sign_in.passwords import Passwords, checked
from npsync.sign_in.roles import Role
from store.api import LocalUser, Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class Proven(NamedTuple):
    """Who came, and the hash of the password they came with."""

    user: LocalUser
    password: str


class Changed(Exception):
    """The password is another one since they came with it, or they were revoked."""


def create(
    store: Store, name: str, role: Role, password: str, *, now: datetime, passwords: Passwords | None = None
) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f'"{name}" is no name for a user; take letters, digits, - _ and ., like ann')
    kept = (passwords or Passwords()).hashed(checked(password, name))
    if not store.add_user(name, role.value, kept, now=now):
        raise ConfigError(
            f'there is a user "{name}" already. npsync users role {name} --role {role} gives another role, '
            f"npsync users password {name} another password"
        )
    _note(store, "made a user", name, now, role=role.value)


def set_password(
    store: Store, name: str, password: str, *, now: datetime, passwords: Passwords | None = None
) -> None:
    """And end all sessions of theirs."""
    kept = (passwords or Passwords()).hashed(checked(password, name))
    if not store.change_user(name, password=kept):
        raise _nobody(name)
    _note(store, "changed a password", name, now)


def set_role(store: Store, name: str, role: Role, *, now: datetime) -> None:
    """And end all sessions of theirs."""
    if not store.change_user(name, role=role.value):
        raise _nobody(name)
    _note(store, "changed a role", name, now, role=role.value)


def revoke(store: Store, name: str, *, now: datetime) -> None:
    if not store.revoke_user(name, now=now):
        raise _nobody(name)
    _note(store, "revoked a user", name, now)


def in_force(store: Store, name: str) -> tuple[LocalUser, str] | None:
    """Who is called so, and the hash of their password."""
    return store.user(name) if _NAME.fullmatch(name) else None


def proven(
    store: Store, name: str, password: str, *, passwords: Passwords, now: datetime, known: bool = False
) -> Proven | None:
    """The user, if this is their password. It takes as long for who does not exist. `known`: in a browser in which they
    signed in before. Raises Crowded."""
    found = in_force(store, name)
    if not passwords.right(password, None if found is None else found[1], known=known) or found is None:
        return None
    user, kept = found
    fresh = passwords.hashed(password) if passwords.is_old(kept) else kept
    still = store.user_signed_in(user.number, kept, password=fresh, now=now)
    return Proven(user, fresh) if still else None


def _nobody(name: str) -> ConfigError:
    return ConfigError(f'there is no user "{name}"; npsync users list shows them')


def _note(store: Store, what: str, name: str, now: datetime, **facts: str) -> None:
    store.note_audit(at_the_command_line(), what, f"user:{name}", facts, now=now)
