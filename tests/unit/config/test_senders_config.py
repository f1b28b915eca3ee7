"""A file in which surveys are sent by mail, text message, other tools and links."""

from __future__ import annotations

import pytest
from builders_config import config_of, problems_of

from connectors import registry
from npsync.words.capabilities import asks

TOWN = """\
public_url: https://nps.acme.example
connections:
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    auth: {flow: client_credentials, client_id: abc, client_secret: s3cret}
  promo: {type: promoter, api_key: pr0moter-key}
  texts:
    type: twilio
    account_sid: AC00000000000000000000000000000000
    auth_token: t0ken-of-twilio
    number: "+14155550100"
    sender: Acme
  exports: {type: file, path: exports/, columns: {id: id, score: score, answered_at: at, email: email}}
people:
  crm: {object: Contact, match: [{response: email, record: Email}], email: Email, phone: MobilePhone}
surveys:
  relationship:
    at: {exports: "1", promo: "99"}
    ask: How likely are you to recommend Acme to a colleague?
    through: [{use: promo}, {use: texts, after: 3 days}]
"""
SYNC = """\
sync:
  nps: {survey: relationship, to: crm, every: 1 hours, fields: {NPS_Score__c: score}}
"""


def test_a_tool_that_sends_a_survey_says_its_id_there_and_its_answers_are_read_as_well(tmp_path):
    config = config_of(TOWN + SYNC, tmp_path)
    assert config.sources_of("relationship") == {"exports": ("1",), "promo": ("99",)}
    assert list(config.surveys["relationship"].at) == ["exports", "promo"]


def test_a_tool_that_needs_no_survey_id_has_no_place_in_at(tmp_path):
    text = TOWN.replace('promo: "99"', 'promo: "99", texts: "1"')
    assert [(each.code, each.path) for each in problems_of(text, tmp_path)] == [
        ("not_a_source", "surveys.relationship.at.texts")
    ]


def test_a_long_text_message_is_warned_of(tmp_path):
    short, long = TOWN, TOWN.replace("to a colleague?", "to a colleague, " + "or to a friend " * 9)
    assert "remark" not in [each.code for each in config_of(short, tmp_path).warnings]
    [remark] = [each for each in config_of(long, tmp_path).warnings if each.code == "remark"]
    assert remark.path == "surveys.relationship.ask"
    assert remark.message.startswith("texts: the text has ")
    assert "billed as 2 segments" in remark.message


@pytest.mark.parametrize("name", [name for name in registry.names() if registry.load(name).sender])
def test_every_sender_says_how_it_asks(name):
    assert asks(registry.load(name)).startswith(("by ", "in the app", "when its settings"))


def test_who_cannot_ask_says_nothing():
    assert asks(registry.load("file")) == ""
