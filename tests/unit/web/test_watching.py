"""/health and /metrics: what watches npsync is told, who may know it, and how little it costs to ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from answered import NOW, SYNC, matched, people
from api_desk import ApiDesk
from asgi_caller import Caller, Replied
from prometheus_client.parser import text_string_to_metric_families

from store.api import Serving


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> ApiDesk:
    made = ApiDesk(tmp_path)
    ticking(made)
    return made


def ticking(desk: ApiDesk) -> None:
    now = desk.clock.now()
    desk.store.note_serving(
        Serving(owner="here", kind="serve", began_at=NOW, seen_at=now, config_at=NOW, mark="m")
    )


def asked(desk: ApiDesk, path: str, *scopes: str) -> Replied:
    headers = {"authorization": f"Bearer {desk.token(*scopes)}"} if scopes else {}
    desk.clock.advance(10)  # what is kept for a moment is forgotten
    return Caller(desk.web, headers=headers).get(path)


def ran(desk: ApiDesk, status: str = "succeeded", **report: Any) -> int:
    run = desk.store.begin_run(SYNC, "run", now=desk.clock.now(), facts={})
    desk.store.end_run(run, status, now=desk.clock.now(), report={"run": run, **report})
    return run


def figures(desk: ApiDesk) -> dict[str, float]:
    """`npsync_runs_total{kind="run",status="failed",sync="contacts"}` → 1.0"""
    text = asked(desk, "/metrics", "metrics").body.decode()
    return {
        one.name + _labels(one.labels): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def _labels(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{{{told}}}" if told else ""


# ------------------------------------------------------------ health


def test_alive_and_ready_are_told_to_everybody(desk: ApiDesk):
    assert asked(desk, "/health/live").json == {"status": "ok"}
    assert asked(desk, "/health/ready").json == {"status": "ok", "checks": {"store": True}}
    assert Caller(desk.web).call("HEAD", "/health/ready").status == 200


def test_whoever_tries_tokens_at_the_health_check_is_not_looked_up_for_long(desk: ApiDesk):
    """Each answer is the one that needs no token; after twenty wrong ones even a right one is not looked at."""
    right = f"Bearer {desk.token('metrics')}"

    def health(authorization: str, address: str = "2001:db8:0:1::1") -> Replied:
        return Caller(desk.web, address=address).get("/health", authorization=authorization)

    assert "syncs" in health(right).json
    for n in range(20):
        wrong = health(f"Bearer npsync_wrong{n}", f"2001:db8:0:1::{n:x}")  # one network, many addresses
        assert (wrong.status, "syncs" in wrong.json) == (200, False)
    assert "syncs" not in health(right).json
    assert "syncs" in health(right, "203.0.113.1").json
    desk.clock.advance(60)
    assert "syncs" in health(right).json


def test_all_is_well_while_the_clock_ticks_and_nothing_is_lost(desk: ApiDesk):
    ran(desk)
    replied = asked(desk, "/health")
    checks = {"store": True, "conservation": True, "clock": True, "on_time": True}
    assert (replied.status, replied.json) == (200, {"status": "ok", "checks": checks})


def test_a_lost_answer_is_red_and_only_who_may_see_it_is_told_where(desk: ApiDesk):
    ran(desk, "failed", problems=["conservation: 5 answers are stored, 4 are accounted for in contacts."])
    replied = asked(desk, "/health")
    assert (replied.status, replied.json["checks"]["conservation"]) == (503, False)
    assert SYNC not in replied.body.decode()
    for scope in ("read", "metrics"):
        assert asked(desk, "/health", scope).json["syncs"][0]["conserved"] is False
    assert "syncs" not in asked(desk, "/health", "events").json
    ran(desk)
    assert asked(desk, "/health").status == 200


def test_a_clock_that_does_not_tick_is_red(desk: ApiDesk):
    desk.clock.advance(150)
    replied = asked(desk, "/health")
    assert (replied.status, replied.json["checks"]["clock"]) == (503, False)
    ticking(desk)
    assert asked(desk, "/health").status == 200


def test_what_is_long_past_due_is_red_unless_it_is_paused_or_runs(desk: ApiDesk):
    desk.store.schedule(SYNC, NOW - timedelta(hours=1))
    assert asked(desk, "/health").json["checks"]["on_time"] is False
    desk.store.pause(SYNC, "cli:ann", due_at=NOW, now=NOW)
    assert asked(desk, "/health").status == 200
    desk.store.unpause(SYNC)
    desk.store.begin_run(SYNC, "run", now=NOW, facts={})
    assert asked(desk, "/health").status == 200


def test_a_store_of_another_version_is_not_ready(desk: ApiDesk):
    with desk.store.database.write() as tx:
        tx.run("UPDATE alembic_version SET version_num = '0001'")
    assert asked(desk, "/health/ready").status == 503
    replied = asked(desk, "/health")
    assert (replied.status, replied.json["checks"]["store"]) == (503, False)
    assert replied.headers["retry-after"]
    assert asked(desk, "/health/live").status == 200


def test_asking_again_at_once_does_not_ask_the_store_again(desk: ApiDesk):
    assert Caller(desk.web).get("/health").status == 200
    ran(desk, "failed", problems=["conservation: 5 answers"])
    assert Caller(desk.web).get("/health").status == 200
    desk.clock.advance(2)
    assert Caller(desk.web).get("/health").status == 503


# ------------------------------------------------------------ metrics


def test_metrics_are_for_who_has_a_token_for_them(desk: ApiDesk):
    assert asked(desk, "/metrics").status == 401
    assert asked(desk, "/metrics", "events").status == 403
    for scope in ("metrics", "read"):
        assert asked(desk, "/metrics", scope).headers["content-type"].startswith("text/plain")


def test_runs_are_counted_on_and_every_process_tells_the_same(desk: ApiDesk):
    ran(desk, "failed")
    ran(desk)
    failed, succeeded = (
        f'npsync_runs_total{{kind="run",status="{status}",sync="contacts"}}'
        for status in ("failed", "succeeded")
    )
    assert figures(desk)[failed] == 1.0
    under_way = desk.store.begin_run(SYNC, "run", now=NOW, facts={})
    ran(desk)
    assert figures(desk)[succeeded] == 1.0
    desk.store.end_run(under_way, "failed", now=NOW, report={})
    found = figures(desk)
    assert (found[failed], found[succeeded]) == (2.0, 2.0)
    other = ApiDesk.__new__(ApiDesk)
    other.__dict__ |= desk.__dict__ | {"web": type(desk.web)(desk.web.site)}
    again = figures(other)
    assert {
        name: value for name, value in again.items() if "_web_" not in name and "seconds" not in name
    } == {name: value for name, value in found.items() if "_web_" not in name and "seconds" not in name}


def test_answers_queues_letters_and_budgets_are_told(desk: ApiDesk):
    matched(desk.store, people(desk.store, [9, 10]), state="review")
    matched(desk.store, people(desk.store, [9]))
    desk.store.count_calls("crm", "2025-12-15", 7)
    desk.store.want_action("run", SYNC, {"sync": SYNC}, who="cli:ann", key="k", now=NOW)
    ran(desk, "stopped")
    found = figures(desk)
    assert found['npsync_answers{state="written",sync="contacts"}'] == 1.0
    assert found['npsync_answers{state="review",sync="contacts"}'] == 2.0
    assert found['npsync_waiting{state="review",sync="contacts"}'] == 2.0
    assert found['npsync_calls_today{connection="crm"}'] == 7.0
    assert found['npsync_queue{queue="actions"}'] == 1.0
    assert found['npsync_breaker_open{sync="contacts"}'] == 1.0
    assert found['npsync_suppressed{reason="unsubscribe"}'] == 0.0
    assert found['npsync_healthy{check="clock"}'] == 1.0
    assert found["npsync_sends_halted"] == 1.0


def test_lag_is_told_in_seconds(desk: ApiDesk):
    desk.store.schedule(SYNC, NOW - timedelta(seconds=100))
    [one] = people(desk.store, [9])
    number = desk.store.answers_named(one.id)[0].number
    with desk.store.database.write() as tx:
        tx.run("UPDATE response SET received_at = :at", at=int(NOW.timestamp() * 1000) - 50_000)
        tx.run(
            "INSERT INTO work (sync, person, response) VALUES (:sync, 1, :number)", sync=SYNC, number=number
        )
    found = figures(desk)
    assert found['npsync_past_due_seconds{sync="contacts"}'] == 110.0
    assert found['npsync_oldest_pending_seconds{sync="contacts"}'] == 60.0
    assert found['npsync_newest_answer_seconds{connection="mail"}'] == 60.0


def test_requests_are_counted_by_route_not_by_address(desk: ApiDesk):
    desk.get("/runs/7")
    desk.get("/runs/8")
    asked(desk, "/s/not-a-link")
    found = figures(desk)
    assert found['npsync_web_requests_total{method="GET",route="/api/v1/runs/{number}",status="404"}'] == 2.0
    assert "not-a-link" not in str(found)


def test_without_its_store_it_still_says_that_it_is_not_well(desk: ApiDesk):
    with desk.store.database.write() as tx:
        tx.run("UPDATE alembic_version SET version_num = '0001'")
    desk.token("metrics")
    assert figures(desk)['npsync_healthy{check="store"}'] == 0.0
