"""Who came into a cohort, of what its syncs pushed.

A cohort that is connected tells everybody in it at first, as `members` or as the first `add_members`: these people did
nothing just now, so they are remembered and not asked. A sync that fails begins at its top again under another session,
so a first list counts as told when all its pages are there, and somebody on it who is told again is no newcomer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from connectors.contract import Tools
from connectors.mixpanel import people
from connectors.mixpanel.kinds import ENTERED_COHORT
from connectors.mixpanel.settings import MixpanelSettings
from connectors.sweeping import spelled
from nps.events import Event, Hint, Reading
from nps.values import Json

COHORT = "cohort"  # the subject of a hint that tells a page; the others tell one person
FULL, ADDED, REMOVED = "members", "add_members", "remove_members"

_FULL_LIST = "a full list of the cohort: this person was in it before"
_KNOWN = "this person was in the cohort before"
_LEFT = "this person left the cohort"
_A_PAGE = "a page of a cohort's sync, told for itself"
_NONE = "it tells nothing of a cohort"


@dataclass(frozen=True)
class _Baseline:
    """The full list that a cohort's newcomers are told from: of which session, and which of its pages came."""

    session: str
    pages: frozenset[int] = frozenset()
    of: int = 1

    @property
    def whole(self) -> bool:
        return len(self.pages) >= self.of

    @classmethod
    def read(cls, text: str) -> _Baseline:
        told = orjson.loads(text)
        return cls(told["session"], frozenset(told["pages"]), told["of"])

    def written(self) -> str:
        return orjson.dumps({"session": self.session, "pages": sorted(self.pages), "of": self.of}).decode()

    def having(self, page: int, of: int) -> _Baseline:
        return replace(self, pages=self.pages | {page}, of=of)


class Cohorts:
    def __init__(self, settings: MixpanelSettings, tools: Tools) -> None:
        self._tools = tools
        self._everybody = settings.hooks is not None and settings.hooks.on_full_sync == "everybody"

    def read(self, hints: Sequence[Hint]) -> Sequence[Reading]:
        """In the order in which they came. What is remembered says the same when they are read once more."""
        known = self._tools.memory.get(
            sorted({key for hint in hints if _is_told(hint) for key in _places(hint)})
        )
        book = _Book(known)
        readings = [self._reading(hint, book) for hint in hints]
        self._tools.memory.put(book.written)
        self._tools.memory.forget(sorted(book.forgotten))
        return readings

    def _reading(self, hint: Hint, book: _Book) -> Reading:
        if not _is_told(hint):
            return Reading(hint, why_not=_NONE)
        if self._everybody:
            why_not = _LEFT if hint.facts["action"] == REMOVED else ""
            is_page = hint.subject is not None and hint.subject.object == COHORT
            return self._told(hint, _A_PAGE if is_page else why_not)
        return self._told(hint, book.why_not(hint))

    def _told(self, hint: Hint, why_not: str) -> Reading:
        if why_not or hint.subject is None or hint.occurred_at is None:
            return Reading(hint, why_not=why_not or _NONE)
        cohort = hint.facts["cohort_id"]
        facts: dict[str, Json] = {
            "cohort": hint.facts.get("cohort"),
            "cohort_id": cohort,
            "id": hint.subject.id,
            "kind": ENTERED_COHORT,
            "object": hint.subject.object,
            "occurred_at": spelled(hint.occurred_at),
        }
        # A sync that failed tells the same people again; who leaves and comes back another day is new.
        who = people.digest(hint.subject.id)
        event = Event(
            connection=self._tools.connection,
            kind=ENTERED_COHORT,
            key=f"{ENTERED_COHORT}/{cohort}/{who}/{hint.occurred_at:%Y-%m-%d}",
            subject=hint.subject,
            occurred_at=hint.occurred_at,
            person=hint.person,
            facts=facts,
        )
        return Reading(hint, (event,))


class _Book:
    """What is known of the cohorts, while some hints are read."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._now = dict(known)
        self.written: dict[str, str] = {}
        self.forgotten: set[str] = set()

    def why_not(self, hint: Hint) -> str:
        """Why this hint is no event; nothing for a newcomer."""
        cohort, *person = _places(hint)
        action = hint.facts["action"]
        if not person:
            self._page(cohort, hint)
            return _A_PAGE
        if action == REMOVED:
            self._forget(person[0])
            return _LEFT
        if action == FULL or self._session(cohort) == hint.facts["session"]:
            self._write(person[0], "1")
            return _FULL_LIST
        return _KNOWN if person[0] in self._now else ""

    def _page(self, cohort: str, hint: Hint) -> None:
        facts = hint.facts
        session, page, of = facts["session"], facts["page"], facts["pages"]
        if facts["action"] == REMOVED or not isinstance(page, int) or not isinstance(of, int):
            return
        known = self._baseline(cohort)
        if known is not None and known.session == session:
            self._write(cohort, known.having(page, of).written())
        elif facts["action"] == FULL or known is None or not known.whole:
            self._write(cohort, _Baseline(str(session)).having(page, of).written())

    def _session(self, cohort: str) -> str | None:
        known = self._baseline(cohort)
        return None if known is None else known.session

    def _baseline(self, cohort: str) -> _Baseline | None:
        return _Baseline.read(self._now[cohort]) if cohort in self._now else None

    def _write(self, key: str, value: str) -> None:
        self._now[key] = self.written[key] = value
        self.forgotten.discard(key)

    def _forget(self, key: str) -> None:
        self._now.pop(key, None)
        self.written.pop(key, None)
        self.forgotten.add(key)


def _is_told(hint: Hint) -> bool:
    """Whether our own receiver made it."""
    return hint.kind == ENTERED_COHORT and {"action", "session", "page", "pages", "cohort_id"} <= set(
        hint.facts
    )


def _places(hint: Hint) -> list[str]:
    """Where the memory keeps the cohort, and the person in it."""
    cohort = f"cohort/{people.digest(hint.facts['cohort_id'])}"
    if hint.subject is None or hint.subject.object == COHORT:
        return [cohort]
    return [cohort, f"{cohort}/{people.digest(hint.subject.id)}"]
