"""Scale mode: a vendor asks for a pause of minutes, and neither `npsync worker` nor `npsync serve` waits it out."""

from __future__ import annotations

import time
from pathlib import Path

from cli_process import Npsync, config, stop
from postgres_server import PostgresServer
from sandbox_process import running_sandbox
from townspeople import Town

PAUSE = 120  # seconds the vendor asks for; within a run's patience, so it is waited out
SOON = 20.0  # seconds; a busy machine needs some of them to end two processes


def test_a_worker_does_not_wait_for_the_vendors_leave_once_it_is_asked_to_stop(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    with running_sandbox(customers=1, responses=0) as sandbox:
        town = Town(sandbox)
        town.answers(town.person("ann"), 9)
        sandbox.fault("hubspot", "status", status=429, retry_after=PAUSE, path="batch/update", times=None)
        npsync = Npsync(tmp_path, sandbox.env)
        given = config(store=postgres.new_database())
        del given["sync"]["contacts"]
        npsync.configured(given)
        npsync("db", "upgrade")
        processes = [npsync.started("worker", "--json"), npsync.started("serve", "--json")]
        try:
            while sandbox.traffic("hubspot")["too_many"] == 0:
                time.sleep(0.1)
                assert [process.poll() for process in processes] == [None, None]
            asked = time.monotonic()
            ended = [stop(process, timeout=PAUSE / 2) for process in processes]
            assert time.monotonic() - asked < SOON
        finally:
            for process in processes:
                process.kill()
                process.wait()
    assert [one.code for one in ended] == [0, 0]
    assert "the run was asked to stop" in "".join(one.err for one in ended)
