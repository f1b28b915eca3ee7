"""Forks a process of `npsync` for each command that `cli_process` writes to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(1, str(Path(__file__).parents[1]))

from bench import forked


def become(asked: dict[str, Any]) -> NoReturn:
    forked.become(asked["folder"], asked["env"], asked["arguments"], out=asked["out"], err=asked["err"])


OTHERS = (
    *("connectors.declared.source", "connectors.rest_master.destination", "connectors.sql.destination"),
    *("connectors.intercom.destination", "connectors.mixpanel.destination"),
)

if __name__ == "__main__":
    forked.warm_up(OTHERS)
    forked.serve(become)
