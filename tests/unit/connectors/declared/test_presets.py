"""Descriptions that are types of their own: their settings, and what is made of them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from fake_clock import fake_tools
from played_vendor import playing
from pydantic import SecretStr, ValidationError

from connectors import presets, registry
from connectors.contract import Connector
from connectors.declared.connecting import connector_of
from connectors.declared.description import ByTime, Description
from connectors.declared.preset import Preset
from nps.errors import AccessError
from nps.faults import Faults
from npsync.config.described import open_description

NAMES = sorted(Path(str(each)).stem for each in files(presets).iterdir() if each.name.endswith(".yaml"))

PULSE: dict[str, Any] = {
    "title": "Pulse",
    "parameters": {
        "key": {"about": "The key.", "secret": True},
        "ref": {"about": "The trait with your own id.", "required": False},
        "size": {"about": "Rows per page.", "kind": "whole number", "default": 50},
        "overlap": {"about": "Read again.", "kind": "period", "default": "3 days"},
        "surveys": {"about": "Which.", "kind": "list", "required": False},
        "question": {"about": "The score.", "kind": "per survey", "required": False},
    },
    "base_url": "https://api.pulse.example",
    "auth": {"kind": "header", "header": "X-Key", "value": "Key {key}"},
    "request": {"path": "/surveys/{survey}/answers"},
    "records": "answers",
    "pages": {"kind": "offset", "size": "{size}"},
    "since": {"kind": "time", "field": "at", "param": "from", "overlap": "{overlap}"},
    "fields": {
        "id": "id",
        "answered_at": "at",
        "score": "answers.{question:key}",
        "external_id": "traits.{ref:key}",
        "properties": {"plan": "traits.plan"},
    },
    "surveys": {"named": "{surveys}", "path": "/surveys", "values": {"question": "nps"}},
}


def pulse() -> Connector:
    return connector_of("pulse", Preset.of(PULSE))


def described(**given: Any) -> Description:
    settings: Any = pulse().settings.model_validate({"key": "s3cret"} | given)
    found = settings.described()
    assert isinstance(found, Description)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_of_the_package_is_right_whatever_of_its_settings_is_left_out(name: str) -> None:
    found = open_description(Path(str(files(presets).joinpath(f"{name}.yaml"))))
    assert found.problems == []
    assert found.preset is not None
    parameters = found.preset.about.parameters
    needed: dict[str, Any] = {each: "x" for each, about in parameters.items() if about.must_be_given}
    for given in (needed, {each: _some(each, about.kind) for each, about in parameters.items()}):
        assert found.described(found.preset.values(given)) is not None, found.problems
    assert found.preset.about.title
    assert found.preset.about.confidence


def _some(name: str, kind: str) -> Any:
    if name == "hook_secret":
        return "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    values = {"whole number": 5, "yes or no": True, "period": "2 days", "list": ["7"], "expression": "a.b"}
    return values.get(kind, "x y of eight")


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_of_the_package_is_a_type_that_reads_answers(name: str) -> None:
    assert registry.load(name).source is not None


def test_parameters_are_settings_and_fill_the_description() -> None:
    one = described(ref="customer id", size=20, overlap="1 days", surveys=["7", "8"])
    assert one.auth.value == SecretStr("Key s3cret")  # type: ignore[union-attr]
    assert one.fields.external_id == 'traits."customer id"'
    assert one.pages.size == 20  # type: ignore[union-attr]
    assert isinstance(one.since, ByTime)
    assert one.since.overlap.days == 1
    assert one.surveys is not None
    assert one.surveys.named == ("7", "8")


def test_what_is_not_given_is_the_default_or_left_out() -> None:
    one = described()
    assert one.fields.external_id is None
    assert one.pages.size == 50  # type: ignore[union-attr]
    assert one.surveys is not None
    assert one.surveys.named == ()


def test_a_question_may_be_one_for_all_surveys_or_one_for_each() -> None:
    assert described(question="q-1").fields.score == 'answers."q-1"'
    one = described(question={"7": "q-1", "8": "q-2"})
    assert one.fields.score == "answers.{question:key}"
    assert one.surveys is not None
    assert one.surveys.given == {"7": {"question": "q-1"}, "8": {"question": "q-2"}}


def test_where_a_reply_differs_records_and_fields_say_so() -> None:
    one = described(
        base_url="https://eu.pulse.example",
        records="data.rows",
        fields={"answered_at": ["done", "at"], "properties": {"seats": "traits.seats"}},
    )
    assert one.base_url == "https://eu.pulse.example"
    assert tuple(one.records) == ("data.rows",)
    assert one.fields.answered_at == ("done", "at")
    assert one.fields.id == "id"
    assert set(one.fields.properties) == {"plan", "seats"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"key": None}, "key"),
        ({"keys": "x"}, "Extra inputs"),
        ({"size": "many"}, "size"),
        ({"overlap": "3"}, "is not a duration"),
        ({"records": "a..b"}, "no JMESPath"),
        ({"fields": {"scoer": "x"}}, "scoer"),
        ({"base_url": "http://evil.example"}, "must start with https"),
    ],
)
def test_a_wrong_setting_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        described(**given)


def test_a_secret_is_shown_nowhere() -> None:
    settings = pulse().settings.model_validate({"key": "s3cret"})
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in repr(described())


def test_a_placeholder_nobody_declared_is_told_with_its_place() -> None:
    wrong = PULSE | {"records": "{recrods}", "fields": PULSE["fields"] | {"comment": "{question:text}.{x}"}}
    with pytest.raises(Faults) as caught:
        Preset.of(wrong).described({"key": "k"})
    assert [fault.path for fault in caught.value.faults] == [("records",), ("fields", "comment")]


@pytest.mark.parametrize("name", ["survey", "person", "Key", "9", "a-b"])
def test_a_parameter_that_could_not_be_told_apart_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Preset.of({"parameters": {name: {"about": "x"}}})


def test_a_parameter_called_token_is_refused_only_beside_a_token_that_is_asked_for() -> None:
    data = PULSE | {"parameters": {"token": {"about": "x"}}, "fields": {"id": "id", "answered_at": "at"}}
    data = {key: value for key, value in data.items() if key not in ("pages", "since", "surveys")}
    data["request"] = {"path": "/answers"}
    bearer = data | {"auth": {"kind": "bearer", "token": "{token}"}}
    assert Preset.of(bearer).described({"token": "t"}).auth.kind == "bearer"
    asked = data | {"auth": {"kind": "oauth2", "client_id": "{token}"}}
    with pytest.raises(Faults, match="choose another name"):
        Preset.of(asked).described({"token": "t"})


def test_promoter_asks_and_reads_with_one_set_of_settings() -> None:
    promoter = registry.load("promoter")
    assert promoter.source is not None
    assert promoter.sender is not None
    given = {"api_key": "k", "external_id_attribute": "customer_id", "campaign": "99", "per_minute": 10}
    settings: Any = promoter.settings.model_validate(given)
    assert settings.campaign_field == "campaign_id"
    one = settings.described()
    assert one.request.query == {"survey__campaign": "99"}
    assert one.throttle.calls == 10
    assert one.fields.external_id == (
        'survey.attributes."customer_id"',
        'contact.attributes."customer_id"',
    )


def test_a_refused_key_is_called_by_the_name_the_yaml_gives_it() -> None:
    connector = pulse()
    assert connector.source is not None
    settings = connector.settings.model_validate({"key": "s3cret", "surveys": ["1"], "question": "q"})
    with playing("https://api.pulse.example") as vendor:
        vendor.says = [(401, {"detail": "no"})]
        source = connector.source(settings, fake_tools("inbox"))
        with pytest.raises(AccessError, match=r"check key in the YAML's connection"):
            list(source.read(None, since=None))
