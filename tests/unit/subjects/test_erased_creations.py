"""What npsync made in a CRM for somebody goes with them, whatever stage its entry is in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from answered import config_in
from memory_aftercare import CaringCrm
from memory_destination import MemoryCrm

from connectors.creating import Entry, Task
from npsync.opening import Opened
from npsync.subjects.crm import carried_out, planned
from store import open_store
from store.api.outbox import Stage


@dataclass
class Connections:
    crm: CaringCrm

    def destination(self, name: str) -> CaringCrm:
        return self.crm


@pytest.fixture
def crm() -> CaringCrm:
    crm = CaringCrm()
    contact = MemoryCrm.add(crm, "jo@example.com")
    list(crm.keep("answers", "our_key", [Entry("mail:a", {"score": 3})]))
    list(crm.give([Task("mail:a", "s", "b", date(2026, 3, 2), "contacts", contact, owner="kim")]))
    crm.lists["promoters"][contact] = None
    return crm


def entry(kind: str, stage: Stage, vendor_id: str | None, slot: str = "") -> dict[str, Any]:
    return {
        "kind": kind,
        "connection": "crm",
        "object": "contacts",
        "record_id": "c1",
        "slot": slot,
        "sync": "contacts",
        "key": "mail:a",
        "state": stage.value,
        "vendor_id": vendor_id,
    }


@pytest.mark.parametrize("stage", list(Stage))
def test_what_is_there_of_ours_is_taken_away_whatever_is_to_happen_to_it_next(
    crm: CaringCrm, stage: Stage, tmp_path: Path, sqlite_url: str
):
    """An update may be wanted, or may have been refused: the thing itself is there all the same."""
    config = config_in(tmp_path)
    held = {
        "outbox": [
            entry("history", stage, "h-mail:a"),
            entry("task", stage, next(iter(crm.tasks))),
            entry("list", stage, "m-c1", slot="promoters"),
            entry("alert", stage, "1"),
        ]
    }
    connections = cast(Opened, Connections(crm))
    plan = planned(config, open_store(config.store), (), held, connections)
    assert carried_out(plan, connections).refused == ()
    assert (crm.kept_entries, crm.tasks, crm.lists["promoters"]) == ({}, {}, {})
