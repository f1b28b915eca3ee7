"""Qualtrics' own ways, on the toy that was written from its facts by somebody else."""

from __future__ import annotations

from contract_opening import open_source, sandbox_tools
from contract_place import Place
from source_table import SOURCES

from nps.responses import ResponseStatus


def test_a_slow_job_rows_that_explain_and_a_preview_are_all_seen_for_what_they_are(place: Place) -> None:
    control = place.sandbox.control
    control("POST", "/qualtrics/do/set", {"polls": 3, "extra_headers": True})
    control("POST", "/qualtrics/do/preview", {})
    tools = sandbox_tools(place)
    source = open_source("qualtrics", SOURCES["qualtrics"].settings(place), tools)
    answers = {one.id: one for page in source.read(None, since=None) for one in page.responses}
    source.close()
    assert all(one.problem is None for one in answers.values())
    assert ResponseStatus.EXCLUDED in {one.status for one in answers.values()}


def test_json_and_csv_exports_tell_the_same_answers(place: Place) -> None:
    given = SOURCES["qualtrics"].settings(place)
    read = []
    for format in ("csv", "json"):
        source = open_source("qualtrics", given | {"format": format}, sandbox_tools(place))
        pages = source.read(None, since=None)
        read.append(
            {
                one.id: ("" if one.score is None else str(one.score), one.comment, one.email)
                for p in pages
                for one in p.responses
            }
        )
        source.close()
    by_csv, by_json = read
    assert by_csv == by_json
