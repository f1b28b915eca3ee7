"""What triggers and the contact policy refer to: events, people, surveys, and ways to ask them.

Works on the raw values, as `crosscheck` does. What is no problem of the file is `askwarnings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from connectors.contract import Connector, EventKind, Sends
from mapping.conditions import ABOUT_EVENTS, ABOUT_PEOPLE, fields_named, problems_of_condition
from nps.asking import Channel
from npsync.config.crosscheck import Known, unknown
from npsync.config.problems import Path, meant_or_known
from npsync.config.wording import Found, tell

_ADDRESSES = {
    "email": "email",
    "phone": "phone",
}  # what a channel needs → the key of `people` that says where it is


def askcheck(known: Known) -> Iterator[Found]:
    for name, given in known.section("triggers").items():
        if isinstance(given, dict):
            yield from Trigger(known, name, given).problems()
    yield from _through(known)
    yield from _policy(known)


# ---------------------------------------------------------------- triggers


class Trigger:
    """One trigger as it was written."""

    def __init__(self, known: Known, name: str, given: Mapping[str, Any]) -> None:
        self.known, self.name, self.given = known, name, given
        self.path: Path = ("triggers", name)
        event = given.get("event")
        self.event: dict[str, Any] = event if isinstance(event, dict) else {}

    def problems(self) -> Iterator[Found]:
        yield from self._event()
        yield from self._people()
        yield from self._survey()
        yield from self._where()

    @cached_property
    def connector(self) -> Connector | None:
        return self.known.connectors.get(str(self.event.get("connection")))

    @property
    def people(self) -> str | None:
        """The `people:` block it asks; None where the file does not say (or says something else wrong)."""
        people = self.known.section("people")
        audience = self.given.get("audience")
        if isinstance(audience, dict):
            return audience.get("connection") if audience.get("connection") in people else None
        named = self.given.get("people")
        if named is None and (named := self.event.get("connection")) not in people:
            named = next(iter(people)) if len(people) == 1 else None
        return named if named in people else None

    def _event(self) -> Iterator[Found]:
        name, path = self.event.get("connection"), (*self.path, "event")
        if not isinstance(name, str) or not self.known.is_set((*path, "connection")):
            return
        if name not in self.known.section("connections"):
            yield unknown("connection", name, self.known.section("connections"), (*path, "connection"))
        if self.connector is None:
            return
        kinds = {kind.name: kind for kind in self.connector.event_kinds}
        if not kinds:
            message = f'"{name}" ({self.connector.title}) tells of no events'
            yield Found((*path, "connection"), "no_events", message)
            return
        kind = kinds.get(str(self.event.get("kind")))
        if kind is not None:
            yield from self._own_keys(kind, path)
            if "poll" not in kind.by and "public_url" not in self.known.document.value:
                message = f'"{name}" tells of this by webhook alone: say under which public_url npsync serve is reached'
                yield Found((*path, "connection"), "no_public_url", message)
        elif isinstance(self.event.get("kind"), str):
            yield self._no_such_kind(str(self.event["kind"]), (*path, "kind"))
        yield from self._cancel_on(kinds)

    def _no_such_kind(self, kind: str, path: Path) -> Found:
        assert self.connector is not None
        names = [each.name for each in self.connector.event_kinds]
        message = f'{self.connector.title} tells of no "{kind}"{meant_or_known(kind, names)}'
        return Found(path, "unknown_kind", message)

    def _own_keys(self, kind: EventKind, path: Path) -> Iterator[Found]:
        own = {key: value for key, value in self.event.items() if key not in ("connection", "kind")}
        try:
            kind.parameters.model_validate(own)
        except ValidationError as error:
            yield from tell(error, self.known.document, path, kind.parameters)

    def _cancel_on(self, kinds: Mapping[str, EventKind]) -> Iterator[Found]:
        given = self.given.get("cancel_on")
        for at, name in enumerate(given) if isinstance(given, list) else [(None, given)]:
            path: Path = (*self.path, "cancel_on") if at is None else (*self.path, "cancel_on", at)
            if not isinstance(name, str):
                continue
            if name not in kinds:
                yield self._no_such_kind(name, path)
            elif name == self.event.get("kind"):
                yield Found(
                    path, "cancels_itself", f'"{name}" is the event that asks; it cannot take the ask back'
                )

    def _people(self) -> Iterator[Found]:
        people = self.known.section("people")
        audience = self.given.get("audience")
        named, path = self.given.get("people"), (*self.path, "people")
        if isinstance(audience, dict):
            named, path = audience.get("connection"), (*self.path, "audience", "connection")
        if isinstance(named, str) and self.known.is_set(path):
            if named not in people:
                yield unknown("people", named, people, path)
        elif self.event and isinstance(self.event.get("connection"), str) and self.people is None:
            if people:
                message = (
                    f'"people" is missing: whose people the events of {self.event["connection"]} concern'
                )
                yield Found((*self.path, "people"), "missing_key", f"{message}; one of {', '.join(people)}")
            else:
                message = "there are no people: say below people: who a customer is, and how to reach them"
                yield Found(self.path, "unknown_people", message)

    def _where(self) -> Iterator[Found]:
        where = self.given.get("where")
        if not isinstance(where, str):
            return
        path = (*self.path, "where")
        roots = ABOUT_EVENTS if self.event else ABOUT_PEOPLE
        problems = problems_of_condition(where, path, roots)
        yield from (Found(each.path, each.code, each.message) for each in problems)
        if not problems:
            yield from _needs_account(self.known, [where], self.people, path)

    def _survey(self) -> Iterator[Found]:
        name, path = self.given.get("survey"), (*self.path, "survey")
        surveys = self.known.section("surveys")
        if not isinstance(name, str) or not self.known.is_set(path):
            return
        if name not in surveys:
            yield unknown("survey", name, surveys, path)
            return
        if not isinstance(surveys[name], dict):
            return
        ways = ways_of(self.known, surveys[name])
        if not surveys[name].get("through"):
            add = "through: [{use: CONNECTION}]"
            message = f'survey "{name}" has no `through`, so there is no way to ask it: add {add}'
            yield Found(path, "no_way_to_ask", message)
        for at, way, sends in ways:
            yield from self._reaches(name, at, way, sends)

    def _reaches(self, survey: str, at: int, way: Mapping[str, Any], sends: Sends) -> Iterator[Found]:
        """Whether the people this trigger asks have what the way needs."""
        people = self.known.section("people").get(str(self.people))
        if not isinstance(people, dict):
            return
        path: Path = ("surveys", survey, "through", at)
        key = _ADDRESSES.get(sends.needs)
        if key is not None and not people.get(key) and not _is_matched_by(people, key):
            what = "an e-mail address" if key == "email" else "a phone number"
            message = f"{way['use']} needs {what}, and people.{self.people} does not say which field has it: add {key}"
            yield Found((*path, "use"), "no_address", f"{message} (trigger {self.name})")
        if sends.channel is Channel.SMS and not people.get("consent"):
            message = (
                f"text messages need the person's consent: say in people.{self.people}.consent which field has it "
                f"(trigger {self.name})"
            )
            yield Found((*path, "use"), "no_consent_field", message)
        if isinstance(way.get("when"), str) and not problems_of_condition(way["when"], (), ABOUT_EVENTS):
            yield from _needs_account(self.known, [way["when"]], self.people, (*path, "when"))


def _needs_account(
    known: Known, conditions: Sequence[str], people: str | None, path: Path
) -> Iterator[Found]:
    block = known.section("people").get(str(people))
    if isinstance(block, dict) and not block.get("account") and fields_named(conditions, "account"):
        field = fields_named(conditions, "account")[0]
        message = (
            f'"account.{field}" needs to know the account: add account: {{object, by}} to people.{people}'
        )
        yield Found(path, "no_account", message)


def _is_matched_by(people: Mapping[str, Any], key: str) -> bool:
    """Whether a match rule says which field has the address: then `people` need not say it again."""
    rules = people.get("match")
    return isinstance(rules, list) and any(
        isinstance(rule, dict) and rule.get("response") == key for rule in rules
    )


# ---------------------------------------------------------------- ways to ask


def ways_of(known: Known, survey: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any], Sends]]:
    """The ways of a survey that can be judged: those whose connection is there and can send."""
    through = survey.get("through")
    for at, way in enumerate(through if isinstance(through, list) else []):
        if isinstance(way, dict) and isinstance(way.get("use"), str):
            sends = _sends(known, way["use"])
            if sends is not None:
                yield at, way, sends


def _sends(known: Known, connection: str) -> Sends | None:
    """How this connection asks; None where it cannot, or nobody can tell yet."""
    connector, settings = known.connectors.get(connection), known.settings.get(connection)
    if connector is None or connector.sender is None or settings is None:
        return None
    return connector.sends(settings)


def _through(known: Known) -> Iterator[Found]:
    for name, survey in known.section("surveys").items():
        if not isinstance(survey, dict):
            continue
        through = survey.get("through")
        for at, way in enumerate(through if isinstance(through, list) else []):
            if isinstance(way, dict) and isinstance(way.get("use"), str):
                yield from _way(known, survey, way, ("surveys", name, "through", at))


def _way(known: Known, survey: Mapping[str, Any], way: Mapping[str, Any], path: Path) -> Iterator[Found]:
    if isinstance(way.get("when"), str):
        for problem in problems_of_condition(way["when"], (*path, "when"), ABOUT_EVENTS):
            yield Found(problem.path, problem.code, problem.message)
    connection = way["use"]
    connector = known.connectors.get(connection)
    if connector is None or connection not in known.settings:
        return  # told where the connection stands
    sends = _sends(known, connection)
    if sends is None:
        message = f'"{connection}" ({connector.title}) cannot send a survey{_senders(known)}'
        yield Found((*path, "use"), "cannot_send", message)
        return
    if sends.page and "public_url" not in known.document.value:
        message = f'"{connection}" sends a link to our own survey page: say under which public_url the world reaches it'
        yield Found((*path, "use"), "no_public_url", message)
    at = survey.get("at")
    ids = at.get(connection) if isinstance(at, dict) else None
    if sends.needs_survey_id and not ids:
        message = f'"{connection}" has to know which of its surveys this is: add at: {{{connection}: "ID"}}'
        yield Found((*path, "use"), "no_survey_id", message)
    elif sends.needs_survey_id and isinstance(ids, list) and len(ids) > 1:
        message = f'"{connection}" has {len(ids)} ids in `at`, and nobody can tell which to send; keep one'
        yield Found((*path, "use"), "several_survey_ids", message)
    if sends.words == "ours" and not survey.get("ask"):
        message = f'"ask" is missing: the question that "{connection}" asks'
        yield Found((*path[:2], "ask"), "missing_key", message)


def _senders(known: Known) -> str:
    names = [name for name in known.connectors if _sends(known, name) is not None]
    return f"; these can: {', '.join(names)}" if names else ""


# ---------------------------------------------------------------- the policy


def _policy(known: Known) -> Iterator[Found]:
    policy = known.section("contact_policy")
    conditions = policy.get("never_ask")
    for at, condition in enumerate(conditions if isinstance(conditions, list) else []):
        if not isinstance(condition, str):
            continue
        path: Path = ("contact_policy", "never_ask", at)
        problems = problems_of_condition(condition, path, ABOUT_PEOPLE)
        yield from (Found(each.path, each.code, each.message) for each in problems)
        if not problems:
            for people in _asked(known):
                yield from _needs_account(known, [condition], people, path)
    for rule, key, about in _RULES_THAT_NEED_TO_KNOW:
        yield from _needs_people_key(known, policy, rule, key, about)
    yield from _written_by_a_sync(known, policy)


_RULES_THAT_NEED_TO_KNOW = (
    ("new_customers_wait", "customer_since", "since when a person is a customer"),
    ("per_account", "account", "which account a person belongs to"),
)


def _asked(known: Known) -> list[str]:
    """The `people:` blocks that some trigger asks."""
    triggers = known.section("triggers").items()
    asked = (Trigger(known, name, given).people for name, given in triggers if isinstance(given, dict))
    return list(dict.fromkeys(each for each in asked if each is not None))


def _needs_people_key(
    known: Known, policy: Mapping[str, Any], rule: str, key: str, about: str
) -> Iterator[Found]:
    if policy.get(rule) is None:
        return
    for people in _asked(known):
        block, connector = known.section("people").get(people), known.connectors.get(people)
        if key == "customer_since" and (connector is None or connector.created):
            continue
        if isinstance(block, dict) and not block.get(key):
            message = f"{rule} has to know {about}: add {key} to people.{people}"
            yield Found(("contact_policy", rule), f"no_{key}", message)


def _written_by_a_sync(known: Known, policy: Mapping[str, Any]) -> Iterator[Found]:
    for key, its in (("ledger_field", "the ledger"), ("reason_field", "a reason")):
        if isinstance(field := policy.get(key), str):
            yield from _also_written(known, key, field, its)
    if isinstance(field, str) and field.lower() == str(policy.get("ledger_field")).lower():
        message = f"{field} is the ledger_field; a reason needs a field of its own"
        yield Found(("contact_policy", "reason_field"), "written_twice", message)


def _also_written(known: Known, key: str, field: str, its: str) -> Iterator[Found]:
    for name, sync in known.section("sync").items():
        fields = sync.get("fields") if isinstance(sync, dict) else None
        if isinstance(fields, dict) and field.lower() in (str(each).lower() for each in fields):
            line = known.document.place(("sync", name, "fields", field)).line
            message = f"{name} (line {line}) writes {field} too; {its} needs a field of its own"
            yield Found(("contact_policy", key), "written_twice", message)
