"""One row of a reply, turned into one of our answers by what the description says of its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from typing import Any

import orjson

from connectors import cells
from connectors.cells import LONG_AGO, NoTime, moments
from connectors.declared.description import Description, FieldRule, Fields, Rule, Words
from connectors.declared.expressions import Find, NotForThis, compiled, first_of, holds
from connectors.declared.placeholders import filled_now, names_in
from nps.responses import ResponseStatus, SurveyResponse
from nps.values import Json

Row = Mapping[str, Any]
Who = Mapping[str, str]  # email, phone, external_id, as far as they are known

NOBODY: Who = {}
WHO = ("email", "phone", "external_id")
_TEXTS = ("comment", "channel", "survey", *WHO)
_MOMENTS = ("answered_at", "invited_at", "updated_at")

# No score has more digits, and Python refuses to read thousands of them.
_WHOLE = re.compile(r"(?<![0-9.,/-])[0-9]{1,18}(?![0-9]|[.,/][0-9])", re.ASCII)
_EXACT_UP_TO = 2**53


class Unreadable(Exception):
    """Why a row is no answer, for people; `name` is the field concerned."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"its {name} {why}")
        self.name = name


class Elsewhere(Enum):
    """A row that is none of the answers this connection reads."""

    ANOTHER_KIND = "another kind"
    ANOTHER_SURVEY = "another survey"


@dataclass(frozen=True)
class Pick:
    """Where one value of a row is, and what to make of it."""

    find: Find
    values: Mapping[str, Json] | None = None
    number_in_text: bool = False
    choice: Find | None = None
    words: Mapping[str, str] = field(default_factory=dict)  # choice → text

    @property
    def plain(self) -> Find:
        """`of`, without the detour where the value is taken as it is."""
        as_it_is = self.values is None and not self.number_in_text and self.choice is None
        return self.find if as_it_is else self.of

    def of(self, row: Any) -> Any:
        """NotForThis when an expression cannot be worked out for it."""
        worded = self._worded(row)
        found: Any = self.find(row) if worded is None else worded
        if self.values is not None and isinstance(found, str | int | float):
            found = self.values.get(_key(found), found)
        if self.number_in_text and isinstance(found, str):
            found = _number_in(found)
        return found

    def _worded(self, row: Any) -> str | None:
        chosen = None if self.choice is None else self.choice(row)
        return self.words.get(_key(chosen)) if isinstance(chosen, str | int) else None


class RowReader:
    """Reads the rows of one survey (or of all, where nothing depends on it). `known` are the values its definition
    gave for placeholders; a field that needs one it lacks is not read."""

    def __init__(
        self,
        description: Description,
        source: str,
        *,
        survey: str | None = None,
        known: Mapping[str, str] | None = None,
    ) -> None:
        self.known = known = known or {}
        self._source = source
        self._survey = survey
        self._channel = description.channel
        self._moments = moments(tuple(description.dates), description.time_zone)
        fields = description.fields
        self._lacks_score = fields.score is not None and not _is_filled(fields.score, known)
        self.picks = {name: pick for name, rule in own_rules(fields) if (pick := pick_of(rule, known))}
        self.properties = {
            name: pick for name, rule in fields.properties.items() if (pick := pick_of(rule, known))
        }
        self._finds = [(name, pick.plain) for name, pick in self.picks.items()]
        self._texts = [name for name in _TEXTS if name in self.picks]
        self._times = [name for name in _MOMENTS if name in self.picks]
        self._all_properties = _condition(fields.all_properties, known)
        rows = description.rows
        self._only = _condition(rows.only, known)
        self._excludes_nobody = rows.anonymous == "exclude"
        self._states = [
            (status, found)
            for status, text in (
                (ResponseStatus.WITHDRAWN, rows.withdrawn),
                (ResponseStatus.EXCLUDED, rows.excluded),
                (ResponseStatus.PARTIAL, rows.partial),
            )
            if (found := _condition(text, known)) is not None
        ]

    def answer(self, row: Any, who: Who | None = NOBODY) -> SurveyResponse | Elsewhere:
        """The answer; a row that cannot be read carries a `problem`. `who` is what is known of the person from
        elsewhere: it fills what the row itself does not say. None: a later run asks who it was, and until then the
        answer waits."""
        try:
            if not isinstance(row, Mapping):
                raise Unreadable("row", "is no object with fields")
            if self._only is not None and not holds(self._only, row):
                return Elsewhere.ANOTHER_KIND
            if self._lacks_score:
                return Elsewhere.ANOTHER_SURVEY
            return self._read(row, who)
        except Unreadable as problem:
            return self._broken(row, str(problem))
        except NotForThis as problem:
            return self._broken(row, f"an expression does not fit it: {problem}")

    def value(self, name: str, row: Any) -> Any:
        """What stands for one of our names, before it is read as a text, a time or an id. NotForThis."""
        pick = self.picks.get(name)
        return None if pick is None else pick.of(row)

    def survey_of(self, row: Any) -> str | None:
        """The survey a row names, where answers of all surveys come together."""
        try:
            return cells.text(self.value("survey", row))
        except NotForThis:
            return None

    def moment(self, name: str, value: Any) -> datetime | None:
        if value is None or value == "":
            return None
        try:
            return self._moments.read(value)
        except NoTime as problem:
            raise Unreadable(name, str(problem)) from None

    def _read(self, row: Row, person: Who | None) -> SurveyResponse:
        who = NOBODY if person is None else person
        values = {name: find(row) for name, find in self._finds}
        texts = {name: cells.text(values[name]) for name in self._texts}
        times = {name: self.moment(name, values[name]) for name in self._times}
        keys = {name: texts.get(name) or who.get(name) for name in WHO}
        answered_at = times.get("answered_at")
        if answered_at is None:
            raise Unreadable("answered_at", "is missing: nothing says when it was answered")
        return SurveyResponse(
            source=self._source,
            id=id_of(values.get("id")),
            answered_at=answered_at,
            invited_at=times.get("invited_at"),
            updated_at=times.get("updated_at"),
            score=cells.score(values.get("score")),
            comment=texts.get("comment"),
            email=keys["email"],
            phone=keys["phone"],
            external_id=keys["external_id"],
            survey=texts.get("survey") or self._survey,
            channel=texts.get("channel") or self._channel,
            status=self._status(row, person, any(keys.values())),
            properties=self._properties_of(row),
        )

    def _status(self, row: Row, person: Who | None, is_somebody: bool) -> ResponseStatus:
        told = next((status for status, find in self._states if holds(find, row)), None)
        if told is not None:
            return told
        if person is None:
            return ResponseStatus.PARTIAL
        return _COMPLETE if is_somebody or not self._excludes_nobody else ResponseStatus.EXCLUDED

    def _properties_of(self, row: Row) -> dict[str, Json]:
        every = None if self._all_properties is None else self._all_properties(row)
        found: dict[str, Json] = dict(every) if isinstance(every, Mapping) else {}
        for name, pick in self.properties.items():
            found[name] = pick.of(row)
        return found

    def _broken(self, row: Any, problem: str) -> SurveyResponse:
        """Under its own id where it has one, else under one made of its content."""
        try:
            name = id_of(self.value("id", row))
        except (Unreadable, NotForThis):
            digest = blake2b(orjson.dumps(row, option=orjson.OPT_SORT_KEYS), digest_size=8)
            digest.update((self._survey or "").encode())
            name = f"unreadable-{digest.hexdigest()}"
        return SurveyResponse(
            source=self._source, id=name, answered_at=LONG_AGO, survey=self._survey, problem=problem
        )


_COMPLETE = ResponseStatus.COMPLETE


def own_rules(fields: Fields) -> list[tuple[str, Rule]]:
    """Our names and their rules, as far as there are any; properties aside."""
    names = ("id", "score", *_MOMENTS, *_TEXTS)
    return [(name, rule) for name in names if (rule := getattr(fields, name)) is not None]


def paths_of(rule: Rule) -> tuple[str, ...]:
    """The expressions of a rule, in the order they are tried."""
    if isinstance(rule, str):
        return (rule,)
    return tuple(rule.path) if isinstance(rule, FieldRule) else rule


def texts_of(rule: Rule) -> tuple[str, ...]:
    """All that of a rule is looked up in a row."""
    worded = isinstance(rule, FieldRule) and rule.words is not None
    return (*paths_of(rule), rule.words.id) if worded else paths_of(rule)  # type: ignore[union-attr]


def pick_of(rule: Rule, known: Mapping[str, str]) -> Pick | None:
    """None when it needs a value that is not known."""
    if not _is_filled(rule, known):
        return None
    find = first_of([filled_now(path, known) for path in paths_of(rule)])
    if not isinstance(rule, FieldRule):
        return Pick(find)
    pick = Pick(find, rule.values, rule.number_in_text)
    if rule.words is None or not set(names_in([rule.words.id, rule.words.among])) <= known.keys():
        return pick
    return replace(pick, choice=compiled(filled_now(rule.words.id, known)), words=_words(rule.words, known))


def id_of(value: Any) -> str:
    """Whole numbers are kept to the last digit; one that JSON could only hold inexactly is refused, for another answer
    may look the same."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_UP_TO:
        return str(int(value))
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or value == "":
        raise Unreadable("id", "is missing")
    if isinstance(value, float):
        raise Unreadable("id", "is a number too large to be exact; the tool has to send it as text")
    raise Unreadable("id", "is neither text nor a whole number")


def _is_filled(rule: Rule, known: Mapping[str, str]) -> bool:
    return set(names_in(paths_of(rule))) <= known.keys()


def _words(words: Words, known: Mapping[str, str]) -> dict[str, str]:
    try:
        listed = orjson.loads(filled_now(words.among, known))
    except ValueError:
        listed = []
    entries = listed if isinstance(listed, list) else []
    return {
        str(entry["id"]): entry["text"]
        for entry in entries
        if isinstance(entry, Mapping) and isinstance(entry.get("text"), str) and "id" in entry
    }


def _condition(text: str | None, known: Mapping[str, str]) -> Find | None:
    if text is None or not set(names_in(text)) <= known.keys():
        return None
    return compiled(filled_now(text, known))


def _key(found: str | float) -> str:
    """As a key of `values` is written in YAML."""
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found)


def _number_in(text: str) -> int | str:
    """The one whole number of a text; a text with none, several different ones or a part of a number stays."""
    found = {int(each) for each in _WHOLE.findall(text)}
    return found.pop() if len(found) == 1 else text
