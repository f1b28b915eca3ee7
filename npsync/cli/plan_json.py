"""A plan as JSON, streamed: it may be long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from nps.changes import Change
    from sync.accounts.engine import Preview as AccountsPreview
    from sync.engine import Preview
    from sync.what_if import WhatIf


def print_plan(plan: Preview, accounts: AccountsPreview | None, told: WhatIf | None) -> None:
    """{"changes": […], "accounts": […], "counts": {…}, "cost": {…}}"""
    import sys

    from npsync.cli import output

    if sys.stdout is None:  # closed by whoever started us
        return
    try:
        _write_plan(plan, accounts, told, sys.stdout.buffer)
    except BrokenPipeError:
        output.nobody_listens()


def _write_plan(plan: Preview, accounts: AccountsPreview | None, told: WhatIf | None, out: BinaryIO) -> None:
    import orjson

    out.write(b'{"changes":[')
    _write_changes(plan.changes(), out)
    if accounts is not None:
        out.write(b'\n],"accounts":[')
        _write_changes(accounts.changes(), out)
    report = plan.report.as_json()
    rest = {
        "counts": report["states"],
        "cost": plan.cost,
        "pulled": report["pulled"],
        "match": report["match"],
        "kept": report["kept"],
        "undone": report["undone"],
        "overwritten": report["overwritten"],
        "followed": {
            kind.value: {**tally.as_json(), "examples": list(tally.examples)}
            for kind, tally in plan.followed.tallies.items()
        },
        "absent_fields": plan.absent,
        "breaker": [{"check": reason.check, "text": reason.text} for reason in plan.stops],
        "problems": report["problems"],
    }
    if told is not None:
        rest["what_if"] = told.as_json()
    out.write(b"\n]," + orjson.dumps(rest)[1:] + b"\n")
    out.flush()


def _write_changes(changes: Iterable[Change], out: BinaryIO) -> None:
    import orjson

    for place, change in enumerate(changes):
        fields = {name: [change.before.get(name), value] for name, value in change.after.items()}
        line = {"object": change.object, "id": change.record_id, "key": change.key, "fields": fields}
        out.write((b",\n" if place else b"\n") + orjson.dumps(line))
