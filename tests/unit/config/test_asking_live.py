"""`npsync check` and `npsync connect` beside a CRM whose people are asked: what triggers and policy read is there."""

from __future__ import annotations

import pytest
from builders_config import ASKED, CUSTOMERS, TRIGGER, asking_yaml, config_of

from connectors.contract import Grant, Verdict
from nps.errors import AccessError, ConfigError
from nps.schema import FieldSchema, FieldType, ObjectSchema
from npsync.checking.access import needs_of
from npsync.checking.live import check

TEXT, DATE, YES_NO, CHOICE = FieldType.TEXT, FieldType.DATE, FieldType.BOOLEAN, FieldType.CHOICE
OBJECTS = {
    "Contact": {
        "Email": TEXT, "MobilePhone": TEXT, "AccountId": TEXT, "HasOptedOutOfEmail": YES_NO, "CreatedDate": DATE,
        "Last_Asked__c": DATE, "Read_Only__c": DATE, "Name": TEXT, "Count__c": FieldType.NUMBER, "Agrees__c": CHOICE,
        "Code__c": TEXT, "Formula__c": TEXT, "Why_Not__c": TEXT,
    },
    "Account": {"Tier__c": TEXT},
    "Case": {"Priority": TEXT, "Origin": TEXT},
}  # fmt: skip


class Crm:
    def describe(self, object):
        if object not in OBJECTS:
            raise ConfigError(f'there is no object "{object}"')
        fields = {
            name: FieldSchema(
                name,
                name,
                type,
                writable=name not in ("Read_Only__c", "Formula__c"),
                length={"Code__c": 99, "Why_Not__c": 100}.get(name),
                options=("Yes", "Maybe") if type is CHOICE else None,
            )
            for name, type in OBJECTS[object].items()
        }
        return ObjectSchema(object, fields)


class Relay:
    def __init__(self, verdict=Verdict.OK, fails=None):
        self.verdict, self.fails = verdict, fails

    def access(self, needs):
        if self.fails:
            raise self.fails
        return [Grant("send mail", "asks people", self.verdict)]


class Opened:
    def __init__(self, relay=None):
        self.relay = relay or Relay()

    def destination(self, name):
        return Crm()

    def sender(self, name):
        return self.relay


def found(folder, relay=None, **given):
    config = config_of(asking_yaml(**given), folder)
    return [(each.code, each.path) for each in check(config, Opened(relay))]


def test_what_is_there_has_no_problem(tmp_path):
    policy = (
        "ledger_field: Last_Asked__c\nnever_ask: ['account.Tier__c == \"A\"']\nnew_customers_wait: 30 days\n"
        "reason_field: Why_Not__c\n"
    )
    assert found(tmp_path, policy=policy) == []


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"trigger": TRIGGER.replace("Priority", "Prio")}, "missing_field", "triggers.after-support.where"),
        ({"trigger": TRIGGER.replace("event.Priority", "record.Vip__c")}, "missing_field",
         "triggers.after-support.where"),
        ({"policy": "never_ask: ['account.Teir__c == 1']\n"}, "missing_field", "contact_policy.never_ask[0]"),
        ({"policy": "never_ask: ['record.Emial == null']\n"}, "missing_field", "contact_policy.never_ask[0]"),
        ({"policy": "ledger_field: Last__c\n"}, "missing_field", "contact_policy.ledger_field"),
        ({"policy": "ledger_field: Name\n"}, "type_mismatch", "contact_policy.ledger_field"),
        ({"policy": "ledger_field: Read_Only__c\n"}, "not_writable", "contact_policy.ledger_field"),
        ({"policy": "reason_field: Why__c\n"}, "missing_field", "contact_policy.reason_field"),
        ({"policy": "reason_field: Last_Asked__c\n"}, "type_mismatch", "contact_policy.reason_field"),
        ({"policy": "reason_field: Code__c\n"}, "too_short", "contact_policy.reason_field"),
        ({"policy": "reason_field: Formula__c\n"}, "not_writable", "contact_policy.reason_field"),
        ({"surveys": ASKED.replace("{use: mailer}", "{use: mailer, when: record.Vip__c}")}, "missing_field",
         "surveys.csat.through[0].when"),
        ({"people": CUSTOMERS.replace("HasOptedOutOfEmail", "Opted_Out__c")}, "missing_field",
         "people.crm.opted_out"),
        ({"people": CUSTOMERS.replace("HasOptedOutOfEmail", "Count__c")}, "type_mismatch", "people.crm.opted_out"),
        ({"people": CUSTOMERS + "consent: Agrees__c\n"}, "type_mismatch", "people.crm.consent"),
        ({"people": CUSTOMERS + "time_zone: Zone__c\n"}, "missing_field", "people.crm.time_zone"),
        ({"people": CUSTOMERS + "customer_since: Name\n"}, "type_mismatch", "people.crm.customer_since"),
        ({"trigger": "audience: {connection: crm, only: {Active__c: true}}\nevery: 180 days\nsurvey: csat\n"},
         "missing_field", "triggers.after-support.audience.only.Active__c"),
    ],
)  # fmt: skip
def test_what_asking_would_miss_is_told_at_its_line(tmp_path, given, code, path):
    assert found(tmp_path, **given) == [(code, path)]


@pytest.mark.parametrize("key", ["ledger_field", "reason_field"])
def test_what_asking_writes_can_be_created(tmp_path, key):
    [problem] = check(config_of(asking_yaml(policy=f"{key}: Brand_New__c\n"), tmp_path), Opened())
    assert problem.message.endswith("does not see it; to create it: npsync provision crm")


NO_FLAG = CUSTOMERS.replace("opted_out: HasOptedOutOfEmail\n", "")


def test_the_crms_own_flag_counts_where_the_yaml_names_none(tmp_path):
    config = config_of(asking_yaml(people=NO_FLAG), tmp_path)
    assert "HasOptedOutOfEmail" not in NO_FLAG
    assert config.opted_out("crm") == "HasOptedOutOfEmail"
    assert "HasOptedOutOfEmail" in needs_of(config, "crm").read["Contact"]
    assert check(config, Opened()) == []


def test_a_flag_of_the_crm_that_is_not_visible_is_told_since_it_says_no_for_everybody(tmp_path, monkeypatch):
    monkeypatch.delitem(OBJECTS["Contact"], "HasOptedOutOfEmail")
    [problem] = check(config_of(asking_yaml(people=NO_FLAG), tmp_path), Opened())
    assert (problem.code, problem.path) == ("missing_field", "people.crm")
    assert "nobody would be asked" in problem.message
    assert "opted_out" in problem.message


def test_nobody_has_to_look_at_a_flag(tmp_path, monkeypatch):
    monkeypatch.delitem(OBJECTS["Contact"], "HasOptedOutOfEmail")
    config = config_of(asking_yaml(people=NO_FLAG + "opted_out: false\n"), tmp_path)
    assert config.opted_out("crm") is None
    assert check(config, Opened()) == []


def by_field(name):
    asking = asking_yaml(surveys=ASKED.replace("{use: mailer}", "{use: crm}"))
    at = asking.index("\n", asking.index("auth:")) + 1
    return f'{asking[:at]}    sends: {{{name}: "{{invitation}}"}}\n{asking[at:]}'


def test_a_field_that_asks_is_to_be_granted_and_has_to_be_there(tmp_path):
    config = config_of(by_field("Name"), tmp_path)
    assert needs_of(config, "crm").write["Contact"] == {"Last_Asked__c", "Name"}
    assert check(config, Opened()) == []
    [missing] = check(config_of(by_field("Nmae"), tmp_path), Opened())
    assert (missing.code, missing.path) == ("missing_field", "surveys.csat.through[0]")
    assert missing.message.endswith('did you mean "Name"? Or to create it: npsync provision crm')
    [read_only] = check(config_of(by_field("Read_Only__c"), tmp_path), Opened())
    assert (read_only.code, read_only.path) == ("not_writable", "surveys.csat.through[0]")


def test_a_field_of_an_event_that_is_nearly_right_is_suggested(tmp_path):
    config = config_of(asking_yaml(TRIGGER.replace("Priority", "Priorty")), tmp_path)
    [problem] = check(config, Opened())
    assert problem.message == (
        'Case has no field "Priorty", or this credential does not see it; did you mean "Priority"?'
    )


def test_every_event_has_an_id(tmp_path):
    assert found(tmp_path, trigger=TRIGGER.replace('event.Priority != "Low"', "event.id != null")) == []


def test_a_relay_that_refuses_is_told(tmp_path):
    assert found(tmp_path, Relay(Verdict.MISSING)) == [("missing_permission", "connections.mailer")]
    assert found(tmp_path, Relay(fails=AccessError("no"))) == [("access_refused", "connections.mailer")]


def test_what_asking_reads_and_writes_is_to_be_granted(tmp_path):
    policy = (
        "ledger_field: Last_Asked__c\nnever_ask: ['account.Tier__c == \"A\"']\nnew_customers_wait: 30 days\n"
        "reason_field: Why_Not__c\n"
    )
    config = config_of(asking_yaml(policy=policy), tmp_path)
    needs = needs_of(config, "crm")
    assert needs.events == {"case_closed", "case_reopened"}
    assert needs.write == {"Contact": {"Last_Asked__c", "Why_Not__c"}}
    expected = {
        "Email",
        "MobilePhone",
        "AccountId",
        "HasOptedOutOfEmail",
        "CreatedDate",
        "Last_Asked__c",
        "Why_Not__c",
    }
    assert expected <= needs.read["Contact"]
    assert needs.read["Account"] == {"Tier__c"}
    assert "Priority" in needs.read["Case"]
    assert needs_of(config, "mailer").sends
