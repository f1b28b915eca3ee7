"""Why somebody is never asked, shown on their record (`contact_policy.reason_field`) where people look before a call.

Whoever is suppressed, or free again, is noted with that; whoever is decided about is noted where their record shows
something else than what holds. Showing reads them anew: what is written is what holds at that moment. Nothing waits
for it, and while every trigger is in shadow mode nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from nps.asking import person_keys
from nps.errors import NpsyncError
from nps.reasons import lasting
from store.api import ReasonDue
from triggers.apart import asked_apart
from triggers.desk import Desk
from triggers.people import Found, Nobody, Person
from triggers.report import Round
from triggers.rule import Rule
from triggers.rules import Known, circumstances
from triggers.showing import is_shown

AT_A_TIME = 100
LATER = timedelta(hours=1)  # when the CRM could not be reached
MUCH_LATER = timedelta(days=1)  # when it refused the text


def note_reasons(desk: Desk, rule: Rule, decided: Iterable[tuple[Found, Known]]) -> None:
    """Remember those whose records do not show what was just known of them."""
    name = desk.policy.reason_field
    if name is None or not rule.live:
        return
    stale = [
        one
        for one, known in decided
        if isinstance(one, Person) and not is_shown(_why(desk, one, known), one.record.get(name))
    ]
    desk.store.note_reasons([_key(one) for one in stale], now=desk.clock.now())


def show_reasons(desk: Desk, told: Round) -> None:
    """Write on each noted record why its person is never asked, or that nothing holds any more. What fails is told and
    tried again."""
    name = desk.policy.reason_field
    asked = list(dict.fromkeys(rule.people for rule in desk.rules.values() if rule.live))
    while name is not None and asked and not desk.stop():
        due = desk.store.reasons_due(AT_A_TIME, now=desk.clock.now())
        if not due:
            return
        failed = False
        for people in asked:
            failed |= not _shown(desk, people, name, due, told)
        if failed:
            desk.store.show_reasons_later(due, desk.clock.now() + LATER)
        else:
            desk.store.reasons_shown(due)


def _shown(desk: Desk, people: str, name: str, due: Sequence[ReasonDue], told: Round) -> bool:
    """Whether the people of this connection who go by these names were looked at. A record that refuses the text is
    noted again by its own name, for later."""
    try:
        registry = desk.opens.registry(people)
        found = registry.named([one.key for one in due])
        persons = {one.record_id: one for one in found if isinstance(one, Person)}
        texts = {id: _why(desk, one, _known(desk, one)) for id, one in persons.items()}

        def say(ids: Sequence[str]) -> list[str | None]:
            refused = registry.say(name, {id: texts[id] for id in ids})
            return [refused.get(id) for id in ids]

        said = asked_apart(list(texts), say, lambda id, error: str(error))
    except NpsyncError as error:
        told.problems.append(f"{name} of {people} could not be written: {error}")
        desk.notice("reason_field_not_written", connection=people, problem=str(error))
        return False
    told.problems += [one.reason for one in found if isinstance(one, Nobody) and one.code == "unreadable"]
    refused = {id: why for id, why in zip(texts, said, strict=True) if why is not None}
    for id, why in refused.items():
        told.problems.append(f"{name} of {people} {id} was refused: {why}")
        desk.notice("reason_field_refused", connection=people, record=id, problem=why)
    again = [_key(persons[id]) for id in refused]
    desk.store.note_reasons(again, now=desk.clock.now() + MUCH_LATER)
    return True


def _why(desk: Desk, person: Person, known: Known) -> str:
    seen = circumstances(person, (), known, desk.policy, desk.conditions, person.about({}))
    return lasting(seen, desk.zone)


def _known(desk: Desk, person: Person) -> Known:
    return Known(suppressions=tuple(desk.store.suppressions(person.keys)))


def _key(person: Person) -> str:
    to = person.recipient
    [key] = person_keys(connection=to.connection, object=to.object, record_id=person.record_id)
    return key
