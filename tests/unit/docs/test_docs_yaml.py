"""Every piece of YAML a reader may copy out of our pages works.

A ```yaml block is a whole file. A ```yaml fragment shows some keys in their place and is completed by the base file
below; a ```yaml block=connection is the keys of one connection; a ```yaml description is the description of an API.
"""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from ruamel.yaml import YAML

from mapping.selftest import run_tests
from mapping.spec import AccountLink, FieldMapping, FieldTest, MatchRule, PeopleSpec
from nps.surveys import ScoreRule, SurveySpec
from npsync.config import Config, load
from npsync.config.described import open_description
from npsync.config.model import FileSpec
from npsync.syncing.jobs import compiled
from sync.spec import BreakerSpec, SyncSpec, Target

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FILES = [ROOT / "config.example.yaml", *sorted((ROOT / "examples").rglob("*.yaml"))]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

BASE = """\
time_zone: UTC
phone_region: US
public_url: https://feedback.acme.com
connections:
  mailer: {type: mail, host: smtp.acme.com, sender: Acme <feedback@acme.com>}
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    auth: {flow: client_credentials, client_id: "${SF_ID}", client_secret: "${SF_SECRET}"}
  marketing: {type: hubspot, token: "${HUBSPOT_TOKEN}"}
  email-nps: {type: wootric, client_id: "${WOOTRIC_ID}", client_secret: "${WOOTRIC_SECRET}"}
  exports:
    type: file
    path: exports/
    columns: {id: Id, score: Score, answered_at: Date, email: Email}
people:
  crm:
    object: Contact
    match:
      - {response: email, record: Email}
    account: {object: Account, by: AccountId}
    email: Email
  marketing:
    object: contacts
    match:
      - {response: email, record: email}
surveys:
  relationship:
    at: [email-nps]
    ask: How likely are you to recommend Acme?
    through: [{use: mailer}]
  support-csat:
    metric: csat
    kind: transactional
    ask: How satisfied are you?
    through: [{use: mailer}]
sync:
  nps-to-contacts:
    every: 15 minutes
    survey: relationship
    to: crm
    fields: {A_Field_Of_The_Base__c: score}
"""


def blocks(kind: str) -> list[Any]:
    """The fenced blocks whose first line is ```kind, each with a name a person can find it by."""
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, (said, text) in enumerate(FENCE.findall(page.read_text("utf-8")), start=1)
        if said.strip() == kind
    ]


def loaded(tmp_path: Path, text: str) -> Config:
    """Raises with every problem of the text, as `npsync check --offline` tells it."""
    file = tmp_path / "npsync.yaml"
    file.write_text(text, encoding="utf-8")
    folder = re.search(r"^secrets_folder: *(\S+)", text, re.MULTILINE)
    if folder:
        (tmp_path / folder[1]).mkdir()
        for name in re.findall(r"\$\{file:([^}]+)\}", text):
            (tmp_path / folder[1] / name).write_text(f"made-up-{name}")
    return load(file, made_up(text))


def made_up(text: str) -> dict[str, str]:
    return {name: _value_of(name) for name in re.findall(r"\$\{(\w+)\}", text)}


def _value_of(name: str) -> str:
    fitting = {"URL": f"http://127.0.0.1:9/{name}", "HOST": "127.0.0.1", "PORT": "2525"}
    return fitting.get(name.rpartition("_")[2], f"made-up-{name}")


def completed(fragment: str) -> str:
    """The base file with the fragment's keys in their place. A block with a `type` or a `flow` replaces the old one."""
    yaml = YAML()
    yaml.preserve_quotes = True
    base, given = yaml.load(BASE), yaml.load(fragment)
    _lay_over(base, given)
    text = StringIO()
    yaml.dump(base, text)
    return text.getvalue()


def _lay_over(base: Any, given: Any) -> None:
    for key, value in given.items():
        whole = not isinstance(value, dict) or "type" in value or "flow" in value or key == "fields"
        if whole or not isinstance(base.get(key), dict):
            base[key] = value
        else:
            _lay_over(base[key], value)


def own_tests_pass(config: Config) -> None:
    for sync in config.sync.values():
        metric = config.surveys[sync.survey].metric.value
        failed = [
            each for each in run_tests(sync.tests, compiled(config, sync), metric=metric) if not each.passed
        ]
        assert failed == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_example_file_has_no_problem_and_passes_its_own_tests(tmp_path, file):
    own_tests_pass(loaded(tmp_path, file.read_text("utf-8")))


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_whole_file_in_a_page_has_no_problem_and_passes_its_own_tests(tmp_path, text):
    own_tests_pass(loaded(tmp_path, text))


@pytest.mark.parametrize("text", blocks("yaml fragment"))
def test_a_fragment_in_a_page_works_in_its_place(tmp_path, text):
    own_tests_pass(loaded(tmp_path, completed(text)))


@pytest.mark.parametrize("text", blocks("yaml block=connection"))
def test_the_keys_of_a_connection_in_a_page_are_right(tmp_path, text):
    loaded(tmp_path, f"connections:\n  one:\n{indent(text, '    ')}")


@pytest.mark.parametrize("text", blocks("yaml description"))
def test_a_description_in_a_page_is_right(tmp_path, text):
    (tmp_path / "tool.yaml").write_text(text, encoding="utf-8")
    found = open_description(tmp_path / "tool.yaml")
    assert found.preset is not None
    given = {name: "x" for name, each in found.preset.about.parameters.items() if each.must_be_given}
    described = found.described(found.values(given) or {})
    assert (described is not None, found.problems) == (True, [])


def test_every_yaml_block_of_the_pages_is_tested():
    kinds = {said.strip() for page in PAGES for said, _ in FENCE.findall(page.read_text("utf-8"))}
    unknown = {kind for kind in kinds if kind.startswith("y")} - {
        "yaml",
        "yaml fragment",
        "yaml block=connection",
        "yaml description",
    }
    assert unknown == set()


def test_the_base_file_has_no_problem_of_its_own(tmp_path):
    loaded(tmp_path, BASE)


def test_a_wrong_fragment_would_be_noticed(tmp_path):
    with pytest.raises(Exception, match="evry"):
        loaded(tmp_path, completed("sync:\n  nps-to-contacts:\n    evry: 15 minutes\n"))


@pytest.mark.parametrize("file", FILES[1:], ids=lambda file: file.name)
def test_an_example_says_at_its_top_what_it_is_for(file):
    first = file.read_text("utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 20


def test_the_example_shows_every_key_that_this_version_uses():
    text = (ROOT / "config.example.yaml").read_text("utf-8")
    models = (
        FileSpec,
        PeopleSpec,
        MatchRule,
        AccountLink,
        SurveySpec,
        ScoreRule,
        SyncSpec,
        Target,
        FieldMapping,
    )
    keys = {
        field.alias or name
        for model in (*models, BreakerSpec, FieldTest)
        for name, field in model.model_fields.items()
    }
    assert {key for key in keys if not re.search(rf"(?<![\w.]){key}:", text)} == set()


def test_the_triggers_the_example_shows_in_comments_work_too(tmp_path):
    text = (ROOT / "config.example.yaml").read_text("utf-8")
    block = text[text.index("# triggers:\n") : text.index("\n# ---", text.index("# triggers:\n"))]
    shown = "\n".join(line.removeprefix("#").removeprefix(" ") for line in block.splitlines())
    policy = text[text.index("contact_policy:\n") : text.index("\n# ---", text.index("contact_policy:\n"))]
    config = loaded(tmp_path, completed(f"{shown}\n{policy}"))
    assert set(config.triggers) == {"after-support", "half-yearly"}
    assert config.warnings == ()


def test_what_follows_an_answer_in_the_examples_comments_works_too(tmp_path):
    text = (ROOT / "config.example.yaml").read_text("utf-8")
    block = text[text.index("    # history:") : text.index("    verify:")]
    shown = "\n".join(line.replace("# ", "", 1) for line in block.splitlines())
    config = loaded(tmp_path, completed(f"sync:\n  nps-to-contacts:\n{shown}\n"))
    spec = config.sync["nps-to-contacts"]
    assert spec.history is not None
    assert (spec.history.key, len(spec.follow_up)) == ("Response_Key__c", 2)


def test_what_the_example_shows_in_comments_works_too(tmp_path):
    text = (ROOT / "config.example.yaml").read_text("utf-8")
    more = re.findall(r"^      #   (\w+__c: \{.*)$", text, re.MULTILINE)
    assert len(more) == 5
    fields = "\n".join(f"      {line}" for line in more)
    loaded(
        tmp_path,
        completed(f"sync:\n  nps-to-contacts:\n    where: 'channel != \"web\"'\n    fields:\n{fields}\n"),
    )
