"""What customers do meanwhile: they answer, use features, have their cases closed, and answer the mail about it."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests

from bench import sender
from bench.soak.life import Life
from bench.soak.toys import Sandbox

BEAT = 10.0  # seconds: more answers, read again by every run, would be more calls than the vendor allows


@dataclass
class Customers:
    """One thread's: its own sandbox session, its own dice."""

    sandbox: Sandbox
    url: str  # of npsync
    seed: int
    life: Life = field(init=False)
    events: Counter[str] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)  # events that were answered with 2xx
    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    away: threading.Event = field(default_factory=threading.Event)  # serve is being restarted

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.life = Life(self.sandbox, random.Random(self.seed + 1))
        self._browser = requests.Session()
        self._browser.trust_env = False
        self._answered: set[str] = set()

    def until(self, ending: threading.Event) -> None:
        while not ending.wait(BEAT):
            self.life.go_on()
            for _ in range(3):
                self._somebody_uses_a_feature()
            if self.rng.random() < 0.4:
                self._a_case_is_closed()
            self._mails_are_answered()

    def _somebody_uses_a_feature(self) -> None:
        number = self.events["features used"]
        self.events["features used"] += 1
        person = self.rng.choice(self.sandbox.contacts())
        body = sender.event(f"soak-{number}")
        if person["Email"]:
            body = body.replace(f"soak-{number}@example.com".encode(), str(person["Email"]).encode())
        signed = sender.signature(body)
        headers = {"Content-Type": "application/json", "X-Signature": signed}
        reply = self._asked("POST", "/hooks/product", data=body, headers=headers)
        if reply is not None and reply.ok:
            self.acknowledged.append(f"soak-{number}")

    def _a_case_is_closed(self) -> None:
        contact = self.rng.choice(self.sandbox.contacts())["id"]
        case = {"Subject": "Help", "Status": "New", "Type": "Problem", "ContactId": contact}
        added: dict[str, Any] = self.sandbox.call("POST", "/salesforce/Case", case)
        self.sandbox.do("salesforce", "close_case", id=added["id"])
        self.events["cases closed"] += 1

    def _mails_are_answered(self) -> None:
        """Each other one of those that came, from its own link, as a browser does."""
        for mail in self.sandbox.call("GET", "/mail/messages"):
            link = next((one.partition("?")[0] for one in mail["links"] if "/s/" in one), None)
            if link is None or link in self._answered:
                continue
            self._answered.add(link)
            self.events["mails"] += 1
            if self.rng.random() < 0.5:
                path = link.removeprefix(self.url)
                said = {"score": str(self.rng.randint(1, 5)), "comment": f"Well, {self.rng.random():.6f}."}
                for method, form in (("GET", None), ("POST", said)):
                    self._asked(method, path, data=form)
                self.events["answered by mail"] += 1

    def _asked(self, method: str, path: str, **options: Any) -> requests.Response | None:
        try:
            reply = self._browser.request(method, self.url + path, timeout=60, **options)
        except requests.RequestException as error:
            if not self.away.is_set():
                self.problems.append(f"{method} {path[:20]}: {type(error).__name__}")
            self.refused[type(error).__name__] += 1
            return None
        if reply.status_code >= 500:
            self.problems.append(f"{method} {path[:20]}: {reply.status_code}")
        if not reply.ok:
            self.refused[str(reply.status_code)] += 1
        return reply
