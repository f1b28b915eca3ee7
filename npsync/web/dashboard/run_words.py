"""One run in words and parts: what pages show of the report it ended with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from nps.values import Json
from npsync.web.dashboard.bars import states_of
from npsync.words import followed_text, sync_text, undo_text, verify_text
from store.api import RunRow
from sync.job import rolled_up_sync

KINDS = ("run", "undo", "redo", "verify")
STATUSES = ("running", "succeeded", "partial", "failed", "stopped")
OUTCOMES = ("written", "rejected", "deferred", "unknown", "open", "planned")

# The word on the pill, and its kind.
_STATUS: Mapping[str, tuple[str, str]] = {
    "running": ("running", "busy"),
    "succeeded": ("succeeded", "good"),
    "partial": ("needs a look", "asks"),
    "failed": ("failed", "failed"),
    "stopped": ("stopped", "failed"),
}
_OUTCOME: Mapping[str, tuple[str, str]] = {
    "written": ("written", "good"),
    "rejected": ("refused", "failed"),
    "deferred": ("for later", "quiet"),
    "unknown": ("not known whether it arrived", "asks"),
    "open": ("on its way", "busy"),
    "planned": ("planned", "quiet"),
}
LEFT_SHOWN = 50


def status_pill(run: RunRow) -> tuple[str, str]:
    """The word for how a run went, and which kind of word it is."""
    if run.kind == "verify" and run.status == "partial":
        return "records differ", "asks"
    return _STATUS[run.status]


def outcome_pill(outcome: str) -> tuple[str, str]:
    return _OUTCOME[outcome]


def kind_said(run: RunRow) -> str:
    """What the run was for."""
    undoes = run.report.get("undoes")
    if run.kind in ("undo", "redo"):
        return f"{run.kind} of run {undoes}" if undoes is not None else run.kind
    if run.kind == "verify":
        return "verification"
    return "account figures" if rolled_up_sync(run.sync) is not None else "run"


def sync_of(run: RunRow) -> str:
    """The sync of the YAML behind a run, also behind one of its account figures."""
    return rolled_up_sync(run.sync) or run.sync


def states(run: RunRow) -> Mapping[str, Json]:
    found = run.report.get("states")
    return found if isinstance(found, dict) else {}


def seconds(run: RunRow) -> float | None:
    if run.ended_at is None:
        return None
    return (run.ended_at - run.started_at).total_seconds()


def said(run: RunRow) -> str:
    """The whole run in one sentence, for a list."""
    if run.kind in ("undo", "redo"):
        fields, left = _number(run.report, "fields_restored"), _number(run.report, "left_alone")
        restored = "written again" if run.kind == "redo" else "restored"
        told = [f"{sync_text.several(fields, 'field')} {restored}"] if fields else [f"nothing {restored}"]
        return " · ".join(told + ([f"{left:,} left alone"] if left else []))
    if run.kind == "verify":
        checked, drifted = _number(run.report, "records_checked"), _number(run.report, "records_drifted")
        return f"{sync_text.several(checked, 'record')} checked · {drifted:,} differ"
    if rolled_up_sync(run.sync) is not None:
        return f"{sync_text.several(_number(run.report, 'accounts'), 'account')} worked out · {written(run):,} written"
    return ""


def written(run: RunRow) -> int:
    """Records written."""
    writes = run.report.get("writes")
    return sum(n for n in writes.values() if isinstance(n, int)) if isinstance(writes, dict) else 0


def pairs(run: RunRow, name: str) -> list[tuple[str, int]]:
    """Numbers by name of a report: calls by connection, writes by object, matches by rule. Zeroes are left out."""
    found = run.report.get(name)
    if not isinstance(found, dict):
        return []
    return [(str(key), number) for key, number in found.items() if isinstance(number, int) and number]


def match(run: RunRow, name: str) -> list[tuple[str, int]]:
    found = run.report.get("match")
    inner = found.get(name) if isinstance(found, dict) else None
    if not isinstance(inner, dict):
        return []
    return [(str(key), number) for key, number in inner.items() if isinstance(number, int) and number]


def phases(run: RunRow) -> list[tuple[str, float]]:
    """How long each phase took, as far as the run told."""
    found = run.report.get("phases")
    if not isinstance(found, dict):
        return []
    return [(str(name), float(took)) for name, took in found.items() if isinstance(took, int | float)]


def stopped_by(run: RunRow) -> list[str]:
    """What the breaker had against it."""
    found = run.report.get("stopped_by")
    return [str(one["text"]) for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def problems(run: RunRow) -> list[str]:
    """What went wrong, but for what the breaker says on its own."""
    found = run.report.get("problems")
    reasons = set(stopped_by(run))
    return [str(one) for one in found if str(one) not in reasons] if isinstance(found, list) else []


def beside(run: RunRow) -> list[str]:
    """What else became of it, line by line: fields left as people set them, tasks, conflicts, differences."""
    report = run.report
    lines = [*sync_text.field_lines(report, done=True), *followed_text.lines(report.get("followed"))]
    lines += undo_text.history_lines(report, LEFT_SHOWN)
    lines += verify_text.history_lines(report, LEFT_SHOWN)
    return [line.strip() for line in lines]


@dataclass(frozen=True)
class Part:
    """One piece of a run's sentence, which leads to exactly what it counts."""

    number: int
    state: str
    at: str


def parts(run: RunRow) -> Iterator[Part]:
    for state, number in states_of(states(run)):
        yield Part(number, state, state_address(run.id, state))


def state_address(run: int, state: str) -> str:
    """Where the answers of a run in this state are listed."""
    return f"/runs/{run}/answers?{urlencode({'state': state})}"


def record_address(connection: str, record: str, object_: str = "") -> str:
    """The page of a record's story. Without its object it is found out there."""
    return "/customers/" + "/".join(quote(each, safe="") for each in (connection, object_, record) if each)


def _number(report: Mapping[str, Json], name: str) -> int:
    value = report.get(name)
    return value if isinstance(value, int) else 0
