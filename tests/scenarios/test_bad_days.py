"""Bad days: vendors that stumble, lose replies and refuse records; a process killed at any moment. Nothing is lost."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from aftermath import BOTH, assert_no_effect_twice, assert_right, idle, until_settled, wrong
from cli_process import Npsync, config
from postgres_server import running_postgres
from sandbox_process import RunningSandbox, running_sandbox


@pytest.mark.parametrize("profile", ["flaky", "storm", "lost-replies", "slow", "shuffled"])
def test_whatever_the_vendors_do_every_record_is_right_in_the_end(profile: str, tmp_path: Path):
    with running_sandbox(customers=300, responses=450, ugly="10%", faults=profile) as sandbox:
        npsync = Npsync(tmp_path, sandbox.env)
        npsync.configured(config())

        runs = until_settled(npsync)

        assert all(sum(run["states"].values()) == run["pulled"] for run in runs)
        sandbox.control("DELETE", "/faults")
        assert_right(sandbox)
        assert_no_effect_twice(sandbox)
        assert idle(npsync)


def test_refused_records_are_set_aside_and_the_others_written(tmp_path: Path):
    with running_sandbox(customers=300, responses=300, ugly=0) as sandbox:
        npsync = Npsync(tmp_path, sandbox.env)
        npsync.configured(config())
        spoiled_contact = sandbox.rows("salesforce", "Contact")[17]["id"]
        spoiled_lead = sandbox.rows("hubspot", "contacts")[23]["id"]
        sandbox.fault("salesforce", "validation", path=spoiled_contact, times=None)
        sandbox.fault("hubspot", "invalid_record", path=spoiled_lead, times=None)

        runs = {sync: npsync.run(sync, exits=3) for sync in BOTH}

        for run in runs.values():
            assert run["status"] == "partial"
            assert run["states"]["rejected"] == 1
            assert sum(run["states"].values()) == run["pulled"]
        assert {record.split(".")[0] for record in wrong(sandbox)} == {spoiled_contact, spoiled_lead}
        left = npsync("runs", str(runs["contacts"]["run"]), "--json").json["left"]
        [refused] = [one for one in left if one["state"] == "rejected"]
        assert refused["record"] == spoiled_contact
        assert "VALIDATION" in refused["code"]


@pytest.mark.parametrize(
    ("sync", "vendor", "kind", "count"),
    [
        ("contacts", "wootric", None, 6),  # in the middle of reading
        ("contacts", "salesforce", "query", 1),  # found, nothing planned yet
        ("contacts", "salesforce", "collections_update", 2),  # between two batches
        ("marketing", "hubspot", "batch_read", 3),
        ("marketing", "hubspot", "batch_update", 1),
        ("marketing", "hubspot", "batch_update", 4),
    ],
)
def test_a_run_killed_at_any_moment_is_finished_by_the_next(
    sync: str, vendor: str, kind: str | None, count: int, tmp_path: Path
):
    with running_sandbox(customers=900, responses=1000, ugly="5%", latency="30ms") as sandbox:
        npsync = Npsync(tmp_path, sandbox.env)
        npsync.configured(config())
        process = npsync.started("run", sync, "--json")
        while called(sandbox, vendor, kind) < count:
            assert process.poll() is None, "the run ended before the moment came"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()

        runs = until_settled(npsync, [sync])

        assert all(sum(run["states"].values()) == run["pulled"] for run in runs)
        assert wrong(sandbox, [sync]) == []
        assert_no_effect_twice(sandbox)
        assert idle(npsync, [sync])


def test_a_process_frozen_past_its_lease_writes_nothing_more_when_it_wakes(tmp_path: Path):
    with running_sandbox(customers=900, responses=1000, ugly=0, latency="150ms") as sandbox:
        npsync = Npsync(tmp_path, sandbox.env)
        npsync.configured(config())
        sleeper = npsync.started("run", "contacts", "--json")
        while called(sandbox, "salesforce", "collections_update") < 1:
            assert sleeper.poll() is None, "the run ended before the moment came"
            time.sleep(0.005)
        freeze_outside_a_transaction(sleeper, npsync)
        release_lease(npsync)
        other = until_settled(npsync, ["contacts"])
        changed = sandbox.rows("salesforce", "Contact")

        sleeper.send_signal(signal.SIGCONT)
        out, err = sleeper.communicate(timeout=60)

        assert (sleeper.returncode, out) == (1, "")
        assert "contacts" in err
        assert sandbox.rows("salesforce", "Contact") == changed
        assert all(sum(run["states"].values()) == run["pulled"] for run in other)
        assert wrong(sandbox, ["contacts"]) == []
        assert idle(npsync, ["contacts"])


def test_a_killed_run_is_finished_on_postgresql_too(tmp_path: Path):
    with (
        running_sandbox(customers=900, responses=1000, ugly="5%", latency="30ms") as sandbox,
        tempfile.TemporaryDirectory() as data,  # pytest's own folders are closed to the server's user
        running_postgres(Path(data)) as postgres,
    ):
        url = postgres.new_database()
        npsync = Npsync(tmp_path, sandbox.env)
        npsync.configured(config(store=url))
        process = npsync.started("run", "contacts", "--json")
        while called(sandbox, "salesforce", "collections_update") < 2:
            assert process.poll() is None, "the run ended before the moment came"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()

        until_settled(npsync, ["contacts"])

        assert wrong(sandbox, ["contacts"]) == []
        assert_no_effect_twice(sandbox)
        before = npsync("db", "dump").out
        npsync.plan("contacts", "--all")
        assert npsync("db", "dump").out == before


def called(sandbox: RunningSandbox, vendor: str, kind: str | None) -> int:
    traffic = sandbox.traffic(vendor)
    calls: int = traffic["calls"] if kind is None else traffic["by_kind"].get(kind, 0)
    return calls


def freeze_outside_a_transaction(process: subprocess.Popen[str], npsync: Npsync) -> None:
    """Frozen inside one, SQLite would let nobody else go on, and nothing could happen at all."""
    while True:
        process.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(npsync.folder / "npsync.db", timeout=0)) as store:
            try:
                store.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                time.sleep(0.002)
                continue
            store.rollback()
            return


def release_lease(npsync: Npsync) -> None:
    """Two minutes later: the dead process's leases have run out."""
    with npsync.store() as store:
        store.execute("UPDATE lease SET until = 0")
