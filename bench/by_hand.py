"""What every record must show, worked out from the vendors' own lists by a dozen plain lines.

Nothing of npsync is used here: this is what its results are held against (tests/scenarios, bench/living.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
Shown = dict[str, dict[str, Any]]  # record id → what its fields show

ZONE = ZoneInfo("America/New_York")
SINCE = datetime(2025, 1, 1, tzinfo=ZONE)
SURVEY = 1146
SALESFORCE_MATCH = (("external_id", "Customer_Id__c"), ("email", "Email"))
HUBSPOT_MATCH = (("email", "email"),)
SALESFORCE_FIELDS = ("NPS_Score__c", "NPS_Segment__c", "NPS_Last_Survey__c", "NPS_Comment__c", "NPS_Trend__c")
HUBSPOT_FIELDS = ("nps_score", "nps_segment", "nps_last_survey", "nps_comment")


def on_salesforce(answers: Iterable[Row], people: Iterable[Row], contacts: Sequence[Row]) -> Shown:
    """What each Contact must show under config.example.yaml; {} fields are None where nobody answered."""
    seen = [one for one in contacts if not one["IsPersonAccount"]]
    given = answers_of(answers, people, seen, SALESFORCE_MATCH)
    return {str(one["id"]): _salesforce(given.get(str(one["id"]), [])) for one in contacts}


def on_hubspot(answers: Iterable[Row], people: Iterable[Row], contacts: Sequence[Row]) -> Shown:
    given = answers_of(answers, people, contacts, HUBSPOT_MATCH)
    return {str(one["id"]): _hubspot(given.get(str(one["id"]), [])) for one in contacts}


def answers_of(
    answers: Iterable[Row],
    people: Iterable[Row],
    records: Iterable[Row],
    match: Sequence[tuple[str, str]],
    since: datetime = SINCE,
) -> dict[str, list[Row]]:
    """Record id → the answers that count for it, oldest first."""
    ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        for key, field in match:
            ids[key, _folded(key, record[field])].add(str(record["id"]))
    person = {one["id"]: one for one in people}
    theirs: defaultdict[str, list[Row]] = defaultdict(list)
    for answer in sorted(answers, key=lambda one: (_moment(one), str(one["id"]))):
        if answer["survey_id"] != SURVEY or answer["excluded_from_calculations"] or _moment(answer) < since:
            continue
        giver = person[answer["end_user_id"]]
        hits = [ids.get((key, _folded(key, giver[key])), set()) for key, _ in match if giver[key]]
        hits = [found for found in hits if found]
        if hits and len(hits[0]) == 1 and all(len(one) > 1 or one == hits[0] for one in hits):
            theirs[next(iter(hits[0]))].append(answer)
    return theirs


def differences(records: Iterable[Row], wanted: Shown) -> list[str]:
    """One line per field that shows something else, without the customer's name."""
    return [
        f"{record['id']}.{field}: shows {_same_lines(record[field])!r}, must show {value!r}"
        for record in records
        for field, value in wanted[str(record["id"])].items()
        if _same_lines(record[field]) != value
    ]


def _salesforce(given: Sequence[Row]) -> dict[str, Any]:
    if not given:
        return dict.fromkeys(SALESFORCE_FIELDS)
    score = given[-1]["score"]
    before = given[-2]["score"] if len(given) > 1 else None
    trend = "new" if before is None else "up" if score > before else "down" if score < before else "same"
    comment = _same_lines((given[-1]["text"] or "")[:255]).strip() or None
    # Salesforce's bulk API reads a lone "#N/A" as "empty this field"; a space keeps it a customer's words.
    comment = "# N/A" if comment == "#N/A" else comment
    shown = (
        score,
        _segment(score).title(),
        f"{_moment(given[-1]).astimezone(ZONE):%Y-%m-%d}",
        comment,
        trend,
    )
    return dict(zip(SALESFORCE_FIELDS, shown, strict=True))


def _hubspot(given: Sequence[Row]) -> dict[str, Any]:
    if not given:
        return dict.fromkeys(HUBSPOT_FIELDS)
    score, text = given[-1]["score"], given[-1]["text"] or ""
    comment = _same_lines(text[:1000]) if text.strip() else None
    shown = (str(score), _segment(score), f"{_moment(given[-1]).astimezone(ZONE):%Y-%m-%d}", comment)
    return dict(zip(HUBSPOT_FIELDS, shown, strict=True))


def _segment(score: int) -> str:
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"


def _moment(answer: Row) -> datetime:
    return datetime.strptime(answer["created_at"], "%Y-%m-%d %H:%M:%S %z")


def _folded(key: str, value: Any) -> str:
    return str(value).strip().lower() if key == "email" else str(value)


def _same_lines(value: Any) -> Any:
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value
