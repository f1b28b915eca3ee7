"""What a vendor's documents leave open: its toy answers in each of the likely ways, and the same is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from contract_opening import open_source
from contract_place import Place
from source_table import SOURCES

from nps.errors import UnavailableError


def answers(name: str, given: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Who said what, and when, by the answer's id."""
    source = open_source(name, given)
    found = [one for page in source.read(None, since=None) for one in page.responses]
    source.close()
    return {one.id: (one.answered_at, one.score, one.comment, one.email, one.problem) for one in found}


@contextmanager
def played(place: Place, toy: str, usual: dict[str, Any], other: dict[str, Any]) -> Iterator[None]:
    place.sandbox.control("POST", f"/{toy}/do/set", other)
    try:
        yield
    finally:
        place.sandbox.control("POST", f"/{toy}/do/set", usual)


@pytest.mark.parametrize(
    ("name", "toy", "usual", "other"),
    [
        ("asknicely", "asknicely", {"redirect_from": 1000}, {"redirect_from": 10}),
        ("asknicely", "asknicely", {"since": "by_order"}, {"since": "sent"}),
        ("formbricks", "formbricks", {"ties": "kept"}, {"ties": "shuffled"}),
        ("retently", "retently", {"largest": 1000}, {"largest": 50}),
        ("surveymonkey", "surveymonkey", {"texts": "number"}, {"texts": "label"}),
        ("surveymonkey", "surveymonkey", {"contact": "typed"}, {"contact": "plain"}),
        ("typeform", "typeform", {"identity": "hidden"}, {"identity": "answer"}),
        ("zendesk_csat", "zendesk", {"compares": "updated_at"}, {"compares": "created_at"}),
    ],
    ids=lambda each: "-".join(map(str, each.values())) if isinstance(each, dict) else each,
)
def test_the_same_is_read_in_whichever_way_a_tool_answers(
    place: Place, name: str, toy: str, usual: dict[str, Any], other: dict[str, Any]
) -> None:
    given = SOURCES[name].settings(place)
    with played(place, toy, usual, usual):
        before = answers(name, given)
    with played(place, toy, usual, other):
        assert answers(name, given) == before


def test_a_list_whose_cursor_has_another_name_is_an_error_until_it_is_said(place: Place) -> None:
    given = SOURCES["satismeter"].settings(place)
    usual = {name: given[name] for name in ("size_param", "cursor_param", "cursor_field")}
    other = {"size_param": "pageSize", "cursor_param": "after", "cursor_field": "endCursor"}
    before = answers("satismeter", given)
    with played(place, "satismeter", usual, other):
        with pytest.raises(
            UnavailableError, match=r"no cursor where cursor_field says; page has .*endCursor"
        ):
            answers("satismeter", given)
        assert answers("satismeter", given | other) == before
