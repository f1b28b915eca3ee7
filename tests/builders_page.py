"""Our own pages over a real store: invitations that were sent, a clock that is moved, a reader of what came back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from asgi_caller import Caller, Replied
from builders_asking import ANN, claim, invitation, reserve, step
from fake_clock import NOON, FakeClock

from nps.asking import Send, StepKind
from nps.responses import SurveyResponse
from nps.sending import Accepted
from npsync.config import load
from npsync.web.app import app
from store.sql import SqlStore

YAML = """
time_zone: America/New_York
public_url: https://ask.acme.example
branding:
  company: Acme & Sons
  color: "#0f766e"
  privacy_url: https://acme.example/privacy
  embed_in: [https://app.acme.example]
surveys:
  relationship:
    metric: nps
    ask: How likely are you to recommend Acme?
    edit_window: 2 days
    translations:
      de: {ask: Wie wahrscheinlich empfehlen Sie Acme weiter?}
  support-csat:
    metric: csat
    kind: transactional
    ask: How satisfied are you with the help you got?
    then: What was it like?
    thanks: Nina reads every word.
  effort:
    metric: ces
    ask: How easy was it?
    labels: {low: Strongly disagree, high: Strongly agree}
    then: {promoter: a, passive: b, detractor: c}
  not-ours:
    at: {}
"""

ID = "Zk3vQ9xT7bH2mN5pL8sR1w"


class Front:
    """The web application and its store. `sent(ID)` sends an invitation at noon; `get` and `post` knock at it."""

    def __init__(self, store: SqlStore, folder: Path, yaml: str = YAML) -> None:
        (folder / "npsync.yaml").write_text(yaml, encoding="utf-8")
        self.store, self.clock = store, FakeClock(NOON)
        self.config = load(folder / "npsync.yaml", {})
        self.app = app(self.config, store, self.clock)
        self.caller = Caller(self.app)

    def queued(self, id: str = ID, survey: str = "relationship", **others: Any) -> None:
        metric = self.config.surveys[survey].metric.value if survey in self.config.surveys else "nps"
        asked = invitation(id, survey=survey, metric=metric, **others)
        self.store.decide_event(None, [(asked, step(id))], [], {}, now=NOON)

    def sent(
        self, id: str = ID, survey: str = "relationship", remind: Sequence[timedelta] = (), **others: Any
    ) -> str:
        """Its path."""
        self.queued(id, survey, **others)
        [claimed] = [one for one in claim(self.store) if one.invitation.id == id]
        assert reserve(self.store, claimed, ANN, rest=timedelta(0)) == Send()
        expires = NOON + timedelta(days=14)
        accepted = Accepted(f"<{id}@acme.example>")
        self.store.settle_step(
            claimed,
            accepted,
            via="mailer",
            channel="email",
            now=NOON,
            expires_at=expires,
            following=[step(id, StepKind.REMINDER, due=NOON + after) for after in remind],
        )
        return f"/s/{id}"

    def get(self, path: str, **headers: str) -> Replied:
        return self.caller.get(path, **headers)

    def head(self, path: str) -> Replied:
        return self.caller.call("HEAD", path)

    def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Replied:
        body = urlencode(form or {}).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.caller.post(path, body, **{**kind, **headers})

    def answer(self, id: str = ID) -> SurveyResponse | None:
        return self.store.answer("npsync", id)

    def later(self, **length: float) -> None:
        self.clock.advance(timedelta(**length).total_seconds())


def seen(reply: Replied) -> str:
    """What a page says, without its tags."""
    body = re.sub(r"<head>.*?</head>", "", reply.body.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


def chosen(reply: Replied) -> list[str]:
    """The numbers that are marked."""
    return re.findall(r'<input type="radio" name="score" value="(\d+)" checked', reply.body.decode())


def numbers(reply: Replied) -> list[int]:
    return [int(one) for one in re.findall(r'name="score" value="(\d+)"', reply.body.decode())]
