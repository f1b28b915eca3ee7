"""From a case closed in Salesforce to a mail, by polling, with the real command line and the sandbox's relay."""

from __future__ import annotations

import time
from typing import Any

import pytest
from cli_process import Npsync, stop
from townspeople import Person, Town

PATIENCE = 45.0

CONFIG = """
time_zone: UTC
public_url: https://ask.acme.example
connections:
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    base_url: "${SALESFORCE_URL}"
    auth: {flow: client_credentials, client_id: "${SF_ID}", client_secret: "${SF_SECRET}"}
  mailer:
    type: mail
    host: "${SMTP_HOST}"
    port: "${SMTP_PORT}"
    security: plain
    username: "${SMTP_USER}"
    password: "${SMTP_PASSWORD}"
    sender: Acme <feedback@acme.example>
people:
  crm:
    object: Contact
    match:
      - {response: email, record: Email}
    account: {object: Account, by: AccountId}
    name: Name
    email: Email
    opted_out: HasOptedOutOfEmail
surveys:
  support-csat:
    metric: csat
    kind: transactional
    ask: How satisfied are you with the help you got?
    through:
      - {use: mailer}
triggers:
  after-support:
    mode: MODE
    event: {connection: crm, kind: case_closed}
    where: 'event.Priority != "Low"'
    wait: WAIT
    cancel_on: case_reopened
    stale_after: 3 days
    survey: support-csat
"""


@pytest.fixture
def npsync(npsync: Npsync) -> Npsync:
    written(npsync)
    npsync("run")  # the first poll starts at now
    npsync("sends", "accept-empty-ledger")
    return npsync


def written(npsync: Npsync, mode: str = "on", wait: str = "0 minutes") -> None:
    text = CONFIG.replace("MODE", mode).replace("WAIT", wait)
    (npsync.folder / "npsync.yaml").write_text(text, encoding="utf-8")


def closes_a_case(town: Town, person: Person, **fields: Any) -> str:
    given = {"ContactId": person.contact, "Subject": "It does not start", "Priority": "High", **fields}
    added: dict[str, str] = town.sandbox.control("POST", "/salesforce/Case", given)
    town.sandbox.control("POST", "/salesforce/do/close_case", {"id": added["id"]})
    return added["id"]


def mails_to(town: Town, person: Person) -> list[dict[str, Any]]:
    return [mail for mail in town.sandbox.rows("mail", "messages") if person.email in mail["rcpt_to"]]


def test_a_closed_case_asks_its_contact_once_by_mail(npsync: Npsync, town: Town):
    ann, bob = town.person("ann"), town.person("bob")
    closes_a_case(town, ann)
    closes_a_case(town, bob, Priority="Low")
    npsync("run")
    npsync("run")
    [mail] = mails_to(town, ann)
    [invitation] = npsync("invitations", ann.contact or "", "--json").json["invitations"]
    assert any(link.startswith(f"https://ask.acme.example/s/{invitation['id']}") for link in mail["links"])
    assert (invitation["state"], invitation["record_id"]) == ("sent", ann.contact)
    assert mails_to(town, bob) == []
    shown = npsync("invitations", bob.email or "").out
    assert "not meant" in shown
    assert invitation["id"] in npsync("why", ann.email or "").out
    assert "case closed" in npsync("events").out


def test_a_case_that_is_reopened_before_its_time_asks_nobody(npsync: Npsync, town: Town):
    written(npsync, wait="1 hours")
    ann = town.person("ann")
    case = closes_a_case(town, ann)
    npsync("run")
    town.sandbox.control("POST", "/clock", {"advance": 5})  # Salesforce tells whole seconds
    town.sandbox.control("POST", "/salesforce/do/reopen_case", {"id": case})
    npsync("run")
    [invitation] = npsync("invitations", ann.contact or "", "--json").json["invitations"]
    assert (invitation["state"], mails_to(town, ann)) == ("cancelled", [])
    told = " ".join(npsync("events").out.split())
    assert "no trigger asks about it" in told  # the reopening only takes back


def test_in_shadow_mode_everything_is_shown_and_nothing_is_sent(npsync: Npsync, town: Town):
    written(npsync, mode="shadow")
    ann = town.person("ann")
    closes_a_case(town, ann)
    npsync("run")
    assert mails_to(town, ann) == []
    assert "shadow" in npsync("invitations", ann.contact or "").out


def test_serve_asks_beside_the_syncs_and_ends_gracefully(npsync: Npsync, town: Town):
    ann = town.person("ann")
    closes_a_case(town, ann)
    serve = npsync.started("serve", "--json", "--no-web")
    try:
        until_asked(town, ann)
        ended = stop(serve)
    finally:
        serve.kill()
    assert ended.code == 0
    assert [mail["rcpt_to"] for mail in mails_to(town, ann)] == [[ann.email]]
    assert '"event": "asked"' in ended.err
    assert ann.email not in ended.err


def test_stopped_sends_ask_nobody_until_they_are_resumed(npsync: Npsync, town: Town):
    ann = town.person("ann")
    closes_a_case(town, ann)
    npsync("sends", "stop")
    assert "sends are stopped" in npsync("run", exits=3).out
    assert mails_to(town, ann) == []
    npsync("sends", "resume")
    npsync("run")
    assert len(mails_to(town, ann)) == 1


def until_asked(town: Town, person: Person) -> None:
    end = time.monotonic() + PATIENCE
    while not mails_to(town, person):
        assert time.monotonic() < end, "nobody was asked"
        time.sleep(0.2)


def test_an_invitation_can_be_taken_back_by_hand(npsync: Npsync, town: Town):
    written(npsync, wait="1 hours")
    ann = town.person("ann")
    closes_a_case(town, ann)
    npsync("run")
    [invitation] = npsync("invitations", ann.contact or "", "--json").json["invitations"]
    npsync("invitations", invitation["id"], "--cancel", "--reason", "she called")
    assert "she called" in npsync("invitations", invitation["id"]).out
    npsync("invitations", invitation["id"], "--cancel", exits=0)
    npsync("invitations", "no-such-thing", "--cancel", exits=2)


def test_the_crms_opt_out_is_remembered_told_and_holds_for_other_departments(npsync: Npsync, town: Town):
    written(npsync, wait="1 hours")
    ann = town.person("ann")
    closes_a_case(town, ann)
    npsync("run")
    town.sandbox.control("PATCH", f"/salesforce/Contact/{ann.contact}", {"HasOptedOutOfEmail": True})
    with npsync.store() as store:  # the hour is over
        store.execute("UPDATE step SET due_at = due_at - 7200000, free_at = free_at - 7200000")
    npsync("run")
    assert mails_to(town, ann) == []
    assert "crm opt out" in npsync("why", ann.email or "").out
    [one, *_] = npsync("suppressions", "list", ann.email or "", "--json").json["suppressions"]
    assert (one["reason"], one["source"]) == ("crm_opt_out", "crm")
    refused = npsync(
        "may-ask", ann.contact or "", "--survey", "support-csat", "--reserve", "--json", exits=1
    ).json
    assert (refused["may_ask"], refused["code"]) == (False, "suppressed")


def test_check_says_how_to_see_whom_the_triggers_would_ask(npsync: Npsync):
    assert npsync("check").out.rstrip().endswith("npsync triggers simulate")


def test_what_a_person_takes_back_is_lifted_under_every_name_of_theirs(npsync: Npsync, town: Town):
    """An unsubscribe is kept under record and address; lifted under the address alone it would go on holding."""
    ann = town.person("ann")
    for name in (ann.email, ann.contact):
        npsync("suppressions", "add", name or "", "--reason", "unsubscribe")
    lift = ("suppressions", "lift", "--reason", "unsubscribe", "--by", "ann", "--why", "by phone")
    told = npsync(*lift, ann.email or "").out
    assert ann.contact in told
    assert "still suppressed" not in told
    assert npsync("may-ask", ann.email or "").out == "Yes.\n"

    npsync("suppressions", "add", ann.email or "", "--reason", "unsubscribe")
    npsync(*lift, ann.contact or "")
    assert npsync("may-ask", ann.contact or "").out == "Yes.\n"


def test_who_unsubscribed_as_a_contact_that_was_merged_is_not_asked_as_its_survivor(
    npsync: Npsync, town: Town
):
    loser, survivor = town.person("bob"), town.person("cyd")
    npsync("suppressions", "add", loser.email or "", "--reason", "unsubscribe")
    town.sandbox.control("POST", f"/salesforce/Contact/{survivor.contact}/merge", {"loser": loser.contact})
    closes_a_case(town, survivor)
    npsync("run")
    assert mails_to(town, survivor) == []
    assert npsync("may-ask", survivor.email or "", "--json", exits=1).json["code"] == "suppressed"


def test_whoever_another_department_reserved_is_not_asked_by_us(npsync: Npsync, town: Town):
    ann, bob = town.person("ann"), town.person("bob")
    npsync("may-ask", ann.email or "", "--reserve", "--tool", "finance")
    closes_a_case(town, ann)
    closes_a_case(town, bob)
    npsync("run")
    assert (len(mails_to(town, ann)), len(mails_to(town, bob))) == (0, 1)
    assert "finance" in npsync("why", ann.email or "").out
    assert npsync("may-ask", bob.email or "", "--json", exits=1).json["code"] == "rest"


def test_where_two_records_have_one_address_nobody_says_yes(npsync: Npsync, town: Town):
    ann = town.person("ann")
    town.sandbox.control("POST", "/salesforce/Contact", {"LastName": "Twin", "Email": ann.email})
    told = npsync("may-ask", ann.email or "", "--reserve", "--json", exits=1).json
    assert (told["may_ask"], told["code"]) == (False, "many")
    assert npsync("may-ask", ann.contact or "").out == "Yes.\n"
    assert npsync("may-ask", "nobody.knows@example.com").out == "Yes.\n"


def test_a_lost_ledger_is_rebuilt_from_the_date_on_the_records(npsync: Npsync, town: Town):
    file = npsync.folder / "npsync.yaml"
    field = "NPS_Last_Survey__c"
    file.write_text(
        file.read_text(encoding="utf-8") + f"contact_policy: {{ledger_field: {field}}}\n", encoding="utf-8"
    )
    ann, bob = town.person("ann"), town.person("bob")
    closes_a_case(town, ann)
    npsync("run")
    assert len(mails_to(town, ann)) == 1
    [shown] = [row for row in town.sandbox.rows("salesforce", "Contact") if row["Id"] == ann.contact]
    assert shown[field] is not None
    for lost in npsync.folder.glob("npsync.db*"):
        lost.unlink()
    npsync("run")
    assert "the ledger of who was asked is empty" in npsync("sends", "status", exits=4).out
    assert npsync("sends", "rebuild", "--json").json["new"] >= 1
    assert npsync("may-ask", ann.email or "", "--json", exits=1).json["code"] == "rest"
    assert npsync("may-ask", bob.email or "").out == "Yes.\n"


def test_the_record_shows_why_its_person_is_not_asked_until_they_want_to_be_again(npsync: Npsync, town: Town):
    file, field = npsync.folder / "npsync.yaml", "NPS_Comment__c"
    file.write_text(
        file.read_text(encoding="utf-8") + f"contact_policy: {{reason_field: {field}}}\n", encoding="utf-8"
    )
    ann = town.person("ann")

    def shown() -> Any:
        [row] = [row for row in town.sandbox.rows("salesforce", "Contact") if row["Id"] == ann.contact]
        return row[field]

    npsync("suppressions", "add", ann.email or "", "--reason", "unsubscribe")
    npsync("run")
    assert str(shown()).startswith("this person unsubscribed (")
    lift = ("suppressions", "lift", "--reason", "unsubscribe", "--by", "ann", "--why", "by phone")
    npsync(*lift, ann.email or "")
    npsync("run")
    assert shown() is None
