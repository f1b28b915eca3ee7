"""The command line as people use it: `npsync …` as a process of its own, in a folder with an npsync.yaml."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "config.example.yaml"
_NPSYNC = [sys.executable, "-c", "from npsync.cli import main; main()"]


@dataclass(frozen=True)
class Ended:
    """What a command printed and how it left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object that --json prints."""
        return json.loads(self.out)

    @property
    def everything(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Npsync:
    """`npsync("run", "nps-to-contacts")` in `folder`, with `env` and nothing else of ours in the environment."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False  # start Python for every command, as a shell does; it takes a second more

    def __call__(self, *arguments: str, exits: int | Sequence[int] = 0, timeout: float = 110) -> Ended:
        ended = self._fresh(arguments, timeout) if self.fresh else self._forked(arguments, timeout)
        allowed = (exits,) if isinstance(exits, int) else tuple(exits)
        assert ended.code in allowed, (
            f"npsync {' '.join(arguments)}: exit {ended.code}, not {exits}\n{ended.out}\n{ended.err}"
        )
        return ended

    def _fresh(self, arguments: Sequence[str], timeout: float) -> Ended:
        process = self.started(*arguments)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Ended(process.returncode, out, err)

    def _forked(self, arguments: Sequence[str], timeout: float) -> Ended:
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            asked = {
                "arguments": list(arguments),
                "folder": str(self.folder),
                "env": {**_surroundings(), **self.env},
                "out": str(out),
                "err": str(err),
            }
            code = _nursery().ask(asked, timeout)
            return Ended(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """The process while it runs."""
        return subprocess.Popen(
            [*_NPSYNC, *arguments],
            cwd=self.folder,
            env={**_surroundings(), **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, sync: str = "contacts", *flags: str, exits: int | Sequence[int] = (0, 3)) -> dict[str, Any]:
        """One run's report."""
        report: dict[str, Any] = self("run", sync, "--json", *flags, exits=exits).json
        return report

    def plan(self, sync: str = "contacts", *flags: str, exits: int | Sequence[int] = 0) -> dict[str, Any]:
        plan: dict[str, Any] = self("plan", sync, "--json", *flags, exits=exits).json
        return plan

    @contextmanager
    def store(self) -> Iterator[sqlite3.Connection]:
        """The SQLite store in one transaction, behind npsync's back."""
        with closing(sqlite3.connect(self.folder / "npsync.db")) as connection, connection:
            yield connection

    def configured(self, config: Mapping[str, Any]) -> None:
        """Write npsync.yaml anew. JSON is YAML."""
        (self.folder / "npsync.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")

    def with_env(self, **env: str) -> Npsync:
        return replace(self, env={**self.env, **env})


class _Nursery:
    """One process of cli_nursery.py for all commands of this test process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "cli_nursery.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, command: Mapping[str, Any], timeout: float) -> int:
        """The exit code of one command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        if not ready:
            self.close()
            _nursery.cache_clear()
            raise TimeoutError(f"npsync {' '.join(command['arguments'])} did not end within {timeout:g} s")
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@cache
def _nursery() -> _Nursery:
    nursery = _Nursery()
    atexit.register(nursery.close)
    return nursery


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM, timeout: float = 30) -> Ended:
    """Send a signal and wait for the end."""
    process.send_signal(number)
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out, err)


def _surroundings() -> dict[str, str]:
    """Our own environment, without what would point npsync or its connections elsewhere."""
    ours = ("NPSYNC_", "SF_", "SALESFORCE_", "HUBSPOT_", "WOOTRIC_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


# ------------------------------------------------------------ configurations


SALESFORCE_FIELDS: dict[str, Any] = {
    "NPS_Score__c": "score",
    "NPS_Segment__c": {
        "from": "segment",
        "map": {"promoter": "Promoter", "passive": "Passive", "detractor": "Detractor"},
    },
    "NPS_Last_Survey__c": {"from": "answered_at", "as": "date"},
    "NPS_Comment__c": {"from": "comment", "truncate": 255},
    "NPS_Trend__c": {
        "expr": 'previous_score == null ? "new" : score > previous_score ? "up" : '
        'score < previous_score ? "down" : "same"'
    },
}
HUBSPOT_FIELDS: dict[str, Any] = {
    "nps_score": "score",
    "nps_segment": "segment",
    "nps_last_survey": {"from": "answered_at", "as": "date"},
    "nps_comment": {"from": "comment", "truncate": 1000, "overwrite": "always"},
}


def to_contacts(**keys: Any) -> dict[str, Any]:
    """The sync onto Salesforce contacts; `keys` change or add to it."""
    sync = {"every": "15 minutes", "survey": "relationship", "to": "crm", "since": "2025-01-01"}
    return {**sync, "fields": SALESFORCE_FIELDS, "breaker": {"changed_share": "100%"}, **keys}


def to_marketing(**keys: Any) -> dict[str, Any]:
    sync = {"every": "15 minutes", "survey": "relationship", "to": "hub", "since": "2025-01-01"}
    return {**sync, "fields": HUBSPOT_FIELDS, "breaker": {"changed_share": "100%"}, **keys}


def config(
    contacts: Mapping[str, Any] | None = None, marketing: Mapping[str, Any] | None = None, **keys: Any
) -> dict[str, Any]:
    """Wootric onto Salesforce (`contacts`) and HubSpot (`marketing`): the example file as data."""
    return {
        "time_zone": "America/New_York",
        "phone_region": "US",
        "store": "sqlite:///npsync.db",
        "connections": {
            "crm": {
                "type": "salesforce",
                "login_host": "acme.my.salesforce.com",
                "base_url": "${SALESFORCE_URL}",
                "auth": {
                    "flow": "client_credentials",
                    "client_id": "${SF_ID}",
                    "client_secret": "${SF_SECRET}",
                },
            },
            "hub": {"type": "hubspot", "token": "${HUBSPOT_TOKEN}", "base_url": "${HUBSPOT_URL}"},
            "email-nps": {
                "type": "wootric",
                "client_id": "${WOOTRIC_ID}",
                "client_secret": "${WOOTRIC_SECRET}",
                "base_url": "${WOOTRIC_URL}",
            },
        },
        "people": {
            "crm": {
                "object": "Contact",
                "only": {"IsPersonAccount": False},
                "match": [
                    {"response": "external_id", "record": "Customer_Id__c"},
                    {"response": "email", "record": "Email"},
                ],
                "name": "Name",
                "email": "Email",
            },
            "hub": {"object": "contacts", "match": [{"response": "email", "record": "email"}]},
        },
        "surveys": {
            "relationship": {
                "metric": "nps",
                "kind": "relationship",
                "at": {"email-nps": "1146"},
                "hold": "off",  # townspeople answer in the same second, all from one domain
            }
        },
        "sync": {
            "contacts": contacts or to_contacts(),
            "marketing": marketing or to_marketing(),
        },
        **keys,
    }
