"""One toy Salesforce for these tests, a caller of its API, and somebody who receives what it sends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from post_box import PostBox, post_box
from salesforce_caller import Caller
from sandbox_process import RunningSandbox, running_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("--vendor", "salesforce", customers=400, responses=0) as running:
        yield running


@pytest.fixture
def crm(sandbox: RunningSandbox) -> Iterator[Caller]:
    yield Caller(sandbox)
    sandbox.control("DELETE", "/faults")
    sandbox.control("DELETE", "/deliveries")


@pytest.fixture
def box() -> Iterator[PostBox]:
    with post_box() as opened:
        yield opened
