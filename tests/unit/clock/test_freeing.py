"""A process that lasts does not keep what its threads needed for a moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

ALLOCATES = """
import threading
from npsync.clockwork.freeing import share_one_heap
from heaps import side_heaps
{first}
ready = threading.Barrier(5)
def work():
    kept = [bytearray(5000) for _ in range(20)]
    ready.wait()
    ready.wait()
for _ in range(4):
    threading.Thread(target=work).start()
ready.wait()
print(side_heaps("self"))
ready.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heaps, as Linux tells of them")
@pytest.mark.parametrize(("first", "many"), [("share_one_heap()", False), ("", True)])
def test_the_threads_of_a_process_that_lasts_share_one_heap(first: str, many: bool):
    code = ALLOCATES.format(first=first)
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (int(ended.stdout) > 0) is many
