"""Described APIs read from toys that were written apart from them: every style of paging, every wall, every manner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from contract_opening import contract_tools
from contract_place import Place
from fake_clock import Notices
from sandbox_process import RunningSandbox, running_sandbox
from source_table import PAGED_FIELDS, SOURCES

from connectors import registry
from connectors.contract import Source
from connectors.declared.description import Description
from connectors.declared.source import DeclaredSource
from nps.errors import ConfigError, UnavailableError
from nps.responses import ResponseStatus, SurveyResponse

BY_TIME = {"kind": "time", "field": "created_at", "param": "since", "order": "ascending"}
STYLES: dict[str, dict[str, Any]] = {
    "pages": {"pages": {"kind": "page", "size_param": "per_page", "size": 40}},
    "page-count": {"pages": {"kind": "page", "size_param": "limit", "size": 40, "pages": "pages"}},
    "next-link": {"pages": {"kind": "next_link"}},
    "last-row": {"pages": {"kind": "last_row", "param": "starts_after", "more": "has_more"}},
    "offset": {"pages": {"kind": "offset", "size": 40}},
    "moving-start": {"pages": {"kind": "moving_start", "param": "skip", "size": 40}, "since": BY_TIME},
    "cursor": {"pages": {"kind": "cursor", "param": "cursor", "next": "page.next"}},
    "newest-first": {
        "pages": {"kind": "page", "size_param": "per_page", "size": 40},
        "since": {"kind": "newest_first", "field": "created_at"},
    },
    "whole": {},
    "in-path/{per_page}/{page}/{since}": {
        "pages": {"kind": "page", "size_param": "per_page", "size": 40},
        "since": BY_TIME | {"format": "unix_s"},
    },
}


@pytest.fixture(scope="module")
def toy() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=150, responses=300, ugly="10%") as running:
        yield running


@pytest.fixture(autouse=True)
def as_it_was(toy: RunningSandbox) -> Iterator[None]:
    yield
    toy.control("DELETE", "/faults")
    toy.control("POST", "/paged/do/reset", {})
    toy.control("POST", "/apptentive/do/set", {"wrapper": "responses", "has_more": True, "answers": "states"})


def opened(toy: RunningSandbox, style: str = "pages", door: str = "header", **changes: Any) -> DeclaredSource:
    told: dict[str, Any] = {
        "base_url": toy.env["PAGED_URL"],
        "auth": {"kind": "header", "header": "X-Api-Key", "value": toy.env["PAGED_KEY"]},
        "request": {"path": f"/{door}/{style}"},
        "records": "responses",
        "fields": PAGED_FIELDS,
        **STYLES.get(style, {}),
    }
    return DeclaredSource(Description.model_validate(told | changes), contract_tools("paged"))


def answers(source: Source) -> dict[str, SurveyResponse]:
    found = [one for page in source.read(None, since=None) for one in page.responses]
    source.close()
    return {one.id: one for one in found}


def knob(toy: RunningSandbox, **settings: Any) -> None:
    toy.control("POST", "/paged/do/set", settings)


@pytest.fixture(scope="module")
def everything(toy: RunningSandbox) -> dict[str, SurveyResponse]:
    found = answers(opened(toy, "whole"))
    assert len(found) > 120
    assert not any(one.problem for one in found.values())
    return found


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_paging_reads_the_same(
    toy: RunningSandbox, everything: dict[str, SurveyResponse], style: str
) -> None:
    assert answers(opened(toy, style)) == everything


DOORS: dict[str, dict[str, Any]] = {
    "open": {"kind": "none"},
    "bearer": {"kind": "bearer", "token": "PAGED_KEY"},
    "word": {"kind": "header", "value": "Token PAGED_KEY"},
    "named": {"kind": "header", "value": "api_key=PAGED_KEY"},
    "basic": {"kind": "basic", "username": "PAGED_KEY"},
    "user-token": {"kind": "basic", "username": "PAGED_USER/token", "password": "PAGED_KEY"},
    "oauth2": {
        "kind": "oauth2",
        "client_id": "PAGED_CLIENT_ID",
        "client_secret": "PAGED_CLIENT_SECRET",
    },
    "raw": {
        "kind": "oauth2",
        "client_id": "PAGED_CLIENT_ID",
        "client_secret": "PAGED_CLIENT_SECRET",
        "value": "{token}",
    },
}


@pytest.mark.parametrize("door", DOORS)
def test_every_way_to_be_let_in_works(
    toy: RunningSandbox, everything: dict[str, SurveyResponse], door: str
) -> None:
    def filled(text: str) -> str:
        names = sorted((name for name in toy.env if name.startswith("PAGED_")), key=len, reverse=True)
        for name in names:
            text = text.replace(name, toy.env[name])
        return text

    auth = {key: filled(value) for key, value in DOORS[door].items()}
    assert answers(opened(toy, "whole", door, auth=auth)) == everything


def test_a_listing_by_post_carries_its_parameters_in_its_body(
    toy: RunningSandbox, everything: dict[str, SurveyResponse]
) -> None:
    request = {"method": "POST", "path": "/header/pages", "body": {}}
    assert answers(opened(toy, request=request)) == everything


def test_each_survey_can_be_listed_by_itself(
    toy: RunningSandbox, everything: dict[str, SurveyResponse]
) -> None:
    surveys = {one.survey for one in everything.values()}
    source = opened(
        toy,
        request={"path": "/header/pages/surveys/{survey}"},
        surveys={"named": sorted(surveys - {None}), "values": {}},
    )
    assert answers(source) == everything


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({"times": "unix_s"}, {"dates": ["unix"]}),
        ({"times": "unix_text"}, {"dates": ["unix"]}),
        ({"times": "unix_float"}, {"dates": ["unix"]}),
        ({"times": "unix_ms"}, {"dates": ["iso", "unix_ms"]}),
        ({"times": "iso_offset"}, {}),
        ({"times": "naive"}, {"time_zone": "UTC"}),
        ({"rows_at": "data.items"}, {"records": "data.items"}),
        ({"rows_at": ""}, {"records": ["data", "@"]}),
        ({"people": "beside"}, {"beside": {"key": "person_id", "records": "people", "fields": {}}}),
    ],
    ids=lambda each: "-".join(map(str, each.values())) if isinstance(each, dict) and len(each) == 1 else None,
)
def test_rows_are_read_however_they_are_written(
    toy: RunningSandbox,
    everything: dict[str, SurveyResponse],
    settings: dict[str, Any],
    changes: dict[str, Any],
) -> None:
    knob(toy, **settings)
    if "beside" in changes:
        who = {name: name for name in ("email", "phone", "external_id")}
        changes = {"beside": changes["beside"] | {"fields": who}}
    found = answers(opened(toy, "whole", **changes))
    assert not any(one.problem for one in found.values())
    assert {one.id: (one.answered_at, one.email) for one in found.values()} == {
        one.id: (one.answered_at, one.email) for one in everything.values()
    }


def test_milliseconds_declared_as_seconds_are_a_problem_of_every_row(toy: RunningSandbox) -> None:
    knob(toy, times="unix_ms")
    found = answers(opened(toy, "whole", dates=["unix"]))
    assert found
    assert all("are these milliseconds?" in (one.problem or "") for one in found.values())


def test_ids_above_what_a_double_holds_stay_apart(
    toy: RunningSandbox, everything: dict[str, SurveyResponse]
) -> None:
    knob(toy, ids="big")
    found = answers(opened(toy))
    assert len(found) == len(everything)
    assert min(map(int, found)) > 2**53


@pytest.mark.parametrize("scores", ["text", "label"])
def test_scores_in_words_are_scores(
    toy: RunningSandbox, everything: dict[str, SurveyResponse], scores: str
) -> None:
    knob(toy, scores=scores)
    fields = PAGED_FIELDS | {"score": {"path": "score", "number_in_text": True}}
    found = answers(opened(toy, "whole", fields=fields))
    assert {one.id: one.score for one in found.values()} == {one.id: one.score for one in everything.values()}


def test_people_are_looked_up_where_only_another_call_names_them(
    toy: RunningSandbox, everything: dict[str, SurveyResponse]
) -> None:
    knob(toy, people="elsewhere")
    look_up = {
        "key": "person_id",
        "path": "/header/people/{person}",
        "fields": {name: name for name in ("email", "phone", "external_id")},
    }
    found = answers(opened(toy, "whole", look_up=look_up))
    assert {one.id: one.email for one in found.values()} == {one.id: one.email for one in everything.values()}


# ---------------------------------------------------------------- the tool misbehaves


def test_a_next_link_to_another_host_is_told_and_not_followed(toy: RunningSandbox) -> None:
    knob(toy, foreign_next="http://evil.example")
    with pytest.raises(UnavailableError, match="another host"):
        answers(opened(toy, "next-link"))


def test_a_page_that_comes_for_ever_is_an_error_and_not_a_loop(toy: RunningSandbox) -> None:
    knob(toy, stuck=2)
    with pytest.raises(UnavailableError, match=r"^paged: "):
        answers(opened(toy))


@pytest.mark.parametrize("says", ["retry_after", "retry_date", "reset_unix", "reset_seconds", "nothing"])
def test_a_limit_is_waited_for_however_it_is_told(
    toy: RunningSandbox, everything: dict[str, SurveyResponse], says: str
) -> None:
    toy.fault("paged", "status", status=429, times=1)
    knob(toy, says=says)
    throttle = {"wait": 5, "reset_header": "X-RateLimit-Reset"}
    throttle |= {"reset_is": "seconds"} if says == "reset_seconds" else {}
    assert answers(opened(toy, "whole", throttle=throttle)) == everything


def test_an_error_inside_a_200_is_tried_again_or_told(
    toy: RunningSandbox, everything: dict[str, SurveyResponse]
) -> None:
    toy.fault("paged", "error_inside", times=1)
    with pytest.raises(UnavailableError):
        answers(opened(toy, "whole"))
    toy.fault("paged", "error_inside", times=1)
    assert (
        answers(opened(toy, "whole", failures=[{"when": "success == `false`", "retry": True}])) == everything
    )


def test_a_redirect_to_a_file_elsewhere_is_followed_without_our_key(
    toy: RunningSandbox, everything: dict[str, SurveyResponse]
) -> None:
    knob(toy, redirect_above=10)
    assert answers(opened(toy, "whole")) == everything


# ---------------------------------------------------------------- apptentive


def apptentive(toy: RunningSandbox, notices: Notices | None = None, **changes: Any) -> Source:
    connector = registry.load("apptentive")
    assert connector.source is not None
    given = SOURCES["apptentive"].settings(Place(toy, None)) | changes  # type: ignore[arg-type]
    return connector.source(connector.settings.model_validate(given), contract_tools("app"))


@pytest.fixture(scope="module")
def in_the_app(toy: RunningSandbox) -> dict[str, SurveyResponse]:
    found = answers(apptentive(toy))
    assert len(found) > 50
    assert {type(one.score) for one in found.values()} <= {int, type(None)}
    assert any(one.comment for one in found.values())
    assert any(one.external_id for one in found.values())
    return found


@pytest.mark.parametrize(
    "settings", [{"wrapper": "data"}, {"wrapper": ""}, {"has_more": False}, {"answers": "arrays"}], ids=str
)
def test_an_apptentive_answer_is_read_in_every_shape_it_may_have(
    toy: RunningSandbox, in_the_app: dict[str, SurveyResponse], settings: dict[str, Any]
) -> None:
    toy.control("POST", "/apptentive/do/set", settings)
    assert answers(apptentive(toy)) == in_the_app


def test_an_apptentive_survey_in_another_wrapper_says_what_to_set(
    toy: RunningSandbox, in_the_app: dict[str, SurveyResponse]
) -> None:
    toy.control("POST", "/apptentive/do/set", {"wrapper": "answers_of_the_survey"})
    with pytest.raises(UnavailableError, match=r"the reply has keys answers_of_the_survey, .* set records"):
        answers(apptentive(toy))
    assert answers(apptentive(toy, records="answers_of_the_survey")) == in_the_app


def test_an_apptentive_survey_without_a_question_from_0_to_10_says_what_to_set(toy: RunningSandbox) -> None:
    surveys = toy.env["APPTENTIVE_SURVEY"][:-1] + "2"
    with pytest.raises(ConfigError, match="set score_question in the connection"):
        answers(apptentive(toy, surveys=[surveys]))


def test_who_answers_in_the_app_as_nobody_does_not_count(in_the_app: dict[str, SurveyResponse]) -> None:
    nobody = {one.id for one in in_the_app.values() if not (one.email or one.external_id)}
    excluded = {one.id for one in in_the_app.values() if one.status is ResponseStatus.EXCLUDED}
    assert nobody == excluded != set()
    assert {one.channel for one in in_the_app.values()} == {"mobile"}
