"""Log lines of several processes on one standard error: each stays a line."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

SCRIPT = "from npsync import logs; logs.set_up(json=True); logs.notice('one', n=1); logs.notice('two', n=2)"


def test_a_line_and_its_end_are_one_write_so_that_no_other_process_comes_between():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps writes apart
    with ours, theirs:
        ours.settimeout(30)
        subprocess.run([sys.executable, "-c", SCRIPT], stderr=theirs, check=True)
        written = [ours.recv(10_000) for _ in range(2)]
    assert [one[-1:] for one in written] == [b"\n", b"\n"]
    assert [json.loads(one)["event"] for one in written] == ["one", "two"]
