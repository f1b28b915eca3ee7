"""Whatever a file holds, it loads or its problems are told: never anything else."""

from __future__ import annotations

import json

import pytest
from builders_config import ENV, yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npsync.config import ConfigProblems, load

KEYS = st.sampled_from(
    [
        *(
            "crm",
            "mail",
            "nps",
            "a",
            "type",
            "object",
            "match",
            "response",
            "record",
            "only",
            "account",
            "by",
        ),
        *("metric", "at", "score", "through", "use", "every", "cron", "survey", "to", "connection", "fields"),
        *("NPS__c", "from", "expr", "template", "value", "map", "as", "tests", "given", "expect", "name"),
        *("auth", "flow", "client_id", "base_url", "where", "breaker", "since", "history", "<<", ""),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [
            "crm",
            "mail",
            "nps",
            "salesforce",
            "wootric",
            "score",
            "account.Name",
            "score > 3",
            "{comment}",
            "1 day",
        ]
    ),
    st.sampled_from(
        ["${SF_ID}", "${NOPE}", "${", "$${x}", "${file:x}", "http://example.com", "http://[::1", "\x85", "é"]
    ),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        name: st.dictionaries(KEYS, VALUES, max_size=3) | VALUES
        for name in (
            "connections",
            "people",
            "surveys",
            "sync",
            "time_zone",
            "phone_region",
            "store",
            "secrets_folder",
        )
    },
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("any") / "npsync.yaml"


def loads_or_tells(file, text: str) -> None:
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    problems = told(file)
    assert problems != ()
    lines = sum(text.count(end) for end in ("\n", "\r", "\x85", "\u2028", "\u2029"))
    assert all(1 <= problem.line <= lines + 2 and problem.column >= 1 for problem in problems or ())


def told(file):
    """The problems of the file; None when it is a good one."""
    try:
        load(file, ENV)
    except ConfigProblems as found:
        return found.problems
    return None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SECTIONS)
def test_any_values_in_any_section(file, sections):
    loads_or_tells(file, json.dumps(sections))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(yaml())), st.integers(0, 40), st.text(max_size=5))
def test_a_good_file_with_a_piece_replaced(file, at, length, new):
    text = yaml()
    loads_or_tells(file, text[:at] + new + text[at + length :])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text(file, text):
    loads_or_tells(file, text)
