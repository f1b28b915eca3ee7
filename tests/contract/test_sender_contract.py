"""What every sender promises, tried on every registered one."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from builders_sending import recipient
from contract_place import WRONG_SECRET, Given, Place
from fake_clock import Calls, FakeClock, Notices, fake_tools
from pydantic import ValidationError
from ruamel.yaml import YAML
from sandbox_process import RunningSandbox
from sender_table import CONNECTION, SENDERS, SenderRow, asked, open_sender, sends, somebody

from connectors import registry
from connectors.contract import Needs, Sender, Verdict
from nps.asking import Channel, StepKind
from nps.errors import AccessError, BudgetError, ConfigError
from nps.sending import (
    Accepted,
    FailedPermanent,
    FailedRetryable,
    FateUnknown,
    Message,
    Recipient,
    SendOutcome,
)

NAMES = [name for name in registry.names() if registry.load(name).sender is not None]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def row(name: str) -> SenderRow:
    if name not in SENDERS:
        pytest.fail(f'add a row for the sender "{name}" to tests/sender_table.py')
    return SENDERS[name]


@pytest.fixture
def given(row: SenderRow, place: Place) -> Given:
    return row.settings(place)


@pytest.fixture
def sender(name: str, given: Given) -> Iterator[Sender]:
    opened = open_sender(name, given)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _nothing_goes_wrong_by_itself(sandbox: RunningSandbox) -> Iterator[None]:
    yield
    sandbox.control("DELETE", "/faults")


def shows_nobody(text: str, message: Message) -> bool:
    """Neither name nor address, nor the link that is as good as a signature."""
    to = message.to
    private = [to.name, to.email, to.phone, message.invitation]
    return not any(value and value in text for value in private)


def test_one_send_is_exactly_one_message_to_this_person(row: SenderRow, place: Place, sender: Sender) -> None:
    olga, other = somebody(row, place), somebody(row, place)
    assert isinstance(sender.send(asked(row, olga)), Accepted)
    assert len(row.taken(place, olga)) == 1
    assert row.taken(place, other) == []


def test_two_people_get_one_message_each_over_one_opened_sender(
    row: SenderRow, place: Place, sender: Sender
) -> None:
    people = [somebody(row, place) for _ in range(3)]
    assert all(isinstance(sender.send(asked(row, one)), Accepted) for one in people)
    assert [len(row.taken(place, one)) for one in people] == [1, 1, 1]


def test_several_threads_may_send_at_once(row: SenderRow, place: Place, sender: Sender) -> None:
    people = [somebody(row, place) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda one: sender.send(asked(row, one)), people))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert [len(row.taken(place, one)) for one in people] == [1] * 8


def test_an_answer_that_is_lost_never_makes_a_second_message(
    row: SenderRow, place: Place, sender: Sender
) -> None:
    if row.lose_reply is None:
        pytest.skip("it gets no answer that could be lost")
    olga = somebody(row, place)
    row.lose_reply(place)
    question = asked(row, olga)
    outcome = sender.send(question)
    assert isinstance(outcome, Accepted if row.learns else FateUnknown)
    assert len(row.taken(place, olga)) == 1
    assert shows_nobody(repr(outcome), question)


def test_the_fate_of_an_interrupted_send_is_told_or_said_to_be_unknown(
    name: str, row: SenderRow, place: Place, given: Given, sender: Sender
) -> None:
    question = asked(row, somebody(row, place))
    sender.send(question)
    fate = sender.find(question)
    assert isinstance(fate, Accepted) if sends(name, given).can_find else fate is None


def test_what_never_left_is_not_called_sent(
    name: str, row: SenderRow, place: Place, given: Given, sender: Sender
) -> None:
    sender.send(asked(row, somebody(row, place)))
    fate = sender.find(asked(row, somebody(row, place)))
    assert fate is None or (sends(name, given).can_find and isinstance(fate, FailedRetryable))


def test_a_vendor_that_is_busy_has_sent_nothing_and_may_be_asked_later(
    row: SenderRow, place: Place, sender: Sender
) -> None:
    if row.busy is None:
        pytest.skip("it is never busy")
    olga = somebody(row, place)
    row.busy(place)
    outcome = sender.send(asked(row, olga))
    assert isinstance(outcome, FailedRetryable)
    assert row.taken(place, olga) == []
    place.sandbox.control("DELETE", "/faults")
    assert isinstance(sender.send(asked(row, olga)), Accepted)
    assert len(row.taken(place, olga)) == 1


def test_without_calls_left_nothing_is_sent_and_nobody_s_message_is_in_doubt(
    name: str, row: SenderRow, place: Place, given: Given
) -> None:
    if row.lose_reply is None:
        pytest.skip("it makes no calls")
    sender = open_sender(name, given, fake_tools(CONNECTION, count_call=Spent()))
    question = asked(row, somebody(row, place))
    with pytest.raises(BudgetError):
        sender.send(question)
    assert row.taken(place, question.to) == []
    sender.close()


class Spent(Calls):
    """A budget that is spent before the first call leaves."""

    def __call__(self) -> None:
        raise BudgetError("asking: the daily call budget is spent")


def test_a_person_who_cannot_be_reached_fails_alone_and_without_a_call(
    name: str, row: SenderRow, place: Place, given: Given
) -> None:
    if row.nowhere is None:
        pytest.skip("it needs no address")
    calls = Calls()
    sender = open_sender(name, given, fake_tools(CONNECTION, count_call=calls))
    question = asked(row, somebody(row, place, **row.nowhere))
    outcome = sender.send(question)
    assert isinstance(outcome, FailedPermanent)
    assert outcome.address
    assert calls.count == 0
    assert shows_nobody(repr(outcome), question)
    assert isinstance(sender.send(asked(row, somebody(row, place))), Accepted)
    sender.close()


def test_the_operator_s_trouble_stops_all_sending_and_shows_nobody(
    name: str, row: SenderRow, place: Place, given: Given
) -> None:
    if row.wrong is None:
        pytest.skip(f"{name} has no credentials")
    olga = somebody(row, place)
    notices = Notices()
    sender = open_sender(name, row.wrong(given), fake_tools(CONNECTION, notice=notices))
    question = asked(row, olga)
    with pytest.raises(AccessError, match=r"^asking: ") as caught:
        sender.send(question)
    text = "".join(traceback.format_exception(caught.value)) + repr(notices)
    assert WRONG_SECRET not in text
    assert shows_nobody(text, question)
    assert row.taken(place, olga) == []
    sender.close()


def test_a_vendor_that_cannot_be_reached_has_surely_sent_nothing(
    name: str, row: SenderRow, place: Place, given: Given
) -> None:
    if row.unreachable is None:
        pytest.skip("it is always there")
    sender = open_sender(name, row.unreachable(given), fake_tools(CONNECTION, clock=FakeClock()))
    question = asked(row, somebody(row, place))
    outcome = sender.send(question)
    assert isinstance(outcome, FailedRetryable)
    assert shows_nobody(repr(outcome), question)
    sender.close()


def test_a_hostile_address_is_refused_before_anything_leaves(name: str, row: SenderRow, given: Given) -> None:
    if row.hostile is None:
        pytest.skip("it has no address")
    with pytest.raises((ValidationError, ConfigError)):
        open_sender(name, row.hostile(given))


@pytest.mark.parametrize(
    "name_of_person", ["O'Brien, Ann", "Ünïcode 李", "=cmd()", "Ann\r\nBcc: all@acme.example", "x" * 200]
)
def test_an_odd_name_is_sent_whole_or_refused_and_never_more_than_a_name(
    row: SenderRow, place: Place, sender: Sender, name_of_person: str
) -> None:
    olga = somebody(row, place, name=name_of_person)
    outcome = sender.send(asked(row, olga))
    assert isinstance(outcome, Accepted | FailedPermanent)
    assert len(row.taken(place, olga)) == isinstance(outcome, Accepted)
    assert row.taken(place, recipient(email="all@acme.example", phone="", record_id="")) == []


def test_a_reminder_is_a_message_of_its_own_where_reminders_are_sent(
    name: str, row: SenderRow, place: Place, given: Given, sender: Sender
) -> None:
    if not sends(name, given).can_remind:
        pytest.skip("the vendor reminds by itself, or cannot")
    olga = somebody(row, place)
    first = asked(row, olga)
    sender.send(first)
    again = asked(row, olga, invitation=first.invitation, link=first.link, step=2, kind=StepKind.REMINDER)
    assert isinstance(sender.send(again), Accepted)
    assert len(row.taken(place, olga)) == 2


def test_access_is_tried_without_asking_anybody(row: SenderRow, place: Place, sender: Sender) -> None:
    if not hasattr(sender, "access"):
        pytest.skip("what it may do is tried with the records it writes")
    before = place.sandbox.control("GET", "/")["vendors"]
    grants = sender.access(Needs(sends=True))
    assert Verdict.MISSING not in {grant.verdict for grant in grants}
    assert place.sandbox.control("GET", "/")["vendors"] == before


def test_a_sender_may_be_closed_twice(name: str, given: Given) -> None:
    sender = open_sender(name, given)
    sender.close()
    sender.close()


# ---------------------------------------------------------------- what it declares


def test_it_declares_how_it_asks(name: str, given: Given) -> None:
    declared = sends(name, given)
    assert isinstance(declared.channel, Channel)
    assert declared.needs in ("email", "phone", "external_id", "record")
    assert declared.words in ("ours", "vendor")
    assert not (declared.words == "ours" and not declared.page), "our words lead to our page"


def test_its_settings_describe_themselves_and_its_starter_is_yaml_of_its_type(name: str) -> None:
    connector = registry.load(name)
    assert connector.title
    assert connector.limits
    starter = YAML(typ="safe").load(connector.starter)
    assert starter.pop("type") == name
    connector.settings.model_validate(starter)
    schema = connector.settings.model_json_schema()
    own = schema["properties"].values() if connector.destination is None else ()
    assert all("description" in field for field in own)
    grants = connector.grants(connector.settings.model_validate(starter), Needs(sends=True))
    assert grants or connector.destination is not None


def test_a_message_and_its_outcomes_show_nobody(place: Place) -> None:
    olga = somebody(SENDERS["mail"], place)
    question = asked(SENDERS["mail"], olga)
    outcomes: list[SendOutcome] = [Accepted("SM1"), FailedPermanent("x", "y"), FateUnknown("z")]
    to: Recipient = question.to
    text = repr(to) + repr(outcomes) + repr(question).replace(question.invitation, "")
    assert shows_nobody(text, question)
