"""Who looks: people signed in at the dashboard, who follow its links, and machines with a token."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import requests

FIRST = (
    "/",
    "/syncs",
    "/runs",
    "/review",
    "/held",
    "/waiting",
    "/dead-letters",
    "/customers",
    "/accounts",
    "/report",
)
API = ("/api/v1/syncs", "/api/v1/runs", "/api/v1/connections", "/api/v1/review", "/api/v1/dead-letters")
OPEN = ("/health", "/health/live", "/health/ready")
_LINK = re.compile(r'href="(/[^"#]*)"')
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_MOST_LINKS = 400


@dataclass
class Visitor:
    """One signed-in person (`password`), or one machine (`token`)."""

    url: str
    seed: int
    token: str = ""
    name: str = ""
    password: str = ""
    answered: Counter[str] = field(default_factory=Counter)  # kind of page and status
    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    away: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self._browser = requests.Session()
        self._browser.trust_env = False
        if self.token:
            self._browser.headers["Authorization"] = f"Bearer {self.token}"
        self._known: defaultdict[str, list[str]] = defaultdict(list)
        for path in FIRST if self.name else (*API, *OPEN):
            self._known[kind_of(path)].append(path)

    def until(self, ending: threading.Event) -> None:
        """A page a second: of a kind that is drawn first, so that the rare ones come up as often as the others."""
        if self.token:
            self._learn_the_api()
        while not ending.wait(1.0 + self.rng.random()):
            if self.name and "npsync" not in self._browser.cookies:
                self._sign_in()
            self._look(self.rng.choice(self._known[self.rng.choice(sorted(self._known))]))

    def _learn_the_api(self) -> None:
        reply = self._look("/api/v1/openapi.json")
        if reply is None or not reply.ok:
            return
        for path, methods in reply.json()["paths"].items():
            if "get" in methods and "{" not in path:
                self._known[path] = [path]

    def _sign_in(self) -> None:
        shown = self._look("/sign-in")
        proof = _CSRF.search(shown.text) if shown is not None else None
        if proof is None:
            return
        form = {"name": self.name, "password": self.password, "csrf": proof[1], "next": ""}
        self._look("/sign-in", form)

    def _look(self, path: str, form: dict[str, str] | None = None) -> requests.Response | None:
        method = "GET" if form is None else "POST"
        headers = {"Origin": self.url} if form else None
        try:
            reply = self._browser.request(method, self.url + path, data=form, headers=headers, timeout=60)
        except requests.RequestException as error:
            if not self.away.is_set():
                self.problems.append(f"{method} {kind_of(path)}: {type(error).__name__}")
            return None
        self.seconds.append(reply.elapsed.total_seconds())
        self.answered[f"{kind_of(path)} {reply.status_code}"] += 1
        if (reply.status_code >= 500 and path not in OPEN) or "Traceback (most recent" in reply.text:
            self.problems.append(f"{method} {path}: {reply.status_code}")
        if reply.status_code == 401 and self.name:
            self._browser.cookies.clear()
        for link in _LINK.findall(reply.text) if "html" in reply.headers.get("content-type", "") else ():
            kind, to = kind_of(link), link.replace("&amp;", "&")
            if not to.startswith(("/-/", "/sign", "/s/")) and to not in self._known[kind]:
                self._known[kind] = [*self._known[kind][-_MOST_LINKS:], to]
        self._known = defaultdict(list, {kind: paths for kind, paths in self._known.items() if paths})
        return reply


def kind_of(path: str) -> str:
    """A path without what tells one record from another."""
    parts = path.partition("?")[0].split("/")
    return "/".join(
        "…" if any(letter.isdigit() for letter in part) and part != "v1" else part for part in parts
    )
