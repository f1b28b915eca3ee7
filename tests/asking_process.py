"""Real processes that ask: each decides and sends over one store, and can be told where to die.

The parent writes a line of JSON, this one forks a child for it and answers with its exit code (-9: killed). The people
are always the same; what was sent stands in a file that outlives everybody, one line per message that left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PEOPLE = 4
WAIT = timedelta(hours=1)
PRODUCT, HOOKS = "product", "hooks"


class Asker:
    """A process that forks others. To one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def begin(self, **asked: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked, default=str) + "\n")
        self._process.stdin.flush()

    def ended(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process ended; its error is above"
        return int(line)

    def run(self, **asked: Any) -> int:
        self.begin(**asked)
        return self.ended()

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(timeout=20)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def sent(path: Path) -> list[tuple[str, str, str]]:
    """(invitation, step, record) of every message that left."""
    return [(one.split()[0], one.split()[1], one.split()[2]) for one in lines(path)]


# ------------------------------------------------------------ in the child


def work(asked: Mapping[str, Any]) -> None:
    """Turns until there is nothing left to do, in so many threads with an owner each."""
    from fake_clock import NOON

    threads = [
        threading.Thread(target=_turns, args=(asked, NOON + timedelta(hours=asked["hours"])))
        for _ in range(asked.get("threads", 1))
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _turns(asked: Mapping[str, Any], now: Any) -> None:
    from builders_triggers import Desktop

    from store.owners import this_process

    desk = Desktop(asked["url"], start=now)
    prepared(desk, asked)
    for _ in range(asked.get("turns", 3)):
        desk.turn(poll=False, owner=this_process())
    desk.close()


def prepared(desk: Any, asked: Mapping[str, Any]) -> None:
    """The people, the triggers of three tools, and ways to ask that write down what they send."""
    from builders_triggers import CRM

    for number in range(PEOPLE):
        desk.crm.add(f"p{number}@example.com", phone=f"+1202555014{number}", code=f"000{number}")
    desk.rule("after-support", wait=WAIT)
    desk.rule("after-use", connection=PRODUCT, event="track", wait=WAIT, ways=(desk.way("texter"),))
    desk.rule("after-hook", connection=HOOKS, event="done", wait=WAIT)
    to = Path(asked["sent"])
    for name in ("mailer", "texter"):
        desk.senders[name] = WrittenSender(to)
        known = desk.sends[name]
        desk.sends[name] = type(known)(known.channel, needs=known.needs, can_find=asked["can_find"])
    desk.rule("after-support", wait=WAIT)
    desk.rule("after-hook", connection=HOOKS, event="done", wait=WAIT)
    desk.rule("after-use", connection=PRODUCT, event="track", wait=WAIT, ways=(desk.way("texter"),))
    desk.event_source = lambda name: desk.events if name == CRM else None


class WrittenSender:
    """Hands a message over by writing a line; may die right before and right after."""

    def __init__(self, to: Path) -> None:
        self._to = to

    def send(self, message: Any) -> Any:
        from nps.sending import Accepted

        _reached("before the message leaves")
        with os.fdopen(os.open(self._to, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
            file.write(f"{message.invitation} {message.step} {message.to.record_id}\n")
        _reached("the message has left")
        return Accepted(f"m-{message.invitation}-{message.step}")

    def find(self, message: Any) -> Any:
        from nps.sending import Accepted, FailedRetryable

        if any(one[:2] == (message.invitation, str(message.step)) for one in sent(self._to)):
            return Accepted(f"m-{message.invitation}-{message.step}")
        return FailedRetryable("not_sent", "the vendor never saw it")

    def close(self) -> None:
        pass


def _reached(name: str) -> None:
    from bench.crash.boundaries import BOUNDARIES

    BOUNDARIES.reached(name)


def _become(asked: Mapping[str, Any]) -> None:
    from bench.crash.boundaries import BOUNDARIES
    from triggers import sending

    code = 1
    try:
        BOUNDARIES.begin(asked["log"], (asked.get("die_at", ["", -1])[0], asked.get("die_at", ["", -1])[1]))
        sending.AT_A_TIME = asked.get("at_a_time", sending.AT_A_TIME)
        work(asked)
        code = 0
    except BaseException:  # noqa: BLE001 - as the interpreter does with what nobody caught
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    import builders_triggers  # noqa: F401 - imported once, for all children

    from bench.crash.boundaries import install

    install()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
