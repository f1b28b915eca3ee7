"""What is well or is not: pure. It is told when it turns, and again when it is over; never how long it lasts.

No message says who a customer is, or what they answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from npsync.alerting.occasions import told_of
from npsync.alerting.spec import On
from npsync.operating.connection_health import Health
from store.api import Queue
from sync.leasing import DIED

if TYPE_CHECKING:
    from npsync.alerting.spec import AlertSpec
    from store.api import RunRow
    from sync.report import Report

CALM = ("succeeded", "partial")
DEATHS = 2


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How one thing is: `about` which sync or connection. `title` says that it is bad, `over` that it no longer is."""

    on: On
    about: str
    bad: bool
    title: str
    over: str
    text: str = ""
    next_step: str = ""

    @property
    def topic(self) -> str:
        return f"{self.on.value} {self.about}"


def of_report(report: Report) -> Iterator[Condition]:
    """What one run says. A run that was stopped says nothing of failures, and a failed one nothing of the breaker."""
    sync, look = report.sync, f"npsync runs {report.run}"
    calm = report.status in CALM
    if calm or report.status == "failed":
        yield run_failed(sync, None if calm else told_of(report.problems), look)
    if calm or report.status == "stopped":
        yield Condition(
            on=On.RUN_STOPPED,
            about=sync,
            bad=not calm,
            title=f"{sync} was stopped before its first write",
            over=f"{sync} writes again",
            text=told_of(report.problems),
            next_step=look,
        )
    if calm:
        others = [each for each in report.problems if not any(name in each for name in report.silent)]
        yield Condition(
            on=On.RUN_DEGRADED,
            about=sync,
            bad=report.status == "partial" and bool(others),
            title=f"{sync} did not get through everything",
            over=f"{sync} gets through everything again",
            text=told_of(others),
            next_step=look,
        )
    for source in report.listened:
        said = [each for each in report.problems if source in each]
        yield Condition(
            on=On.SOURCE_SILENT,
            about=source,
            bad=source in report.silent,
            title=f"{source} has fallen silent",
            over=f"{source} brings answers again",
            text=told_of(said),
            next_step=f"npsync connect {source}",
        )


def of_deaths(about: str, latest: RunRow, dead: int) -> Iterator[Condition]:
    """What it says that the processes of the last so many runs have died. One that was killed is begun again, and
    nobody has to know."""
    if dead >= DEATHS:
        problem = (
            f"{DIED}, {DEATHS} times in a row or more: killed, out of memory, or crashed. Its log says more"
        )
        yield run_failed(about, problem, f"npsync runs {latest.id}")
    elif latest.kind != "run" and latest.status not in ("failed", "running"):  # a run tells that by itself
        yield run_failed(about, None, "")


def run_failed(sync: str, problem: str | None, next_step: str) -> Condition:
    """None: it did not."""
    return Condition(
        on=On.RUN_FAILED,
        about=sync,
        bad=problem is not None,
        title=f"{sync} failed",
        over=f"{sync} runs again",
        text=problem or "",
        next_step=next_step,
    )


def of_connections(health: Mapping[str, Health], now: datetime) -> Iterator[Condition]:
    """Whether credentials still work. A connection that was never called says nothing."""
    for name, each in health.items():
        refused = each.refused(now)
        if refused is None and each.fine_at is None:
            continue
        yield Condition(
            on=On.CREDENTIALS,
            about=name,
            bad=refused is not None,
            title=f"{name} refuses our credentials",
            over=f"{name} takes our credentials again",
            text="" if refused is None else told_of([refused.problem]),
            next_step=f"npsync connect {name}",
        )


def of_queues(queues: Mapping[str, Queue], alert: AlertSpec) -> Iterator[Condition]:
    """Whether more waits for a person than this alert allows. It is over when half of that is left: in between it
    stays as it was, so that one answer more or less tells nobody anything."""
    for sync, queue in queues.items():
        for on, count, words, command in (
            (On.DEAD_LETTERS, queue.dead_letters, "dead letters", "npsync dead-letters list"),
            (On.REVIEW, queue.review + queue.held, "answers to review", "npsync review list"),
        ):
            if alert.more_than // 2 < count <= alert.more_than:
                continue
            yield Condition(
                on=on,
                about=sync,
                bad=count > alert.more_than,
                title=f"{sync}: {count:,} {words}, more than {alert.more_than:,}",
                over=f"{sync}: {count:,} {words} are left",
                next_step=command,
            )
