"""Each answer as a record of its own: created once, brought up to date by its key."""

from __future__ import annotations

from typing import Any

import pytest
from builders_salesforce import Opened, field
from played_tasks import ACME, ANN, HISTORY, HISTORY_FIELDS, LOOKUP, entry, played, refusal

from connectors.contract import Entry, Making
from nps.changes import Made, Rejected, Unknown, Written
from nps.errors import ConfigError

KEY = "Response_Key__c"


def kept(opened: Opened, *entries: Entry, key: str = KEY) -> list[Making]:
    return list(opened.salesforce.keep(HISTORY, key, entries))


def test_an_answer_becomes_a_record_that_leads_to_whom_it_is_of() -> None:
    with played() as there:
        [made] = kept(Opened(), entry())
        [(method, path, [sent])] = there.calls
    assert isinstance(made, Made)
    assert made.record_id == "nps/1"
    assert (method, path) == ("PATCH", f"composite/sobjects/{HISTORY}/{KEY}")
    assert sent == {
        "attributes": {"type": HISTORY},
        KEY: "nps/1",
        "Score__c": 3,
        "Contact__c": ANN,
        "Account__c": ACME,
    }


def test_keeping_an_answer_twice_brings_one_record_up_to_date() -> None:
    with played() as there:
        opened = Opened()
        assert kept(opened, entry()) == kept(opened, entry(Score__c=9))
        assert [row["Score__c"] for row in there.rows.values()] == [9]


def test_two_hundred_answers_are_one_call() -> None:
    with played() as there:
        told = kept(Opened(), *(entry(f"nps/{n}") for n in range(450)))
        assert [len(records) for _, _, records in there.calls] == [200, 200, 50]
        assert {one.record_id for one in told} == {f"nps/{n}" for n in range(450)}
        assert all(isinstance(one, Made) for one in told)


def test_one_refused_answer_does_not_sink_the_others() -> None:
    with played() as there:
        there.refuse = lambda one: refusal("STRING_TOO_LONG") if one[KEY] == "nps/2" else None
        told = kept(Opened(), entry(), entry("nps/2"), entry("nps/3"))
        assert {one.record_id: type(one) for one in told} == {"nps/1": Made, "nps/2": Rejected, "nps/3": Made}


def test_an_answer_whose_reply_was_lost_is_found_again() -> None:
    with played() as there:
        there.lose = 9
        opened = Opened()
        [lost] = kept(opened, entry())
        assert isinstance(lost, Unknown)
        found = opened.salesforce.kept(HISTORY, KEY, [entry(), entry("nps/2")])
        assert found == {"nps/1": next(iter(there.rows))}


def test_a_key_that_another_process_took_meanwhile_is_asked_for_again() -> None:
    with played() as there:
        taken = [refusal("DUPLICATE_VALUE", KEY)]
        there.refuse = lambda one: taken.pop() if taken else None
        [made] = kept(Opened(), entry())
        assert isinstance(made, Made)
        assert len(there.calls) == 2


def test_what_the_mapping_says_of_a_lookup_stands() -> None:
    with played() as there:
        kept(Opened(), entry(Contact__c=None))
        [sent] = there.sent
    assert sent["Contact__c"] is None
    assert sent["Account__c"] == ACME


def test_among_several_lookups_the_one_of_that_name_is_filled() -> None:
    fields = [*HISTORY_FIELDS, field("Referred_By__c", "reference", referenceTo=["Contact"], **LOOKUP)]
    with played(**{HISTORY: fields}) as there:
        kept(Opened(), entry())
        [sent] = there.sent
    assert sent["Contact__c"] == ANN
    assert "Referred_By__c" not in sent


def test_among_several_lookups_without_that_name_the_yaml_has_to_choose() -> None:
    own = [one for one in HISTORY_FIELDS if one["name"] != "Contact__c"]
    lookups = [field(name, "reference", referenceTo=["Contact"], **LOOKUP) for name in ("By__c", "For__c")]
    with played(**{HISTORY: [*own, *lookups]}), pytest.raises(ConfigError, match=r"By__c, For__c"):
        kept(Opened(), entry())


def test_a_master_is_named_once_when_the_record_is_created() -> None:
    fields = [{**one, "updateable": one["name"] != "Contact__c"} for one in HISTORY_FIELDS]
    with played(**{HISTORY: fields}) as there:
        opened = Opened()
        kept(opened, entry())
        kept(opened, entry())
        first, second = there.sent
    assert first["Contact__c"] == ANN
    assert "Contact__c" not in second


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("Plain__c", "is no external id"),
        ("Shared__c", "not unique"),
        ("", "name the field that holds"),
        ("Nothing__c", "has no field"),
    ],
)
def test_a_key_that_cannot_tell_answers_apart_is_a_matter_of_the_settings(key: str, says: str) -> None:
    with played() as there, pytest.raises(ConfigError, match=says):
        kept(Opened(), entry(), key=key)
    assert not there.calls


def test_discarding_twice_is_as_good_as_once() -> None:
    with played() as there:
        opened = Opened()
        made: list[Any] = kept(opened, *(entry(f"nps/{n}") for n in range(250)))
        ids = [one.id for one in made]
        first, second = (list(opened.salesforce.discard(HISTORY, ids)) for _ in range(2))
        assert first == second == [Written(id) for id in ids]
        assert [len(sent) for method, _, sent in there.calls if method == "DELETE"] == [200, 50] * 2
        assert not there.rows


def test_nothing_to_keep_is_no_call() -> None:
    with played() as there:
        assert kept(Opened()) == []
        assert not there.there.asked
        assert not there.calls


def test_a_lookup_that_may_not_be_filled_is_a_matter_of_the_permissions() -> None:
    fields = [{**one, "createable": one["name"] != "Contact__c"} for one in HISTORY_FIELDS]
    with played(**{HISTORY: fields}) as there:
        with pytest.raises(ConfigError, match="may not fill Contact__c"):
            kept(Opened(), entry())
        assert not there.calls
