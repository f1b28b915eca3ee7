"""A SIGTERM that comes while npsync serve is still opening its store ends it as one that comes later."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders_config import ENV, yaml

from npsync import opening
from npsync import serve as clock
from npsync.cli import operating


@pytest.fixture
def handlers() -> Iterator[None]:
    """As they were afterwards; a signal that nobody heeds fails the test and not all of them."""

    def unheeded(number: int, frame: object) -> None:
        raise AssertionError("nobody heeds the signal yet")

    before = {name: signal.signal(name, unheeded) for name in (signal.SIGTERM, signal.SIGINT)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_store_is_opened_ends_it_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handlers: None, name: signal.Signals
):
    file = tmp_path / "npsync.yaml"
    file.write_text(yaml(top=f"store: sqlite:///{tmp_path}/npsync.db\n"))
    for variable, value in ENV.items():
        monkeypatch.setenv(variable, value)
    opened = opening.open_store

    def slowly(*given: Any) -> Any:
        os.kill(os.getpid(), name)
        return opened(*given)

    monkeypatch.setattr(opening, "open_store", slowly)
    told: list[str] = []
    monkeypatch.setattr(clock, "notice", lambda event, **facts: told.append(event))
    operating.serve(config=file, listen=None, web=False, json=True)
    assert told == ["stopped"]
