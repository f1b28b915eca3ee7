"""What every destination promises of being let in: who asks, how often, and what it may."""

from __future__ import annotations

import traceback

import pytest
from contract_opening import contract_tools, open_destination
from contract_place import WRONG_SECRET, Place
from destination_table import DestinationRow
from fake_clock import Calls, FakeClock, fake_tools
from object_table import of_every_object

from connectors import registry
from connectors.contract import Destination, Needs, Verdict
from nps.errors import AccessError


def test_the_parts_of_a_connection_are_one_caller(name: str, row: DestinationRow, place: Place) -> None:
    calls = Calls()
    tools = fake_tools(clock=FakeClock(contract_tools().clock.now()), count_call=calls)
    one, two = (open_destination(name, row.settings(place), tools) for _ in range(2))
    one.describe(row.object)
    asked = calls.count
    two.describe(row.object)
    assert calls.count == asked
    one.close()
    assert two.get(row.object, ["1"], [], {}) == []  # the other one still works
    two.close()


def test_the_allowance_is_known_after_the_first_answer_and_costs_no_call(
    name: str, row: DestinationRow, place: Place
) -> None:
    calls = Calls()
    tools = fake_tools(clock=FakeClock(contract_tools().clock.now()), count_call=calls)
    crm = open_destination(name, row.settings(place), tools)
    assert crm.allowance() is None
    crm.describe(row.object)
    if not row.daily:
        assert crm.allowance() is None
        crm.close()
        return
    allowance = crm.allowance()
    assert allowance is not None
    assert allowance.limit is not None
    assert allowance.used is not None
    assert 0 <= allowance.left <= allowance.limit - allowance.used - allowance.kept
    crm.get(row.object, ["1"], [row.score], {})
    called = calls.count
    after = crm.allowance()
    assert after is not None
    assert after.left <= allowance.left
    assert calls.count == called
    crm.close()


def test_wrong_credentials_are_lost_access_and_the_secret_is_not_shown(
    name: str, row: DestinationRow, place: Place
) -> None:
    if row.wrong is None:
        pytest.skip("it asks for no credentials")
    crm = open_destination(name, row.wrong(row.settings(place)), contract_tools("crm"))
    with pytest.raises(AccessError, match="crm") as caught:
        crm.describe(row.object) if row.told else crm.get(row.object, ["1"], [], {})
    assert WRONG_SECRET not in "".join(traceback.format_exception(caught.value))
    crm.close()


@of_every_object
def test_access_names_what_is_granted(crm: Destination, row: DestinationRow) -> None:
    needs = Needs(
        read={row.object: frozenset({row.email})}, write={row.object: frozenset({row.score, row.comment})}
    )
    grants = crm.access(needs)  # type: ignore[attr-defined]
    assert Verdict.OK in {grant.verdict for grant in grants}
    assert Verdict.MISSING not in {grant.verdict for grant in grants}


@of_every_object
def test_it_lists_the_permissions_to_grant_without_any_call(
    name: str, row: DestinationRow, place: Place
) -> None:
    connector = registry.load(name)
    settings = connector.settings.model_validate(row.settings(place))
    needs = Needs(read={row.object: frozenset({row.email})}, write={row.object: frozenset({row.score})})
    assert connector.grants(settings, needs)
