"""Lists that people made: who is put on them and taken off, and which lists nobody may set."""

from __future__ import annotations

import pytest
from played_portal import ANN, Portal, portal
from scripted_hubspot import opened

from nps.changes import Cause, Made, Rejected, Unknown, Written
from nps.errors import ConfigError

PROMOTERS = {"listId": "7", "name": "NPS promoters", "processingType": "MANUAL", "objectTypeId": "0-1"}


def furnished(there: Portal, **changes: str) -> None:
    there.lists = [PROMOTERS | changes]


@pytest.mark.parametrize("version", ["v3", "2026-09"])
@pytest.mark.parametrize("name", ["NPS promoters", "7"])
def test_a_list_goes_by_its_name_or_its_id(version: str, name: str) -> None:
    with portal() as (there, server):
        furnished(there)
        assert opened(server, api_version=version).list_id(name, "contacts") == "7"


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("NPS promotors", {}, 'no list "NPS promotors" of contacts; create it in HubSpot'),
        ("NPS promoters", {"processingType": "DYNAMIC"}, "HubSpot fills the list"),
        ("7", {"objectTypeId": "0-2"}, "is one of 0-2, not of contacts"),
        ("NPS promoters", {"listId": ""}, "does not tell its id"),
    ],
)
def test_a_list_that_cannot_be_used_is_a_matter_of_the_settings(
    name: str, changes: dict[str, str], says: str
) -> None:
    with portal() as (there, server):
        furnished(there, **changes)
        hubspot = opened(server)
        with pytest.raises(ConfigError, match=says):
            hubspot.list_id(name, "contacts")


def test_whoever_is_on_it_already_is_on_it_once() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        for _ in range(2):
            assert list(hubspot.add("7", "contacts", [ANN], None)) == [Made(ANN, ANN)]
        assert there.members == {"7": {ANN}}
        assert hubspot.on("7", "contacts", [ANN, "102", "no id"]) == {ANN}
        for _ in range(2):
            assert list(hubspot.drop("7", "contacts", [ANN])) == [Written(ANN)]
        assert hubspot.on("7", "contacts", [ANN]) == frozenset()


def test_of_many_the_list_itself_is_read_page_by_page() -> None:
    with portal() as (there, server):
        everybody = [str(n) for n in range(100, 130)]
        there.members["7"] = set(everybody[:5])
        assert opened(server).on("7", "contacts", everybody) == set(everybody[:5])
        assert len(server.asked) == 3


def test_a_record_that_is_gone_sinks_no_other() -> None:
    with portal() as (there, server):
        there.nobodies = ("102",)
        hubspot = opened(server)
        added = list(hubspot.add("7", "contacts", [ANN, "102", "no id"], None))
        gone = ("RECORD_MISSING", "HubSpot knows no such record", None, Cause.GONE)
        assert added == [Rejected("no id", *gone), Made(ANN, ANN), Rejected("102", *gone)]
        assert list(hubspot.drop("7", "contacts", [ANN, "102"])) == [Written(ANN), Written("102")]


def test_a_change_whose_reply_is_lost_stays_unknown_and_is_asked_about() -> None:
    with portal() as (there, server):
        there.lose = 9
        hubspot = opened(server)
        assert [type(one) for one in hubspot.add("7", "contacts", [ANN], None)] == [Unknown]
        assert hubspot.on("7", "contacts", [ANN]) == {ANN}


def test_a_status_is_nothing_hubspots_lists_know() -> None:
    with portal() as (_, server), pytest.raises(ConfigError, match="leave `status` out"):
        list(opened(server).add("7", "contacts", [ANN], "Responded"))
