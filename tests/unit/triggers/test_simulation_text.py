"""What a simulation says it looked at: events, people of audiences, or both."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from builders_config import config_of
from fake_clock import NOON

from npsync.asking.simulation import History
from npsync.words.simulation_text import lines
from triggers.simulating import Outcome, Simulation

SETTING = """
public_url: https://ask.acme.example
connections:
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    auth: {flow: client_credentials, client_id: a, client_secret: b}
  mailer: {type: mail, host: smtp.acme.example, sender: Acme <feedback@acme.example>}
people:
  crm:
    object: Contact
    match: [{response: email, record: Email}]
    email: Email
surveys:
  csat: {metric: csat, kind: transactional, ask: How was it?, through: [{use: mailer}]}
triggers:
"""
BY_EVENT = "  after-support: {event: {connection: crm, kind: case_closed}, survey: csat}\n"
BY_TURN = "  half-yearly: {audience: {connection: crm}, every: 180 days, survey: csat}\n"


@pytest.mark.parametrize(
    ("triggers", "said"),
    [
        (BY_EVENT, "7 events. Nothing"),
        (BY_TURN, "2 people of an audience. Nothing"),
        (BY_EVENT + BY_TURN, "7 events and 2 people of an audience. Nothing"),
    ],
)
def test_it_says_what_was_looked_at(tmp_path: Path, triggers: str, said: str):
    config = config_of(SETTING + triggers, tmp_path)
    turns = [
        Outcome(NOON, name, "asked", "", "crm.Contact", id)
        for name, id in [("half-yearly", "1"), ("half-yearly", "2"), ("half-yearly", "2")]
        if name in triggers
    ]
    simulation = Simulation(NOON - timedelta(days=90), NOON, 7 if BY_EVENT in triggers else 0, tuple(turns))
    text = " ".join(lines(simulation, History(()), config, show=10))
    assert said in text
