"""One sandbox for all promises; every test brings records of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_table import Place
from sandbox_process import RunningSandbox, running_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=400, responses=2_600, ugly="10%") as running:
        yield running


@pytest.fixture
def place(sandbox: RunningSandbox, tmp_path: Path) -> Place:
    return Place(sandbox, tmp_path)
