"""From what happened to what is told: pure. No message says who a customer is, or what they answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from npsync.alerting.spec import On
from store.api import State

if TYPE_CHECKING:
    from sync.report import Report

_MOST_PROBLEMS = 5
_LONGEST = 500


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is told once. `topic` is what it is about, `id` which time it is."""

    on: On | None  # None: a digest, or a try
    topic: str
    id: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    text: str = ""

    @property
    def name(self) -> str:
        return f"{self.topic} {self.id}"


def of_run(report: Report) -> Iterator[Occasion]:
    """What one run gives occasion to tell, beside the states it changes (`npsync.alerting.conditions`)."""
    run, sync = str(report.run), report.sync
    refused = {
        kind.value: tally.counts["rejected"]
        for kind, tally in report.followed.tallies.items()
        if tally.counts["rejected"]
    }
    if refused:
        yield Occasion(
            on=On.FOLLOW_UP_REJECTED,
            topic=f"{On.FOLLOW_UP_REJECTED.value} {sync}",
            id=run,
            title=f"{sync}: {sum(refused.values()):,} follow-ups were refused",
            facts=tuple((kind, f"{count:,}") for kind, count in refused.items()),
            text="npsync follow-ups list shows them, with the reason of each",
        )
    if held := report.states.get(State.HELD, 0):
        yield Occasion(
            on=On.HELD,
            topic=f"{On.HELD.value} {sync}",
            id=run,
            title=f"{sync}: {held:,} {'answer' if held == 1 else 'answers'} held",
            text="They look as if a program gave them: npsync review list --state held",
        )


def told_of(problems: Sequence[str]) -> str:
    """The first of them, none longer than a message bears."""
    told = [each if len(each) <= _LONGEST else f"{each[: _LONGEST - 1]}…" for each in problems]
    if len(told) > _MOST_PROBLEMS:
        told = [*told[:_MOST_PROBLEMS], f"… and {len(told) - _MOST_PROBLEMS:,} more"]
    return "\n".join(told)
