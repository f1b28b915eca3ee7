"""After a bad day: run until nothing is pending, and hold every record against plain arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cli_process import Npsync
from sandbox_process import RunningSandbox

from bench import by_hand

BOTH = ("contacts", "marketing")
ENOUGH_RUNS = 8


def until_settled(npsync: Npsync, syncs: Sequence[str] = BOTH) -> list[dict[str, Any]]:
    """Run as a scheduler would, until nothing is pending. Every run ends by itself and balances."""
    runs = []
    for sync in syncs:
        for _ in range(ENOUGH_RUNS):
            runs.append(run := npsync.run(sync, exits=(0, 1, 3)))
            if (
                run["status"] in ("succeeded", "partial")
                and not run["problems"]
                and not run["states"]["pending"]
            ):
                break
        else:
            raise AssertionError(f"{sync} did not settle in {ENOUGH_RUNS} runs: {runs[-1]}")
    return runs


def idle(npsync: Npsync, syncs: Sequence[str] = BOTH) -> bool:
    runs = [npsync.run(sync) for sync in syncs]
    return all((run["pulled"], sum(run["writes"].values())) == (0, 0) for run in runs)


def balanced(run: dict[str, Any]) -> bool:
    """What was pulled is in exactly one state."""
    pulled: int = run["pulled"]
    return sum(run["states"].values()) == pulled


def wrong(sandbox: RunningSandbox, syncs: Sequence[str] = BOTH) -> list[str]:
    """Fields that do not show what plain arithmetic says."""
    answers, people = sandbox.rows("wootric", "responses"), sandbox.rows("wootric", "end_users")
    contacts, leads = sandbox.rows("salesforce", "Contact"), sandbox.rows("hubspot", "contacts")
    found = {
        "contacts": by_hand.differences(contacts, by_hand.on_salesforce(answers, people, contacts)),
        "marketing": by_hand.differences(leads, by_hand.on_hubspot(answers, people, leads)),
    }
    return [line for sync in syncs for line in found[sync]]


def wrong_records(sandbox: RunningSandbox, syncs: Sequence[str] = BOTH) -> set[str]:
    return {line.split(".")[0] for line in wrong(sandbox, syncs)}


def assert_right(sandbox: RunningSandbox) -> None:
    assert wrong(sandbox) == []


def assert_no_effect_twice(sandbox: RunningSandbox) -> None:
    """A call may be repeated, but no field is changed twice: each record had one score to show."""
    for vendor, object in (("salesforce", "Contact"), ("hubspot", "contacts")):
        changed = Counter(
            (write["id"], name)
            for write in sandbox.control("GET", f"/traffic/writes/{vendor}/{object}")
            for name, (old, new) in write["fields"].items()
            if old != new
        )
        assert [one for one, count in changed.items() if count > 1] == []
