"""The web as a process beside serve: it is started again, whatever became of it."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from npsync.web.listening import Web, bind

PATIENCE = 30.0


def test_a_machine_that_has_no_process_left_is_asked_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    refused, started = threading.Event(), threading.Event()

    def spawn(web: Web) -> subprocess.Popen[bytes]:
        if not refused.is_set():
            refused.set()
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        started.set()
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(Web, "_spawn", spawn)
    with bind("127.0.0.1:0") as listening:
        web = Web(listening, tmp_path / "npsync.yaml", b"", json=True)
        web.start()
        try:
            assert refused.wait(PATIENCE)
            web.go_by(b"another file")
            assert started.wait(PATIENCE)
        finally:
            web.stop()
