"""The YAML of the soak: config.example.yaml with short rhythms, and triggers that send."""

from __future__ import annotations

import re
from pathlib import Path

from bench.sender import SECRET
from bench.soak.__main__ import configured

SYNCS = ("nps-to-contacts", "nps-to-marketing", "csat-to-contacts", "csat-to-cases")

_CONNECTIONS = f"""
  mailer:
    type: mail
    host: "${{SMTP_HOST}}"
    port: "${{SMTP_PORT}}"
    security: plain
    username: "${{SMTP_USER}}"
    password: "${{SMTP_PASSWORD}}"
    sender: Acme <feedback@acme.com>

  product:
    type: webhook
    preset: segment
    auth: {{secret: {SECRET}}}

"""
_SURVEYS = """
  support:
    metric: csat
    kind: transactional
    ask: How satisfied are you with the help you got?
    then: What could we have done better?
    through: [{use: mailer}]
    remind: [3 days]
    expires: 14 days

"""
_TRIGGERS = """
triggers:
  after-support:
    mode: "on"
    event: {connection: crm, kind: case_closed}
    people: crm
    survey: support
  feature-used:
    mode: "on"
    event: {connection: product, kind: track, name: Feature Used}
    people: crm
    survey: support

contact_policy:
  rest: {csat: 1 days, transactional: 1 days, any: 1 days}

"""
_SYNCS = """
  csat-to-contacts:
    every: 1 minutes
    survey: support
    to: crm
    fields:
      CSAT_Score__c: score
      CSAT_Last_Survey__c: {from: answered_at, as: date}

  csat-to-cases:
    cron: "* * * * *"
    survey: support
    to:
      connection: crm
      object: Case
      match: [{response: event.id, record: Id}]
    fields:
      CSAT_Comment__c: {from: comment, truncate: 255}

"""
_MARKETING = """    cron: "*/2 * * * *"
    breaker: {changed_share: 100%, match_rate_drop: 100%, segment_swing: 90%, volume: {most: 999x}}"""


def written(folder: Path, port: int) -> Path:
    """The YAML file; its text is what the operators spoil and mend."""
    text = configured(bulk=False, oauth=False)
    text = re.sub(r"^(    every:) 15 minutes", r"\1 2 minutes", text, flags=re.MULTILINE)
    text = re.sub(r"^    every: 1 hours.*$", _MARKETING, text, flags=re.MULTILINE)
    text = text.replace('cron: "30 2 * * *", sample: 1000', 'cron: "*/5 * * * *", sample: 200')
    text = text.replace("most: 10x", "most: 999x").replace("segment_swing: 30%", "segment_swing: 90%")
    text = re.sub(r"^contact_policy:\n(?:  .*\n|\n)+", "", text, flags=re.MULTILINE)
    text = _above(text, "people:", _CONNECTIONS)
    text = _above(text, "sync:", _SURVEYS)
    text = _above(text, "report:", _SYNCS + _TRIGGERS)
    text = text.replace("store: sqlite", f"public_url: http://127.0.0.1:{port}\nstore: sqlite", 1)
    text += '\nbranding: {company: Acme, postal_address: "1 Main Street, Springfield"}\n'
    file = folder / "npsync.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def _above(text: str, key: str, block: str) -> str:
    if len(re.findall(rf"^{key}$", text, flags=re.MULTILINE)) != 1:
        raise SystemExit(f"config.example.yaml has not exactly one {key}")
    return re.sub(rf"^{key}$", lambda found: block.lstrip("\n") + found[0], text, flags=re.MULTILINE)
