"""`npsync check` beside a CRM: each difference is told at the line of the YAML that makes it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime

import pytest
from builders_config import config_of, yaml

from connectors.contract import Grant, Needs, Verdict
from nps.errors import AccessError, ConfigError, RejectedError, UnavailableError
from nps.schema import FieldSchema, FieldType, ObjectSchema
from npsync.checking.access import needs_of, try_out
from npsync.checking.live import check
from npsync.cli import granting


def field(name, type=FieldType.TEXT, *, writable=True, **more):
    return FieldSchema(name=name, label=name, type=type, writable=writable, **more)


CONTACT = (
    field("Email"),
    field("Name", writable=False),
    field("NPS__c", FieldType.INTEGER),
    field("Note__c", FieldType.TEXT, length=80),
    field("Long__c", FieldType.TEXT, length=32_000),
    field("Day__c", FieldType.DATE),
    field("Moment__c", FieldType.DATETIME),
    field("Flag__c", FieldType.BOOLEAN),
    field("Segment__c", FieldType.CHOICE, options=("Promoter", "Passive", "Detractor")),
    field("Open__c", FieldType.CHOICE, options=("Promoter",), restricted=False),
    field("Formula__c", FieldType.INTEGER, writable=False),
    field("Small__c", FieldType.NUMBER),
)


class Crm:
    """A destination as the check sees it: a schema, and a number field that refuses what is above 5."""

    def __init__(self, fails=None, access_fails=None):
        self.fails, self.access_fails = fails, access_fails
        self.asked = 0

    def describe(self, object):
        self.asked += 1
        if self.fails:
            raise self.fails
        if object != "Contact":
            raise ConfigError(f'there is no object "{object}"')
        return ObjectSchema(object, {each.name: each for each in CONTACT})

    def canonical(self, object, field):
        def fits(value):
            if field == "Small__c" and value > 5:
                raise RejectedError(f"{value} is more than the field holds", code="too_large")
            return value

        return fits

    def access(self, needs):
        if self.access_fails:
            raise self.access_fails
        self.needs = needs
        return [Grant("edit Contact", "writes scores", Verdict.OK)]


class Tool:
    def __init__(self, fails=None, grants=()):
        self.fails, self.grants = fails, grants

    def access(self, needs):
        if self.fails:
            raise self.fails
        return [*self.grants]


class Opened:
    def __init__(self, crm=None, tool=None):
        self.crm, self.tool = crm or Crm(), tool or Tool()

    def destination(self, name):
        return self.crm

    def source(self, name):
        return self.tool


def found(fields, folder, opened=None, **more):
    config = config_of(yaml(fields, **more), folder)
    return [(each.code, each.path) for each in check(config, opened or Opened())]


def test_what_fits_has_no_problem(tmp_path):
    fields = """\
    NPS__c: score
    Segment__c: {from: segment, map: {promoter: Promoter, passive: Passive, detractor: Detractor}}
    Day__c: {from: answered_at, as: date}
    Moment__c: answered_at
    Note__c: {from: comment, truncate: 80}
    Long__c: comment
    Flag__c: {value: true}
    Open__c: segment
    Email: {template: "{record.Name}", truncate: 10}
    """
    assert found(fields, tmp_path) == []


@pytest.mark.parametrize(
    ("fields", "code", "at"),
    [
        ("NPS_c: score", "missing_field", "NPS_c"),
        ("Formula__c: score", "not_writable", "Formula__c"),
        ("Day__c: answered_at", "type_mismatch", "Day__c"),
        ("Moment__c: {from: answered_at, as: date}", "type_mismatch", "Moment__c"),
        ("NPS__c: segment", "type_mismatch", "NPS__c"),
        ("NPS__c: {from: score, as: text}", "type_mismatch", "NPS__c"),
        ("NPS__c: {from: score, as: number}", "type_mismatch", "NPS__c"),
        ("Flag__c: score", "type_mismatch", "Flag__c"),
        ("Note__c: comment", "no_truncate", "Note__c"),
        ("Note__c: {from: comment, truncate: 81}", "too_long", "Note__c.truncate"),
        ("Note__c: {from: segment, map: {promoter: " + "x" * 81 + "}}", "too_long", "Note__c.map.promoter"),
        ("Segment__c: {from: segment, map: {promoter: Fan}}", "not_an_option", "Segment__c.map.promoter"),
        ("Segment__c: {value: promoter}", "not_an_option", "Segment__c.value"),
        (
            "NPS__c: {from: score, overwrite: if_newer, newer_than: Dy__c}",
            "missing_field",
            "NPS__c.newer_than",
        ),
        (
            "NPS__c: {from: score, overwrite: if_newer, newer_than: Note__c}",
            "type_mismatch",
            "NPS__c.newer_than",
        ),
        ("Long__c: {expr: 'lower(record.Nmae)'}", "missing_field", "Long__c"),
    ],
)
def test_what_does_not_fit_is_told_at_its_line(tmp_path, fields, code, at):
    assert found(fields, tmp_path) == [(code, f"sync.a.fields.{at}")]


class Particular(Crm):
    """Records found by their e-mail alone, with a field that has to be filled, and moments it cannot hold."""

    def describe(self, object):
        schema = super().describe(object)
        return replace(schema, found_by=frozenset({"Email"}), to_fill={"Moment__c": "the guard wants it"})

    def canonical(self, object, field):
        def fits(value):
            if isinstance(value, datetime):
                raise ConfigError("say naive_times")
            return value

        return fits


def test_a_field_the_records_cannot_be_found_by_is_told_at_its_rule(tmp_path):
    config = config_of(yaml("Moment__c: answered_at").replace("record: Email", "record: Name"), tmp_path)
    told = {each.path: each.message for each in check(config, Opened(Particular()))}
    assert told["people.crm.match[0].record"] == 'Contact are not found by "Name", only by Email'


def test_a_field_that_every_mapping_has_to_fill_is_missed(tmp_path):
    [problem] = check(config_of(yaml("NPS__c: score"), tmp_path), Opened(Particular()))
    assert (problem.code, problem.path) == ("not_filled", "sync.a.fields")
    assert problem.message == "Contact.Moment__c is not filled: the guard wants it"


def test_a_moment_the_field_cannot_hold_is_told_before_there_is_an_answer(tmp_path):
    [problem] = check(config_of(yaml("Moment__c: answered_at"), tmp_path), Opened(Particular()))
    assert (problem.code, problem.path) == ("refused_value", "sync.a.fields.Moment__c")
    assert problem.message == "say naive_times"


def test_a_segment_in_a_picklist_of_other_words_is_told_word_by_word(tmp_path):
    problems = check(config_of(yaml("Segment__c: segment"), tmp_path), Opened())
    assert [each.code for each in problems] == ["not_an_option"] * 3
    assert {each.message.rpartition("; ")[2] for each in problems} == {
        'did you mean "Promoter"?',
        'did you mean "Passive"?',
        'did you mean "Detractor"?',
    }


def test_the_connector_is_shown_every_value_the_mapping_can_give(tmp_path):
    assert {code for code, _ in found("Small__c: score", tmp_path)} == {"refused_value"}


def test_a_missing_field_suggests_the_one_that_was_meant(tmp_path):
    [problem] = check(config_of(yaml("NPS_c: score"), tmp_path), Opened())
    assert problem.message == (
        'Contact has no field "NPS_c", or this credential does not see it; did you mean "NPS__c"? '
        "Or to create it: npsync provision crm"
    )
    assert problem.line == 24


def test_people_are_checked_key_by_key(tmp_path):
    people = yaml().replace(
        "      - {response: email, record: Email}\n",
        "      - {response: email, record: Emial}\n"
        "    only: {Active__c: true}\n    name: Nmae\n    account: {object: Acount, by: AccountId}\n",
    )
    told = {(each.code, each.path) for each in check(config_of(people, tmp_path), Opened())}
    assert told == {
        ("missing_field", "people.crm.match[0].record"),
        ("missing_field", "people.crm.only.Active__c"),
        ("missing_field", "people.crm.name"),
        ("missing_object", "people.crm.account.object"),
    }


def test_an_object_that_does_not_exist_is_told_once(tmp_path):
    text = yaml().replace("object: Contact", "object: Contct")
    told = [(each.code, each.path) for each in check(config_of(text, tmp_path), Opened())]
    assert told == [("missing_object", "people.crm.object")]


@pytest.mark.parametrize(
    ("error", "code"), [(AccessError("refused"), "access_refused"), (UnavailableError("down"), "unavailable")]
)
def test_a_vendor_that_cannot_be_asked_is_one_problem_of_its_own(tmp_path, error, code):
    crm = Crm(fails=error)
    text = yaml() + "  b:\n    every: 1 day\n    survey: nps\n    to: crm\n    fields: {Note__c: segment}\n"
    told = [(each.code, each.path) for each in check(config_of(text, tmp_path), Opened(crm, Tool(error)))]
    assert told == [(code, "connections.crm"), (code, "connections.mail")]
    assert crm.asked == 1


def test_a_missing_permission_of_a_source_is_told(tmp_path):
    tool = Tool(grants=[Grant("read responses", "fetches answers", Verdict.MISSING)])
    [problem] = check(config_of(yaml(), tmp_path), Opened(tool=tool))
    assert (problem.code, problem.path) == ("missing_permission", "connections.mail")
    assert "npsync connect mail" in problem.message


# ---------------------------------------------------------------- needs


def test_needs_are_exactly_what_the_yaml_does(tmp_path):
    fields = "NPS__c: {from: score, overwrite: if_newer, newer_than: Day__c}\n"
    fields += "Long__c: {template: 'for {record.Name}'}\n"
    config = config_of(
        yaml(fields).replace("    match:", "    only: {Active__c: true}\n    match:"), tmp_path
    )
    assert needs_of(config, "crm") == Needs(
        read={"Contact": frozenset({"Email", "Active__c", "NPS__c", "Long__c", "Day__c", "Name"})},
        write={"Contact": frozenset({"NPS__c", "Long__c"})},
        types={"Contact": {"NPS__c": FieldType.INTEGER, "Long__c": FieldType.TEXT}},
    )
    assert needs_of(config, "mail") == Needs(answers=True)


def test_an_account_is_read_only_where_a_field_uses_it(tmp_path):
    account = "    account: {object: Account, by: AccountId}\n    match:"
    unused = config_of(yaml().replace("    match:", account), tmp_path)
    assert needs_of(unused, "crm").read == {"Contact": frozenset({"Email", "NPS__c"})}
    used = config_of(yaml("Long__c: account.Name").replace("    match:", account), tmp_path)
    assert needs_of(used, "crm").read == {
        "Contact": frozenset({"Email", "Long__c", "AccountId"}),
        "Account": frozenset({"Name"}),
    }


def test_a_connection_is_tested_with_its_needs_and_missing_means_not_enough(tmp_path):
    config = config_of(yaml(), tmp_path)
    crm = Crm()
    assert try_out(config, "crm", Opened(crm)).is_enough
    assert crm.needs == needs_of(config, "crm")
    tool = Tool(grants=[Grant("read responses", "", Verdict.MISSING), Grant("admin", "", Verdict.EXCESS)])
    assert not try_out(config, "mail", Opened(tool=tool)).is_enough


def test_connect_says_what_to_grant_before_the_vendor_refuses(tmp_path, capsys):
    config = config_of(yaml(), tmp_path)
    refusing = Opened(Crm(access_fails=AccessError("the client secret is wrong")))
    with pytest.raises(AccessError):
        granting.show(config, "crm", as_json=False, opened=lambda _, books: nullcontext(refusing))
    assert "Field Contact.NPS__c: Read, Edit" in capsys.readouterr().out


def test_connect_fails_when_a_permission_is_missing_and_names_the_needless_ones(tmp_path, capsys):
    config = config_of(yaml(), tmp_path)
    tool = Tool(grants=[Grant("read responses", "", Verdict.MISSING), Grant("admin", "", Verdict.EXCESS)])
    opened = Opened(tool=tool)
    assert granting.show(config, "mail", as_json=False, opened=lambda _, books: nullcontext(opened)) == 1
    out = capsys.readouterr().out
    assert "MISSING" in out
    assert "npsync needn't it: admin" in out
    assert max(map(len, out.splitlines())) <= 100
    granting.show(config, "mail", as_json=True, opened=lambda _, books: nullcontext(opened))
    assert json.loads(capsys.readouterr().out)["enough"] is False


def test_fields_a_report_groups_by_have_to_be_there(tmp_path):
    top = """\
    report:
      by: {note: record.Note__c, region: record.Regoin__c}
      amount: record.Worth__c
    """
    assert found("NPS__c: score", tmp_path, top=top) == [
        ("missing_field", "report.by.region"),
        ("missing_field", "report.amount"),
    ]
    needs = needs_of(config_of(yaml("NPS__c: score", top=top), tmp_path), "crm")
    assert {"Note__c", "Regoin__c", "Worth__c"} <= set(needs.read["Contact"])
