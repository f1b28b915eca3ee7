"""People who answered, for reports: put into a store with few words, matched to records whose traits are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

from builders_config import CONNECTIONS

from connectors import registry
from nps.keys import person_number
from nps.responses import Cursor, Page, SurveyResponse
from npsync.config import Config, load
from store.api import Store

NOW = datetime(2025, 12, 15, 12, 0, tzinfo=UTC)
SYNC = "contacts"

YAML = (
    "time_zone: America/New_York\n"
    'store: "sqlite:///npsync.db"\n'
    + CONNECTIONS
    + """\
people:
  crm:
    object: Contact
    match:
      - {response: email, record: Email}
    account: {object: Account, by: AccountId}
    name: Name
    owner: OwnerId
surveys:
  relationship:
    at: {mail: "1146"}
  support:
    metric: csat
    ask: How satisfied are you?
sync:
  contacts:
    every: 15 minutes
    survey: relationship
    to: crm
    fields: {NPS__c: score, NPS_Comment__c: comment}
report:
  by: {plan: account.Plan__c, product: properties.product}
  amount: account.AnnualRevenue
  targets: {relationship: 40}
"""
)

ANONYMOUS = (
    YAML.replace("relationship:\n    at", "pulse:\n    at")
    .replace("survey: relationship", "survey: other")
    .replace("surveys:\n", "surveys:\n  other: {ask: Why?}\n")
    .replace("relationship: 40", "pulse: 40")
    + f"pepper: {'ab' * 32}\nprivacy: {{anonymous: [pulse], min_group: 5}}\n"
)
"""The survey is an anonymous programme, `pulse`: no sync writes its answers anywhere."""

ENV = {"SF_ID": "id", "SF_SECRET": "secret", "WOOTRIC_ID": "id", "WOOTRIC_SECRET": "secret"}

_numbers = count(1)


def config_in(folder: Path, yaml: str = YAML) -> Config:
    (folder / "npsync.yaml").write_text(yaml, encoding="utf-8")
    return load(folder / "npsync.yaml", ENV)


def people(
    store: Store,
    scores: Mapping[int, int] | Sequence[int],
    *,
    at: datetime = NOW,
    names: Sequence[str] | None = None,
    comments: Sequence[str] = (),
    source: str = "mail",
    survey: str = "1146",
    **others: Any,
) -> list[SurveyResponse]:
    """So many people for each score, each with an answer and (unless `names` repeat) never seen before."""
    each = (
        [score for score, many in scores.items() for _ in range(many)]
        if isinstance(scores, Mapping)
        else scores
    )
    given = []
    for place, score in enumerate(each):
        number = next(_numbers)
        name = names[place] if names is not None else f"p{number}"
        given.append(
            SurveyResponse(
                source=source,
                id=f"a{number}",
                survey=survey,
                score=score,
                answered_at=at + timedelta(seconds=place),
                email=f"{name}@example.com",
                comment=comments[place % len(comments)] if comments else None,
                **others,
            )
        )
    page = Page(responses=tuple(given), cursor=Cursor({"n": next(_numbers)}))
    store.append(
        source, page, [person_number(one, None) for one in given], received_at=NOW + timedelta(days=400)
    )
    return given


def record_of(answer: SurveyResponse) -> str:
    """The Salesforce id of the contact with this address."""
    digits = blake2b((answer.email or answer.id).encode(), digest_size=6).hexdigest()
    found = registry.load("salesforce").record_id(f"003{digits}")
    assert found is not None
    return found


def matched(
    store: Any,
    answers: Sequence[SurveyResponse],
    *,
    account: str | None = None,
    state: str = "written",
    sync: str = SYNC,
    **traits: Any,
) -> None:
    """Each person behind these answers has a record of their own, in this account and with these traits."""
    with store.database.write() as tx:
        for one in answers:
            record = record_of(one)
            tx.run(
                """INSERT INTO answer_state (sync, person, response, state, record_id, rule, code, reason, run)
                SELECT :sync, person, id, :state, :record, 'email = Email', '', '', 1 FROM response
                WHERE source = :source AND source_id = :id""",
                sync=sync,
                state=state,
                record=record,
                source=one.source,
                id=one.id,
            )
            tx.run(
                """INSERT INTO member (sync, record_id, account, traits, seen_at)
                VALUES (:sync, :record, :account, :traits, 0) ON CONFLICT DO NOTHING""",
                sync=sync,
                record=record,
                account=account,
                traits=json.dumps(traits),
            )
