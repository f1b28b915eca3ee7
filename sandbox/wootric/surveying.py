"""Asking people: surveys by e-mail, who is eligible, in-app flags, and the answers people give."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from sandbox.toy import NoSuchRecord, Row
from sandbox.wootric.books import Books, EndUser
from sandbox.wootric.settings import Settings
from sandbox.wootric.tokens import bad_request
from sandbox.world import RELATIONSHIP_SURVEY

MOST_EMAILS, LONGEST_DELAY = 100, 31
_DAY = 86_400
_REMEMBERED = 20_000
SWITCHES = ("email_nps", "web_nps", "mobile_nps")
FORCES = ("force_web_survey", "force_mobile_survey")

Form = Sequence[tuple[str, str]]


@dataclass
class Ask:
    """One person of one call of the API: what became of it the caller is never told."""

    id: str
    end_user: int
    at: int
    due: int
    channel: str
    reason: str | None  # why nothing was sent
    properties: Mapping[str, str]
    told: Mapping[str, str] = field(default_factory=dict)
    answer: int | None = None
    declined: bool = False

    def state(self, now: int) -> str:
        if self.reason is not None:
            return "ineligible"
        if self.answer is not None or self.declined:
            return "declined" if self.declined else "answered"
        return "scheduled" if self.due > now else "eligible" if self.channel != "email" else "sent"


def form_of(raw: bytes) -> Form:
    return parse_qsl(raw.decode(errors="replace"), keep_blank_values=True)


def bracketed(form: Form, name: str) -> dict[str, str]:
    """`end_user[properties][plan]=pro` → {"plan": "pro"} for the name "end_user[properties]"."""
    start = f"{name}["
    return {key[len(start) : -1]: value for key, value in form if key.startswith(start) and key.endswith("]")}


class Surveying:
    def __init__(self, now: Callable[[], int], settings: Callable[[], Settings]) -> None:
        self._now = now
        self._settings = settings
        self._numbers = itertools.count(1)
        self._asked: OrderedDict[str, Ask] = OrderedDict()

    # ------------------------------------------------------------ what the API does

    def by_email(self, books: Books, form: Form, welcome: Callable[[Row], EndUser]) -> None:
        """`POST /v1/email_survey`; a Refusal where the vendor has an error, silence where it sends nothing."""
        emails = [value for key, value in form if key == "emails[]"]
        ids = [part for key, value in form if key == "external_ids[]" for part in value.split(",")]
        if not emails or any("@" not in email for email in emails):
            raise bad_request("emails must be a list of addresses", "emails")
        if len(emails) > MOST_EMAILS:
            raise bad_request(f"at most {MOST_EMAILS} emails", "emails")
        plain = dict(form)
        delay = plain.get("delay", "0")
        if "delay" in plain and (not delay.isdigit() or not 1 <= int(delay) <= LONGEST_DELAY):
            raise bad_request(f"delay must be between 1 and {LONGEST_DELAY}", "delay")
        properties = bracketed(form, "end_user[properties]")
        for place, email in enumerate(emails):
            person = books.by_email(email.strip()) or welcome({"email": email.strip()})
            external_id = ids[place].strip() if place < len(ids) else None
            self._tell(books, person, properties, external_id)
            reason = self._ineligible(books, person, form)
            self._note(person, int(delay), "email", reason, properties, plain)

    def switch(self, books: Books, person: EndUser, form: Form) -> None:
        """`PUT /v1/end_users/{id}/settings`."""
        off, forced = set(person.off), set(person.forced)
        for key, value in form:
            name = key.removeprefix("settings[").removesuffix("]")
            wanted = value == "true"
            if name in SWITCHES:
                (off.discard if wanted else off.add)(name)
            elif name in FORCES:
                (forced.add if wanted else forced.discard)(name)
                if wanted:
                    self._note(person, 0, name.split("_")[1], self._switched_off(person, name), {}, {})
        person.off, person.forced = frozenset(off), frozenset(forced)
        books.touched(person, self._now())

    def _switched_off(self, person: EndUser, name: str) -> str | None:
        channel = name.split("_")[1]
        return f"{channel}_nps is off" if f"{channel}_nps" in person.off else None

    def _tell(
        self, books: Books, person: EndUser, properties: Mapping[str, str], external_id: str | None
    ) -> None:
        def change(one: EndUser) -> None:
            one.properties = {**one.properties, **properties}
            one.external_id = external_id or one.external_id
            one.updated = max(self._now(), one.updated)

        if properties or (external_id and external_id != person.external_id):
            books.changed(person, change)

    def _ineligible(self, books: Books, person: EndUser, form: Form) -> str | None:
        """Why this person gets nothing. What happens by default is not documented: nothing but switches counts."""
        if person.surveys_disabled:
            return "the person disabled surveys"
        if "email_nps" in person.off:
            return "email_nps is off"
        if dict(form).get("survey_immediately") == "true":
            return None
        now, sampling = self._now(), bracketed(form, "survey_settings[sampling]")
        if (throttle := self._settings().email_throttle) and self._last_sent(person) > now - throttle * _DAY:
            return f"asked by e-mail within {throttle} days"
        if days := _days(sampling, "response_throttle"):
            last = max((answer.created for answer in books.answers_of(person)), default=0)
            if last > now - days * _DAY:
                return f"answered within {days} days"
        if days := _days(sampling, "decline_throttle"):
            declined = [one.created for one in books.declines.all() if one.end_user == person.id]
            if max(declined, default=0) > now - days * _DAY:
                return f"declined within {days} days"
        if (days := _days(sampling, "first_survey_delay")) and person.created > now - days * _DAY:
            return f"known for less than {days} days"
        if sampling.get("registered_percent") == "0":
            return "not in the sample"
        return None

    def _last_sent(self, person: EndUser) -> int:
        sent = [ask.at for ask in self._asked.values() if ask.end_user == person.id and ask.reason is None]
        return max(sent, default=0)

    def _note(
        self,
        person: EndUser,
        delay: int,
        channel: str,
        reason: str | None,
        properties: Mapping[str, str],
        told: Mapping[str, str],
    ) -> None:
        now, id = self._now(), str(next(self._numbers))
        due = now + delay * _DAY
        self._asked[id] = Ask(id, person.id, now, due, channel, reason, dict(properties), dict(told))
        while len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)

    # ------------------------------------------------------------ what people do

    def answered(self, id: str) -> tuple[Ask, Row]:
        """The ask and the fields of the answer it becomes; ValueError when nobody was asked."""
        ask = self.waiting(id)
        survey = ask.told.get("survey_id", RELATIONSHIP_SURVEY)
        return ask, {"end_user_id": str(ask.end_user), "survey_id": survey, "channel": ask.channel}

    def waiting(self, id: str) -> Ask:
        ask = self.ask(id)
        state = ask.state(self._now())
        if state not in ("sent", "eligible"):
            raise ValueError(f"this person cannot answer: {ask.reason or state}")
        return ask

    def ask(self, id: str) -> Ask:
        if id not in self._asked:
            raise NoSuchRecord(f"nobody was asked under {id}")
        return self._asked[id]

    def __len__(self) -> int:
        return len(self._asked)

    def shown(self, books: Books) -> Iterator[Row]:
        return (self.one(books, ask) for ask in list(self._asked.values()))

    def one(self, books: Books, ask: Ask) -> Row:
        person = books.people.get(ask.end_user)
        return {
            "id": ask.id,
            "at": ask.at,
            "due": ask.due,
            "end_user_id": ask.end_user,
            "email": person.email if person else None,
            "external_id": person.external_id if person else None,
            "channel": ask.channel,
            "state": ask.state(self._now()),
            "reason": ask.reason,
            "properties": dict(ask.properties),
            "told": dict(ask.told),
            "response": ask.answer,
        }


def person_from(form: Form) -> Row:
    """The fields of `POST` and `PUT /v1/end_users`."""
    known = ("email", "external_id", "phone_number")
    fields: dict[str, Any] = {key: value for key, value in form if key in known}
    if properties := bracketed(form, "properties"):
        fields["properties"] = properties
    if not fields:
        raise bad_request("email is missing", "email")
    return fields


def _days(sampling: Mapping[str, str], name: str) -> int:
    text = sampling.get(name, "0")
    if not text.isdigit():
        raise bad_request(f"{name} must be a whole number of days", name)
    return int(text)
