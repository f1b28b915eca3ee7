"""A town of one's own: an empty sandbox for a module, people put into it by each test, and the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_process import Npsync, config
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Town


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def town(sandbox: RunningSandbox) -> Town:
    return Town(sandbox)


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(config())
    return npsync
