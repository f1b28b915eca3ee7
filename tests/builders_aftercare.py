"""A town (`builders_sync`) whose CRM keeps histories, tasks and lists, and whose people are told in a channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from builders_sync import SYNC, Town
from fake_clock import NOON
from memory_aftercare import CaringCrm, Channel
from memory_destination import MemoryCrm

from store.api.outbox import Kind, Outgoing, Stage
from sync.job import Job
from sync.outbox.care import compile_aftercare
from sync.outbox.spec import FollowUpRule, HistorySpec
from sync.report import Report

HISTORY: Mapping[str, Any] = {
    "object": "answers",
    "key": "our_key",
    "fields": {"score": "score", "of": "record.id", "said": "comment", "before": "previous_score"},
}
CALL: Mapping[str, Any] = {
    "where": 'segment == "detractor"',
    "task": {"subject": "Call {record.email}: scored {score}", "due": "2 days"},
}
TELL: Mapping[str, Any] = {
    "where": 'segment == "detractor"',
    "notify": {"connection": "slack", "text": "{record.email} scored {score}"},
}
PROMOTERS: Mapping[str, Any] = {"where": 'segment == "promoter"', "add_to": {"list": "promoters"}}


class CaringTown(Town):
    """`history` and `rules` are what the YAML says; contacts have an owner, and rules follow up every answer unless
    `since` is None."""

    crm: CaringCrm

    def __init__(
        self,
        url: str,
        *,
        history: Mapping[str, Any] | None = None,
        rules: Sequence[Mapping[str, Any]] = (),
        since: Any = NOON - timedelta(days=1),
        **job: Any,
    ) -> None:
        super().__init__(url, **job)
        self.crm = CaringCrm()
        self.channel = Channel()
        self.history, self.rules, self.since = history, tuple(rules), since

    def job(self, **changed: Any) -> Job:
        care = compile_aftercare(
            None if self.history is None else HistorySpec.model_validate(self.history),
            tuple(FollowUpRule.model_validate(rule) for rule in self.rules),
            ZoneInfo("UTC"),
            since=self.since,
            owner="owner",
            name="email",
            alerter=lambda connection: self.channel,
        )
        return super().job(**({"care": care} | changed))

    def contact(self, name: str, **fields: Any) -> str:
        return MemoryCrm.add(self.crm, f"{name}@example.com", **({"owner": "kim"} | fields))

    def outbox(self, kind: Kind | None = None) -> list[Outgoing]:
        """In the order in which they were first wanted."""
        return self.store.entries_like(sync=SYNC, kind=kind, limit=1000)[::-1]

    def stages(self, kind: Kind) -> dict[str, Stage]:
        return {entry.subject: entry.stage for entry in self.outbox(kind)}

    def twice(self) -> list[tuple[str, str]]:
        """Whatever was created more than once."""
        return [one for one, times in Counter(self.crm.made).items() if times > 1]


def followed(report: Report, kind: Kind) -> dict[str, int]:
    """What became of one kind in a run."""
    tally = report.followed.tallies.get(kind)
    return {} if tally is None else {name: count for name, count in tally.counts.items() if count}
