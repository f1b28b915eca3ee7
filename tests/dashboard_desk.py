"""The dashboard of one configuration in this process, and somebody who may be signed in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from answered import NOW, YAML, config_in
from argon2 import PasswordHasher
from asgi_caller import Caller, Replied
from fake_clock import FakeClock

from npsync.sign_in import tokens, users
from npsync.sign_in.passwords import Passwords
from npsync.sign_in.roles import Role
from npsync.web.app import app
from store import open_store
from store.sql import SqlStore

FORM = {"content-type": "application/x-www-form-urlencoded"}
PASSWORD = "correct horse battery"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
Fields = Mapping[str, str] | Sequence[tuple[str, str]]


class Desk:
    """`desk.sign_in(desk.token("read", "apply")); desk.get("/syncs"); desk.act("/syncs/contacts/pause")`"""

    def __init__(
        self,
        folder: Path,
        yaml: str = YAML,
        host: str = "127.0.0.1:8642",
        passwords: Passwords | None = None,
        now: datetime = NOW,
    ) -> None:
        self.config = config_in(folder, yaml)
        self.store: SqlStore = open_store(self.config.store)
        self.clock = FakeClock(now)
        passwords = passwords or QUICK
        self.web = app(self.config, self.store, self.clock, passwords=passwords)
        self.caller = Caller(self.web, headers={"host": host})
        self.cookies: dict[str, str] = {}

    def token(self, *scopes: str, name: str = "ann") -> str:
        return tokens.create(self.store, name, scopes, now=NOW)

    def sign_in(self, token: str, **headers: str) -> Replied:
        """As a browser does: the page first, then its form."""
        return self.act("/sign-in", {"token": token}, page="/sign-in", **headers)

    def user(self, role: Role, name: str = "ann", password: str = PASSWORD) -> None:
        users.create(self.store, name, role, password, now=NOW, passwords=QUICK)

    def enter(self, name: str = "ann", password: str = PASSWORD, next: str = "/", **headers: str) -> Replied:
        """Sign in with a name and a password."""
        form = {"name": name, "password": password, "next": next}
        return self.act("/sign-in", form, page="/sign-in", **headers)

    def get(self, path: str, **headers: str) -> Replied:
        return self._kept(self.caller.get(path, **{"cookie": self.cookie, **headers}))

    def act(self, path: str, form: Fields = (), *, page: str = "", **headers: str) -> Replied:
        """Send a form with what proves that it is ours, as `page` (else the path's own page, else the overview) has
        it."""
        fields = [("csrf", self.csrf(page)), *(form.items() if isinstance(form, Mapping) else form)]
        return self.post(path, fields, **headers)

    def post(self, path: str, form: Fields = (), **headers: str) -> Replied:
        """Send a form that proves nothing."""
        body = urlencode(form).encode()
        return self._kept(self.caller.post(path, body, **{"cookie": self.cookie, **FORM, **headers}))

    def csrf(self, page: str = "") -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.get(page or "/").body.decode())
        return found[1] if found else ""

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _kept(self, replied: Replied) -> Replied:
        for told in replied.cookies:
            name, _, rest = told.partition("=")
            self.cookies[name] = rest.partition(";")[0].strip('"')
        return replied


def text_of(replied: Replied) -> str:
    body = replied.body.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))
