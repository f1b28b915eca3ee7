"""Asking by a field that the CRM's own automation waits for: what both CRMs promise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from contract_opening import contract_tools
from contract_place import Given, Place, unique
from destination_table import DESTINATIONS
from pydantic import ValidationError

from connectors import registry
from connectors.contract import Sender
from nps.asking import Channel, StepKind
from nps.errors import ConfigError
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown, Message, Recipient

FIELDS = {
    "salesforce": ("NPS_Comment__c", "NPS_Last_Survey__c"),
    "hubspot": ("npsync_survey", "npsync_survey_link"),
}
every_crm = pytest.mark.parametrize("name", list(FIELDS))


def settings(name: str, place: Place, sends: dict[str, str]) -> Any:
    given: Given = DESTINATIONS[name].settings(place)
    return registry.load(name).settings.model_validate(given | {"sends": sends})


def opened(name: str, place: Place, sends: dict[str, str]) -> Sender:
    make = registry.load(name).sender
    assert make is not None
    return make(settings(name, place, sends), contract_tools("crm"))


@pytest.fixture
def sender(name: str, place: Place) -> Iterator[Sender]:
    made = opened(name, place, {FIELDS[name][0]: "{survey}/{invitation}"})
    yield made
    made.close()


def person(name: str, place: Place) -> str:
    row = DESTINATIONS[name]
    fields = row.person(f"{unique('asked')}@acme.example", f"+1212{unique('999')}")
    return str(place.sandbox.control("POST", f"/{row.vendor}/{row.object}", fields)["id"])


def shown(name: str, place: Place, id: str) -> dict[str, Any]:
    row = DESTINATIONS[name]
    record: dict[str, Any] = place.sandbox.control("GET", f"/{row.vendor}/{row.object}/{id}")
    return record


def message(name: str, id: str, **changes: Any) -> Message:
    plain: dict[str, Any] = {
        "invitation": "inv-Zk3",
        "step": 7,
        "kind": StepKind.ASK,
        "survey": "support-csat",
        "metric": "csat",
        "link": "https://nps.acme.com/s/inv-Zk3",
        "deadline": datetime(2026, 12, 6, 23, 30, tzinfo=UTC),
    }
    to = Recipient(connection="crm", object=DESTINATIONS[name].object, record_id=id)
    return Message(**{**plain, "to": to, **changes})


@every_crm
def test_the_field_is_written_and_its_sending_found_again(name: str, sender: Sender, place: Place) -> None:
    id = person(name, place)
    assert sender.find(message(name, id)) is None
    assert sender.send(message(name, id)) == Accepted()
    assert shown(name, place, id)[FIELDS[name][0]] == "support-csat/inv-Zk3"
    assert sender.find(message(name, id)) == Accepted()
    assert sender.find(message(name, id, invitation="another")) is None


@every_crm
def test_written_again_it_is_no_change(name: str, sender: Sender, place: Place) -> None:
    id = person(name, place)
    sender.send(message(name, id))
    before = shown(name, place, id)
    assert sender.send(message(name, id)) == Accepted()
    assert shown(name, place, id)[FIELDS[name][0]] == before[FIELDS[name][0]]


@every_crm
def test_a_record_that_is_gone_fails_for_good_and_creates_nobody(
    name: str, sender: Sender, place: Place
) -> None:
    row = DESTINATIONS[name]
    id = person(name, place)
    place.sandbox.control("DELETE", f"/{row.vendor}/{row.object}/{id}")
    count = len(place.sandbox.rows(row.vendor, row.object))
    outcome = sender.send(message(name, id))
    assert isinstance(outcome, FailedPermanent | FailedRetryable)
    assert outcome.reason
    assert len(place.sandbox.rows(row.vendor, row.object)) == count


@every_crm
def test_a_record_of_another_crm_is_not_touched(name: str, sender: Sender, place: Place) -> None:
    id = person(name, place)
    there = Recipient(connection="elsewhere", object=DESTINATIONS[name].object, record_id=id)
    outcome = sender.send(message(name, id, to=there))
    assert isinstance(outcome, FailedPermanent)
    assert outcome.code == "other_crm"
    assert sender.find(message(name, id, to=there)) is None


@every_crm
def test_a_lost_answer_is_a_fate_that_can_be_found_out(name: str, sender: Sender, place: Place) -> None:
    id = person(name, place)
    sender.send(message(name, id, invitation="first"))  # the token and the schema are there
    path = {"salesforce": "composite/sobjects", "hubspot": "batch/update"}[name]
    place.sandbox.fault(name, "lost_reply", path=f"*{path}*", times=99)
    try:
        outcome = sender.send(message(name, id))
    finally:
        place.sandbox.control("DELETE", "/faults")
    assert isinstance(outcome, FateUnknown | Accepted)
    assert sender.find(message(name, id)) == Accepted()


@every_crm
def test_a_field_that_does_not_exist_stops_sending_for_all(name: str, place: Place) -> None:
    wrong = opened(name, place, {"no_such_field": "{invitation}"})
    with pytest.raises(ConfigError, match="no_such_field"):
        wrong.send(message(name, person(name, place)))
    wrong.close()


@pytest.mark.parametrize(("name", "day"), [("salesforce", "2026-12-06"), ("hubspot", None)])
def test_several_fields_are_written_together(name: str, day: str | None, place: Place) -> None:
    text, second = FIELDS[name]
    made = opened(name, place, {text: "{invitation}", second: "{deadline}" if day else "{link}"})
    id = person(name, place)
    assert made.send(message(name, id)) == Accepted()
    assert shown(name, place, id)[second] == (day or "https://nps.acme.com/s/inv-Zk3")
    made.close()


@every_crm
def test_it_says_how_it_asks(name: str, place: Place) -> None:
    tells = registry.load(name).sends
    plain = tells(settings(name, place, {"a": "{survey}/{invitation}"}))
    assert plain is not None
    assert (plain.channel, plain.needs, plain.words, plain.page) == (Channel.OTHER, "record", "vendor", False)
    assert (plain.can_remind, plain.can_find, plain.writes) == (False, True, ("a",))
    linked = tells(settings(name, place, {"a": "{link}", "b": "{step}"}))
    assert linked is not None
    assert (linked.page, linked.can_remind) == (True, True)
    assert tells(registry.load(name).settings.model_validate(DESTINATIONS[name].settings(place))) is None


@every_crm
@pytest.mark.parametrize(
    ("sends", "why"),
    [
        ({}, "name a field"),
        ({"a": "{survey}"}, "no change"),
        ({"a": "{invitation} {nobody}"}, "no name here"),
        ({"a": "{invitation.__class__}"}, "no name here"),
        ({"a": "{invitation!r}"}, "no name here"),
        ({"a": "{invitation"}, "brace"),
    ],
)
def test_templates_that_could_not_work_are_refused(
    name: str, sends: dict[str, str], why: str, place: Place
) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(name, place, sends)
