"""Triggers and the contact policy in the YAML: what is refused before anybody is asked, and what is only warned of."""

from __future__ import annotations

import pytest
from builders_config import ASKED, CUSTOMERS, TRIGGER, asking_yaml, config_of, problems_of

from nps.asking import Channel
from npsync.config import askcheck
from npsync.config.askcheck import _sends
from triggers.spec import Mode, watches_of

NAMELESS = CUSTOMERS.replace(
    "response: email, record: Email", "response: external_id, record: Id__c"
).replace("email: Email\n", "")
AUDIENCE = """\
audience: {connection: crm, only: {Active__c: true}}
every: 180 days
survey: csat
"""


def told(text, folder):
    return [(each.code, each.path) for each in problems_of(text, folder)]


def warned(text, folder):
    return [(each.code, each.path) for each in config_of(text, folder).warnings]


def changed(block, old, new):
    assert old in block
    return block.replace(old, new)


def test_a_good_file_has_no_problem_and_no_warning(tmp_path):
    assert warned(asking_yaml(), tmp_path) == []


def test_a_trigger_is_a_shadow_until_somebody_writes_on(tmp_path):
    assert config_of(asking_yaml(), tmp_path).triggers["after-support"].mode is Mode.SHADOW
    on = config_of(asking_yaml(TRIGGER + "mode: on\n"), tmp_path).triggers["after-support"]
    assert on.asks


def test_without_a_contact_policy_its_defaults_hold(tmp_path):
    policy = config_of(asking_yaml(policy=""), tmp_path).contact_policy
    assert [policy.rest.relationship.days, policy.rest.transactional.days] == [180, 90]
    assert [policy.rest.of_metric("csat").days, policy.rest.any.days] == [14, 7]


def test_a_trigger_watches_its_event_and_what_takes_it_back(tmp_path):
    config = config_of(asking_yaml(), tmp_path)
    kinds = config.connections["crm"].connector.event_kinds
    watches = watches_of(config.triggers["after-support"], kinds, ("Priority",))
    assert [(each.kind, each.facts) for each in watches] == [
        ("case_closed", ("Priority",)),
        ("case_reopened", ("Priority",)),
    ]


def test_the_people_of_a_trigger_are_those_of_its_event_unless_it_says(tmp_path):
    config = config_of(asking_yaml(), tmp_path)
    trigger = config.triggers["after-support"]
    assert trigger.people_of(tuple(config.people)) == "crm"
    assert trigger.people_of(("marketing",)) == "marketing"
    assert trigger.people_of(("marketing", "sales")) is None


@pytest.mark.parametrize(
    ("old", "new", "code", "path"),
    [
        ("survey: csat", "survey: csta", "unknown_survey", "survey"),
        ("connection: crm", "connection: cmr", "unknown_connection", "event.connection"),
        ("connection: crm", "connection: mailer", "no_events", "event.connection"),
        ("kind: case_closed", "kind: case_close", "unknown_kind", "event.kind"),
        ("kind: case_closed", "kind: case_closed, object: Case", "unknown_key", "event.object"),
        ("kind: case_closed", "kind: record_changed, object: Case", "missing_key", "event.field"),
        ("kind: case_closed", "knd: case_closed", "missing_key", "event.kind"),
        ("cancel_on: case_reopened", "cancel_on: case_reopend", "unknown_kind", "cancel_on"),
        ("cancel_on: case_reopened", "cancel_on: case_closed", "cancels_itself", "cancel_on"),
        ("cancel_on: case_reopened", "cancel_on: [case_reopened, nothing]", "unknown_kind", "cancel_on[1]"),
        ("wait: 2 hours", "wait: 3 days", "bad_value", "wait"),
        ("wait: 2 hours", "wait: soon", "bad_value", "wait"),
        ("wait: 2 hours", "every: 2 days", "bad_value", "every"),
        ("wait: 2 hours", "people: crmm", "unknown_people", "people"),
        ("wait: 2 hours", "mode: live", "unknown_choice", "mode"),
        ("wait: 2 hours", "wiat: 2 hours", "unknown_key", "wiat"),
        ('event.Priority != "Low"', "score > 6", "unknown_name", "where"),
        ('event.Priority != "Low"', "event.Priority = 1", "bad_expression", "where"),
        ('event.Priority != "Low"', "evnt.Priority == 1", "unknown_name", "where"),
        ("event: {connection: crm, kind: case_closed}\n", "", "bad_value", ""),
    ],
)
def test_what_a_trigger_refers_to_has_to_be_there(tmp_path, old, new, code, path):
    broken = asking_yaml(changed(TRIGGER, old, new))
    found = told(broken, tmp_path)
    assert (code, f"triggers.after-support{'.' + path if path else ''}") in found


@pytest.mark.parametrize(
    ("old", "new", "code", "path"),
    [
        ("connection: crm", "connection: cmr", "unknown_people", "audience.connection"),
        ("connection: crm", "connection: mailer", "unknown_people", "audience.connection"),
        ("every: 180 days\n", "", "bad_value", ""),
        ("every: 180 days", "every: 12 hours", "bad_value", "every"),
        ("every: 180 days", "every: 180 days\nwait: 1 days", "bad_value", "wait"),
        ("every: 180 days", "every: 180 days\ncancel_on: x", "bad_value", "cancel_on"),
        ("every: 180 days", "every: 180 days\nwhere: event.Priority == 1", "unknown_name", "where"),
        ("every: 180 days", "every: 180 days\nevent: {connection: crm, kind: case_closed}", "bad_value", ""),
    ],
)
def test_an_audience_has_a_rhythm_and_no_event(tmp_path, old, new, code, path):
    broken = asking_yaml(changed(AUDIENCE, old, new))
    assert (code, f"triggers.after-support{'.' + path if path else ''}") in told(broken, tmp_path)


def test_a_kind_that_is_nearly_right_is_suggested(tmp_path):
    [problem] = problems_of(asking_yaml(changed(TRIGGER, "kind: case_closed", "kind: case_close")), tmp_path)
    assert 'tells of no "case_close"; did you mean "case_closed"?' in problem.message
    assert (problem.line, problem.column) == (32, 30)


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"surveys": changed(ASKED, "  through: [{use: mailer}]\n", "")}, "no_way_to_ask",
         "triggers.after-support.survey"),
        ({"surveys": changed(ASKED, "use: mailer", "use: mial")}, "unknown_connection", "surveys.csat.through[0].use"),
        ({"surveys": changed(ASKED, "use: mailer", "use: crm")}, "cannot_send", "surveys.csat.through[0].use"),
        ({"surveys": changed(ASKED, "{use: mailer}", "{use: mailer, when: score > 6}")}, "unknown_name",
         "surveys.csat.through[0].when"),
        ({"surveys": "csat:\n  metric: csat\n  through: [{use: mailer}]\n"}, "missing_key", "surveys.csat.ask"),
        ({"top": ""}, "no_public_url", "surveys.csat.through[0].use"),
        ({"people": NAMELESS}, "no_address", "surveys.csat.through[0].use"),
        ({"policy": "new_customers_wait: soon\n"}, "bad_value", "contact_policy.new_customers_wait"),
        ({"policy": "never_ask: ['event.Priority == 1']\n"}, "unknown_name", "contact_policy.never_ask[0]"),
        ({"policy": "never_ask: ['account.Tier__c == 1']\n", "people": changed(CUSTOMERS, "account: {", "x-a: {")},
         "no_account", "contact_policy.never_ask[0]"),
        ({"policy": "per_account: {at_most: 5, per: 30 days}\n",
          "people": changed(CUSTOMERS, "account: {object: Account, by: AccountId}\n", "")},
         "no_account", "contact_policy.per_account"),
        ({"policy": 'quiet_hours: {from: "20:00", to: "20:00"}\n'}, "bad_value", "contact_policy.quiet_hours.from"),
        ({"policy": 'quiet_hours: {from: "8 pm", to: "08:00"}\n'}, "bad_value", "contact_policy.quiet_hours.from"),
        ({"policy": "send_on: [monday]\n"}, "unknown_choice", "contact_policy.send_on[0]"),
        ({"policy": "sample: 120%\n"}, "bad_value", "contact_policy.sample"),
        ({"policy": "daily_cap: 0\n"}, "bad_value", "contact_policy.daily_cap"),
        ({"policy": "rest: {csta: 14 days}\n"}, "unknown_key", "contact_policy.rest.csta"),
        ({"policy": "rest: 180 days\n"}, "wrong_type", "contact_policy.rest"),
        ({"policy": "on_excess: wait\n"}, "unknown_choice", "contact_policy.on_excess"),
    ],
)  # fmt: skip
def test_what_could_not_ask_or_not_be_judged_is_refused(tmp_path, given, code, path):
    assert (code, path) in told(asking_yaml(**given), tmp_path)


def test_an_address_that_people_are_matched_by_need_not_be_said_again(tmp_path):
    assert warned(asking_yaml(people=changed(CUSTOMERS, "email: Email\nphone", "phone")), tmp_path) == []


def test_the_ledger_has_a_field_of_its_own(tmp_path):
    sync = "sync:\n  a:\n    every: 1 days\n    survey: nps\n    to: crm\n    fields:\n      last_asked__c: score\n"
    surveys = ASKED + "nps: {at: [mail]}\n"
    assert ("written_twice", "contact_policy.ledger_field") in told(
        asking_yaml(surveys=surveys) + sync, tmp_path
    )


def test_a_reason_has_a_field_of_its_own(tmp_path):
    sync = "sync:\n  a:\n    every: 1 days\n    survey: nps\n    to: crm\n    fields:\n      why__c: score\n"
    surveys, policy = ASKED + "nps: {at: [mail]}\n", "ledger_field: Last__c\nreason_field: Why__c\n"
    assert told(asking_yaml(surveys=surveys, policy=policy) + sync, tmp_path) == [
        ("written_twice", "contact_policy.reason_field")
    ]
    policy = "ledger_field: Why__c\nreason_field: why__c\n"
    assert told(asking_yaml(policy=policy), tmp_path) == [("written_twice", "contact_policy.reason_field")]


def test_an_event_of_a_tool_without_people_needs_to_know_whose_they_are(tmp_path):
    people = indented_twice(CUSTOMERS)
    text = asking_yaml(TRIGGER, people=CUSTOMERS)
    two = text.replace("surveys:\n", f"  marketing:\n{people}surveys:\n", 1)
    two = two.replace("people:\n  crm:", "people:\n  sales:", 1)
    assert ("missing_key", "triggers.after-support.people") in told(two, tmp_path)


def indented_twice(block):
    return "".join(f"    {line}\n" for line in block.splitlines())


# ---------------------------------------------------------------- warnings


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"trigger": changed(TRIGGER, "cancel_on: case_reopened\n", "")}, "no_cancel_on", "triggers.after-support"),
        ({"trigger": TRIGGER + "mode: on\n", "policy": "daily_cap: 5\n"}, "no_ledger_field",
         "triggers.after-support.mode"),
        ({"trigger": changed(TRIGGER, "stale_after: 3 days\n", "mode: on\n")}, "never_stale",
         "triggers.after-support.event"),
        ({"trigger": TRIGGER, "surveys": ASKED + "  remind: [3 days, 9 days]\n  expires: 9 days\n"}, "late_reminder",
         "surveys.csat.remind[1]"),
    ],
)  # fmt: skip
def test_what_may_not_be_meant_is_warned_of(tmp_path, given, code, path):
    assert (code, path) in warned(asking_yaml(**given), tmp_path)


def test_two_triggers_that_ask_the_same_about_the_same_are_warned_of(tmp_path):
    plain = changed(TRIGGER, "where: 'event.Priority != \"Low\"'\n", "")
    text = asking_yaml(plain)
    block = text[text.index("  after-support:\n") : text.index("contact_policy:")]
    twice = text.replace(block, block + block.replace("after-support", "again"), 1)
    assert ("asked_twice", "triggers.again") in warned(twice, tmp_path)


def test_the_opposite_of_an_event_is_suggested_and_not_implied(tmp_path):
    config = config_of(asking_yaml(changed(TRIGGER, "cancel_on: case_reopened\n", "")), tmp_path)
    [warning] = config.warnings
    assert "did you mean cancel_on: case_reopened?" in warning.message
    assert config.triggers["after-support"].cancel_on == ()


# ---------------------------------------------------------------- channels with needs of their own


class Played:
    """What `askcheck` sees of a connection: how it asks."""

    def __init__(self, sends):
        self.sends = sends


def ways(monkeypatch, **sends):
    """Let connections of the file ask otherwise: no connector of today has these needs."""
    usual = askcheck._sends
    monkeypatch.setattr(
        askcheck, "_sends", lambda known, name: sends[name] if name in sends else usual(known, name)
    )
    return _sends


def test_text_messages_need_consent_and_a_number(tmp_path, monkeypatch):
    from connectors.contract import Sends

    ways(monkeypatch, mailer=Sends(channel=Channel.SMS, needs="phone"))
    path = "surveys.csat.through[0].use"
    assert told(asking_yaml(), tmp_path) == [("no_consent_field", path)]
    without = changed(CUSTOMERS, "phone: MobilePhone\n", "")
    assert ("no_address", path) in told(asking_yaml(people=without), tmp_path)
    agreed = CUSTOMERS + "consent: Consent__c\n"
    assert warned(asking_yaml(people=agreed), tmp_path) == [("no_quiet_hours", path)]
    night = 'ledger_field: Last__c\nquiet_hours: {from: "20:00", to: "08:00"}\n'
    assert warned(asking_yaml(people=agreed, policy=night), tmp_path) == []


def test_where_the_vendor_owns_the_wording_ours_is_ignored_and_its_survey_has_to_be_named(
    tmp_path, monkeypatch
):
    from connectors.contract import Sends

    ways(
        monkeypatch,
        mailer=Sends(
            channel=Channel.EMAIL,
            needs="email",
            words="vendor",
            page=False,
            can_remind=False,
            needs_survey_id=True,
        ),
    )
    path = "surveys.csat.through[0].use"
    assert told(asking_yaml(top=""), tmp_path) == [("no_survey_id", path)]
    named = ASKED + "  remind: [3 days]\n  at: {mail: [1, 2]}\n"
    ways(monkeypatch, mailer=Sends(channel=Channel.EMAIL, needs="email", words="vendor", can_remind=False))
    assert warned(asking_yaml(surveys=named), tmp_path) == [
        ("wording_ignored", "surveys.csat.ask"),
        ("no_reminders", "surveys.csat.remind"),
    ]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("https://surveys.acme.com/", None),
        ("http://127.0.0.1:8080", None),
        ("http://surveys.acme.com", "bad_address"),
        ("surveys.acme.com", "bad_address"),
    ],
)
def test_our_pages_are_reached_by_https_or_on_this_machine(tmp_path, address, code):
    text = asking_yaml(top=f"public_url: {address}\n")
    if code is None:
        assert config_of(text, tmp_path).public_url == address.rstrip("/")
    else:
        assert (code, "public_url") in told(text, tmp_path)
