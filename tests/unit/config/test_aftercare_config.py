"""`history:` and `follow_up:` beside the file and the live CRM: each difference at its line, and what to grant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders_config import config_of, yaml

from connectors.contract import Creates, Owner
from nps.errors import ConfigError
from nps.schema import FieldSchema, FieldType, ObjectSchema
from npsync.checking.access import needs_of
from npsync.checking.after import after
from npsync.config import Config
from npsync.syncing.jobs import care_of, unread_feed, where_to_see_why

FOLLOW_UP = """\
history:
  object: Kept__c
  key: Key__c
  fields: {Score__c: score, Of__c: record.id, Plan__c: properties.plan}
follow_up:
  - where: segment == "detractor" && record.Tier__c == "A"
    task:
      subject: "Call {record.Name}"
      otherwise: [u1, kim@acme.com]
  - add_to: {list: Promoters}
"""


def followed(folder: Path, sync: str = FOLLOW_UP, top: str = "") -> Config:
    text = yaml(sync=sync, top=top).replace(
        "      - {response: email, record: Email}\n",
        "      - {response: email, record: Email}\n    owner: OwnerId\n",
    )
    return config_of(text, folder)


def field(name: str, **more: Any) -> FieldSchema:
    return FieldSchema(name, name, more.pop("type", FieldType.TEXT), writable=True, **more)


CONTACT = ObjectSchema(
    "Contact", {one.name: one for one in map(field, ("Email", "Name", "Tier__c", "OwnerId"))}
)
KEPT = (
    field("Key__c", unique=True),
    field("Score__c", type=FieldType.NUMBER),
    field("Of__c"),
    field("Plan__c"),
)


class Crm:
    def __init__(self, *kept: FieldSchema) -> None:
        self.held = kept or KEPT
        self.people = {"u1": Owner("u1"), "gone": Owner("gone", active=False)}

    def describe(self, object: str) -> ObjectSchema:
        if object != "Kept__c":
            raise ConfigError(f"there is no object {object}")
        return ObjectSchema(object, {one.name: one for one in self.held})

    def canonical(self, object: str, field: str) -> Any:
        return lambda value: value

    def kept(self, object: str, key: str, entries: Any) -> Any:
        if not key:
            raise ConfigError(f"{object}: name the field that holds each answer's key")
        return {}

    def list_id(self, name: str, object: str) -> str:
        if name != "Promoters":
            raise ConfigError(f"there is no campaign {name}")
        return "701"

    def owners(self, ids: Any) -> Any:
        return {id: self.people[id] for id in ids if id in self.people}

    def owner_of(self, email: str) -> Owner | None:
        return Owner("u2") if email == "kim@acme.com" else None


def found(config: Config, crm: Crm | None = None) -> list[tuple[str, Any]]:
    return [(one.code, ".".join(map(str, one.path[2:]))) for one in after(config, "a", CONTACT, crm or Crm())]  # type: ignore[arg-type]


def test_what_fits_has_no_problem(tmp_path: Path):
    assert found(followed(tmp_path)) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ("object: Kept__c", "object: Lost__c", "missing_object", "history.object"),
        ("key: Key__c", "key: Of__c2", "missing_field", "history.key"),
        ("  key: Key__c\n", "", "no_key", "history"),
        ("Score__c: score", "Scor__c: score", "missing_field", "history.fields.Scor__c"),
        ("Score__c: score", "Score__c: comment", "type_mismatch", "history.fields.Score__c"),
        ("Of__c: record.id", "Of__c: record.Nmae", "missing_field", "history.fields.Of__c"),
        ("record.Tier__c", "record.Teir__c", "missing_field", "follow_up.0.where"),
        ("{record.Name}", "{record.Nmae}", "missing_field", "follow_up.0.task.subject"),
        ("[u1, kim", "[nobody, kim", "no_colleague", "follow_up.0.task.otherwise.0"),
        ("[u1, kim", "[gone, kim", "no_colleague", "follow_up.0.task.otherwise.0"),
        ("kim@acme.com", "left@acme.com", "no_colleague", "follow_up.0.task.otherwise.1"),
        ("list: Promoters", "list: Fans", "no_list", "follow_up.1.add_to.list"),
    ],
)
def test_each_difference_is_told_at_its_place(tmp_path: Path, old: str, new: str, code: str, at: str):
    assert found(followed(tmp_path, FOLLOW_UP.replace(old, new))) == [(code, at)]


def test_a_key_that_is_not_unique_would_keep_answers_twice(tmp_path: Path):
    crm = Crm(field("Key__c"), *KEPT[1:])
    assert found(followed(tmp_path), crm) == [("not_unique", "history.key")]


def test_exactly_what_is_used_is_to_be_granted(tmp_path: Path):
    needs = needs_of(followed(tmp_path), "crm")
    assert needs.creates == {Creates.HISTORY, Creates.TASKS, Creates.LISTS}
    assert needs.history == {"Kept__c": {"Key__c", "Score__c", "Of__c", "Plan__c"}}
    assert needs.read["Contact"] >= {"Tier__c", "Name", "OwnerId"}
    assert "Kept__c" not in needs.write
    assert needs_of(config_of(yaml(), tmp_path), "crm").creates == frozenset()


def test_what_only_follows_an_answer_is_kept_of_it_too(tmp_path: Path):
    """The inbox keeps nothing nobody reads: a comment in a task's default body, a property in the history."""
    feed = unread_feed(followed(tmp_path), "mail")
    assert feed is not None
    assert (feed.keep_comment, feed.keep_properties) == (True, {"plan"})
    bare = unread_feed(config_of(yaml(), tmp_path), "mail")
    assert bare is not None
    assert (bare.keep_comment, bare.keep_properties) == (False, frozenset())


def test_two_syncs_of_one_survey_that_both_call_people_are_warned_of(tmp_path: Path):
    call = "follow_up:\n  - task: {subject: Call, otherwise: [u1]}\n"
    other = "  b:\n    every: 1 hours\n    survey: nps\n    to: crm\n    fields: {Other__c: score}\n"
    rules = "    follow_up:\n      - notify: {connection: slack, text: hi}\n"
    slack = "  slack: {type: slack, webhook_url: 'https://hooks.slack.com/services/x'}\n"

    def warned(more: str) -> list[tuple[str, str]]:
        text = yaml(sync=call).replace("people:\n", f"{slack}people:\n", 1) + more
        return [(one.code, one.path) for one in config_of(text, tmp_path).warnings]

    assert warned(other + rules) == [("followed_twice", "sync.b.follow_up")]
    assert warned(other) == []
    lists = "    follow_up:\n      - add_to: {list: Promoters}\n"
    assert warned(other + lists) == []


def test_a_task_leads_to_our_page_where_others_reach_it_and_else_to_the_command(tmp_path: Path):
    inside = followed(tmp_path)
    assert where_to_see_why(inside, "crm", "003A") == "npsync why 003A"
    outside = followed(tmp_path, top="public_url: https://feedback.acme.com/nps/\n")
    care = care_of(outside, "a")
    assert care is not None
    assert care.why("00/3") == "https://feedback.acme.com/nps/customers/crm/00%2F3"
