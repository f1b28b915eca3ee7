"""All records of an object, and the vendor losing its place between two pages of them."""

from __future__ import annotations

import re

import pytest
from builders_salesforce import Answer, Opened, error, org, page, record_id, row

from nps.errors import UnavailableError

LOST = error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def rows(first: int, count: int) -> list[dict[str, object]]:
    return [row(record_id(number), Name=f"N{number}") for number in range(first, first + count)]


def test_a_lost_place_is_found_again_behind_the_last_record() -> None:
    with org() as here:
        here.describes()

        def answer(soql: str) -> Answer:
            behind = re.search(r"Id > '(\w+)'", soql)
            if behind is None:
                return page(rows(0, 2_000), "/services/data/v64.0/query/0r8-2000")
            assert behind[1] == record_id(1_999)
            return page(rows(2_000, 500))

        here.finds(answer)
        here.answers("GET", "query/0r8-2000", LOST)
        pages = list(Opened().salesforce.records("Contact", ["Name"], {"Name": ["a", "o'b"]}))
    ids = [record.id for each in pages for record in each]
    assert ids == [record_id(number) for number in range(2_500)]
    assert "Name IN ('a','o\\'b')" in here.queries[0]
    assert "Name IN" in here.queries[1]


def test_a_place_that_is_lost_at_once_is_given_up() -> None:
    with org() as here:
        here.describes()
        here.finds(lambda soql: LOST)
        with pytest.raises(UnavailableError, match="INVALID_QUERY_LOCATOR"):
            list(Opened().salesforce.records("Contact", [], {}))
    assert len(here.queries) == 1
