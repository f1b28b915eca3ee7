"""The figures of /metrics. They are read from the store, so every process tells the same, and cheaply: from indexes, or
counted on from where they stood; what has to be counted whole is counted once a minute."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nps.asking import SuppressionReason
from npsync import __version__
from npsync.operating import calls
from npsync.operating.connection_health import health_of
from npsync.operating.health import health
from triggers.ledger import why_none_is_sent

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store

SECONDS_BETWEEN_COUNTS = 60.0


class Measures(Collector):
    """Thread-safe."""

    def __init__(self, config: Config, store: Store, clock: Clock) -> None:
        self._config, self._store, self._clock = config, store, clock
        self._turn = threading.Lock()
        self._runs: Counter[tuple[str, str, str]] = Counter()
        self._runs_up_to = 0
        self._slow: tuple[float, list[Metric]] | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        with self._turn:
            return bytes(generate_latest(self._registry))

    def collect(self) -> Iterator[Metric]:
        now = self._clock.now()
        yield _info()
        found = health(self._config, self._store, now)
        up = GaugeMetricFamily("npsync_healthy", "1 when the check is well.", labels=["check"])
        for check, well in found.checks.items():
            up.add_metric([check], float(well))
        yield up
        if found.problem is not None:
            return  # nothing else is known
        if found.clock_at is not None:
            seen = GaugeMetricFamily(
                "npsync_clock_seen_timestamp_seconds", "When a process that ticks was seen."
            )
            seen.add_metric([], found.clock_at.timestamp())
            yield seen
        yield from self._of_runs()
        yield from self._of_syncs(now)
        yield from self._of_connections(now)
        yield from self._of_queues()
        yield from self._counted_now_and_then()

    def _of_runs(self) -> Iterator[Metric]:
        counted = self._store.runs_counted(after=self._runs_up_to)
        self._runs.update(counted.runs)
        self._runs_up_to = counted.up_to
        runs = CounterMetricFamily(
            "npsync_runs", "Runs that ended, since npsync was installed.", labels=["sync", "kind", "status"]
        )
        for labels, count in sorted(self._runs.items()):
            runs.add_metric(list(labels), count)
        yield runs

    def _of_syncs(self, now: datetime) -> Iterator[Metric]:
        names = list(self._config.sync)
        due, pending = self._store.due(names), self._store.oldest_pending(names)
        queues = self._store.queues(names)
        ended = _gauge("npsync_last_run_end_timestamp_seconds", "When the last run ended.", "sync", "status")
        stopped = _gauge("npsync_breaker_open", "1 when the last run was stopped by its breaker.", "sync")
        paused = _gauge("npsync_paused", "1 when the clock leaves it alone.", "sync")
        late = _gauge("npsync_past_due_seconds", "How long ago its due time passed; 0 before it.", "sync")
        age = _gauge(
            "npsync_oldest_pending_seconds", "Since the oldest unsettled answer was received.", "sync"
        )
        waits = _gauge("npsync_waiting", "Answers that wait, by what for.", "sync", "state")
        letters = _gauge("npsync_dead_letters", "Open dead letters.", "sync")
        for name in names:
            last = next(iter(self._store.runs(sync=name, kind="run", limit=1)), None)
            if last is not None and last.ended_at is not None:
                ended.add_metric([name, last.status], last.ended_at.timestamp())
            stopped.add_metric([name], float(last is not None and last.status == "stopped"))
            place = due.get(name)
            resting = self._config.sync[name].paused or (place is not None and place.paused)
            paused.add_metric([name], float(resting))
            passed = 0.0 if place is None or resting else (now - place.taken_at).total_seconds()
            late.add_metric([name], max(0.0, passed))
            oldest = pending.get(name)
            age.add_metric([name], 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()))
            queue = queues[name]
            for state in ("review", "held", "waiting", "pending"):
                waits.add_metric([name, state], getattr(queue, state))
            letters.add_metric([name], queue.dead_letters)
        yield from (ended, stopped, paused, late, age, waits, letters)

    def _of_connections(self, now: datetime) -> Iterator[Metric]:
        names = list(self._config.connections)
        made = _gauge("npsync_calls_today", "Calls made today, in the business time zone.", "connection")
        left = _gauge("npsync_calls_left", "Calls that the vendor says are left.", "connection")
        limit = _gauge("npsync_calls_limit", "Calls that the vendor allows.", "connection")
        trouble = _gauge(
            "npsync_connection_trouble", "1 when the last calls failed so.", "connection", "kind"
        )
        newest = _gauge("npsync_newest_answer_seconds", "Since the last answer was received.", "connection")
        for quota in calls.quotas(self._config, self._store, now):
            made.add_metric([quota.connection], quota.today)
            if quota.told is not None:
                left.add_metric([quota.connection], quota.told.allowance.left)
                if quota.told.allowance.limit is not None:
                    limit.add_metric([quota.connection], quota.told.allowance.limit)
        for name, one in health_of(self._store, names, now).items():
            for kind in ("access", "budget", "unavailable"):
                failed = one.trouble is not None and one.trouble.kind == kind
                trouble.add_metric([name, kind], float(failed))
        for name, at in self._store.newest_answers([*names, "npsync"]).items():
            newest.add_metric([name], max(0.0, (now - at).total_seconds()))
        yield from (made, left, limit, trouble, newest)

    def _of_queues(self) -> Iterator[Metric]:
        depths = self._store.depths()
        lies = _gauge("npsync_queue", "How much lies in each queue.", "queue")
        for name in depths.__struct_fields__:
            lies.add_metric([name], getattr(depths, name))
        halted = GaugeMetricFamily("npsync_sends_halted", "1 while nothing is sent.")
        halted.add_metric([], float(why_none_is_sent(self._store) is not None))
        yield from (lies, halted)

    def _counted_now_and_then(self) -> Iterator[Metric]:
        at = self._clock.monotonic()
        if self._slow is None or at - self._slow[0] >= SECONDS_BETWEEN_COUNTS:
            self._slow = at, list(self._of_everything())
        yield from self._slow[1]

    def _of_everything(self) -> Iterator[Metric]:
        answers = _gauge("npsync_answers", "Answers by their state; counted once a minute.", "sync", "state")
        for name in self._config.sync:
            for state, count in self._store.state_counts(name).items():
                answers.add_metric([name, state.value], count)
        sent = _gauge(
            "npsync_invitations", "Invitations by how far they got; counted once a minute.", "state"
        )
        for got, count in sorted(self._store.invitation_counts().items()):
            sent.add_metric([got.value], count)
        suppressed = _gauge("npsync_suppressed", "Names of people who must not be asked.", "reason")
        counted = self._store.suppressed_counts()
        for reason in SuppressionReason:
            suppressed.add_metric([reason.value], counted.get(reason, 0))
        yield from (answers, sent, suppressed)


def _gauge(name: str, said: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, said, labels=labels)


def _info() -> Metric:
    info = GaugeMetricFamily("npsync_build_info", "Always 1.", labels=["version"])
    info.add_metric([__version__], 1.0)
    return info
