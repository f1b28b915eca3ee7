"""A whole YAML file with defaults, so that a test of the configuration says only what matters to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

import pytest

from npsync.config import Config, ConfigProblems, Problem, load

ENV = {
    "SF_ID": "consumer-key-of-acme",
    "SF_SECRET": "s3cret-of-acme",
    "WOOTRIC_ID": "wootric-client",
    "WOOTRIC_SECRET": "wootric-s3cret",
    "EMPTY": "",
}

CONNECTIONS = """\
connections:
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    auth: {flow: client_credentials, client_id: "${SF_ID}", client_secret: "${SF_SECRET}"}
  mail:
    type: wootric
    client_id: "${WOOTRIC_ID}"
    client_secret: "${WOOTRIC_SECRET}"
"""

PEOPLE = """\
people:
  crm:
    object: Contact
    match:
      - {response: email, record: Email}
"""

SURVEYS = """\
surveys:
  nps:
    at: [mail]
"""


def yaml(fields: str = "NPS__c: score", *, sync: str = "", surveys: str = SURVEYS, top: str = "") -> str:
    """A good file. `fields` are the lines of `fields:`, `sync` more lines of the sync, `top` of the top level."""
    block = (
        f"every: 15 minutes\nsurvey: nps\nto: crm\n{dedent(sync)}fields:\n{indent(dedent(fields), '  ')}\n"
    )
    return f"{dedent(top)}{CONNECTIONS}{PEOPLE}{dedent(surveys)}sync:\n  a:\n{indent(block, '    ')}"


def config_of(text: str, folder: Path, env: Mapping[str, str] = ENV) -> Config:
    file = folder / "npsync.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, env)


def problems_of(text: str | bytes, folder: Path, env: Mapping[str, str] = ENV) -> list[Problem]:
    file = folder / "npsync.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigProblems) as raised:
        load(file, env)
    return list(raised.value.problems)


TRIGGER = """\
event: {connection: crm, kind: case_closed}
where: 'event.Priority != "Low"'
wait: 2 hours
cancel_on: case_reopened
stale_after: 3 days
survey: csat
"""
ASKED = """\
csat:
  metric: csat
  kind: transactional
  ask: How satisfied are you with the help you got?
  through: [{use: mailer}]
"""
CUSTOMERS = """\
object: Contact
match:
  - {response: email, record: Email}
account: {object: Account, by: AccountId}
email: Email
phone: MobilePhone
opted_out: HasOptedOutOfEmail
"""
RELAY = """\
  mailer:
    type: mail
    host: smtp.acme.com
    sender: Acme <feedback@acme.com>
"""
PUBLIC = "public_url: https://surveys.acme.com\n"


def asking_yaml(
    trigger: str = TRIGGER,
    *,
    surveys: str = ASKED,
    policy: str = "ledger_field: Last_Asked__c\n",
    people: str = CUSTOMERS,
    connections: str = RELAY,
    top: str = PUBLIC,
) -> str:
    """A good file that asks after closed cases. Each argument stands for the lines of its block."""
    parts = [
        dedent(top),
        CONNECTIONS + connections,
        f"people:\n  crm:\n{indent(dedent(people), '    ')}",
        f"surveys:\n{indent(dedent(surveys), '  ')}",
        f"triggers:\n  after-support:\n{indent(dedent(trigger), '    ')}",
        f"contact_policy:\n{indent(dedent(policy), '  ')}" if policy else "",
    ]
    return "".join(parts)
