"""Scale mode as it is run: `npsync serve` and two `npsync worker` on one PostgreSQL. `make scale` does it in full."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_process import Npsync

from bench.scale.kills import kill
from bench.scale.speed import YAML

KILLS = int(os.environ.get("NPSYNC_SCALE_KILLS", "3"))


@pytest.mark.timeout(300)
def test_whoever_is_killed_nothing_is_lost_and_nothing_doubled():
    told = list(kill(KILLS, customers=12, seed=5))
    assert told[-1] == "0 violations", "\n".join(told)
    assert "exit codes [0, 0, 0]" in told[-2]


def test_a_worker_says_what_it_needs(tmp_path: Path):
    npsync = Npsync(tmp_path)
    text = YAML.format(store="sqlite:///npsync.db", url="http://127.0.0.1:9", limit=190)
    (tmp_path / "npsync.yaml").write_text(text, encoding="utf-8")
    ended = npsync("worker", exits=2)
    assert "workers share their work on PostgreSQL; write store: postgresql://" in ended.err
