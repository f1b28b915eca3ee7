"""Every YAML file we show to anybody passes `check --offline`, and the editors' schema agrees."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders_config import yaml
from ruamel.yaml import YAML

from npsync.config import load
from npsync.config.schema import json_schema

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILES = [ROOT / "config.example.yaml", *sorted((ROOT / "examples").rglob("*.y*ml"))]
SHOWN = [pytest.param(file.read_text("utf-8"), id=file.name) for file in FILES] + [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(BLOCK.findall(page.read_text("utf-8")), start=1)
]


def made_up(text: str) -> dict[str, str]:
    """A value for every variable the text refers to."""
    names = re.findall(r"\$\{(\w+)\}", text)
    return {name: _value(name) for name in names}


def _value(name: str) -> str:
    if name.endswith("_URL"):
        return f"http://127.0.0.1:9/{name}"
    if name.endswith("_HOST"):
        return "127.0.0.1"
    return "2525" if name.endswith("_PORT") else f"made-up-{name}"


@pytest.mark.parametrize("text", SHOWN)
def test_shown_yaml_has_no_problem(tmp_path, text):
    file = tmp_path / "npsync.yaml"
    file.write_text(text, encoding="utf-8")
    load(file, made_up(text))


@pytest.mark.parametrize("text", SHOWN)
def test_the_schema_accepts_shown_yaml(text):
    validated(text)


@cache
def schema() -> dict[str, Any]:
    return json_schema()


def validated(text: str) -> None:
    parser = YAML(typ="safe")
    all_tags = parser.constructor.yaml_constructors  # the class's own: others read dates with it
    parser.constructor.yaml_constructors = {
        tag: made for tag, made in all_tags.items() if tag != "tag:yaml.org,2002:timestamp"
    }
    given = parser.load(re.sub(r"(\d{4}-\d{2}-\d{2})(?=\s|$)", r'"\1"', text))  # a bare day is text to JSON
    jsonschema.Draft202012Validator(schema()).validate(given)


def test_the_schema_is_a_valid_one():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_schema_lets_a_number_be_a_variable():
    validated(yaml(sync="paused: false\n").replace("${SF_ID}", "x"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("type: salesforce", "type: salesfroce"),
        ("login_host:", "loginhost:"),
        ("every: 15 minutes", "every: 15m"),
        ("NPS__c: score", "NPS__c: {frm: score}"),
        ("surveys:", "survey:"),
        ("object: Contact", "object: 7"),
    ],
)
def test_the_schema_refuses_what_the_check_refuses(old, new):
    assert old in yaml()
    with pytest.raises(jsonschema.ValidationError):
        validated(yaml().replace(old, new))


def test_every_key_a_person_may_write_is_described():
    def undescribed(part, path=""):
        for name, each in part.get("properties", {}).items():
            if "description" not in each and "const" not in each and "$ref" not in each:
                yield f"{path}.{name}"

    whole = schema()
    found = list(undescribed(whole))
    for name, definition in whole["$defs"].items():
        found += [each for each in undescribed(definition, name) if not each.endswith((".type", ".flow"))]
    assert found == []


def test_every_default_is_something_a_person_may_write():
    whole = schema()
    wrong = []

    def look(part, path):
        if isinstance(part, dict):
            default = part.get("default")
            if default is not None and not isinstance(default, dict):
                rules = jsonschema.Draft202012Validator({**part, "$defs": whole["$defs"]})
                wrong.extend((path, default) for _ in rules.iter_errors(default))
            for name, each in part.items():
                look(each, f"{path}.{name}")
        elif isinstance(part, list):
            for each in part:
                look(each, path)

    look(whole, "")
    assert wrong == []
