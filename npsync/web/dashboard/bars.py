"""Bars that add up: the states of answers, and how much of a whole is used. SVG without a style of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from store.api import RunRow, State

A_DAY = timedelta(days=1)

# One answer, many answers: what became of them, in words that can stand behind a number.
SAID: Mapping[State, tuple[str, str]] = {
    State.WRITTEN: ("written", "written"),
    State.UNCHANGED: ("already right", "already right"),
    State.SUPERSEDED: ("overtaken by a newer answer", "overtaken by newer answers"),
    State.WAITING: ("waits for a contact", "wait for a contact"),
    State.REVIEW: ("needs a decision whose it is", "need a decision whose they are"),
    State.HELD: ("held because it looks suspicious", "held because they look suspicious"),
    State.REJECTED: ("could not be written", "could not be written"),
    State.EXCLUDED: ("left out", "left out"),
    State.PENDING: ("not settled yet", "not settled yet"),
}


def state_said(state: str, number: int) -> str:
    """What became of so many answers: "waits for a contact", "wait for a contact"."""
    one, several = SAID[State(state)]
    return one if number == 1 else several


def states_of(counts: Mapping[str, object]) -> list[tuple[str, int]]:
    """The states that any answer is in, in the order of the bar; of a run's report, which is JSON, too."""
    found = [(state.value, counts.get(state.value)) for state in State]
    return [(state, number) for state, number in found if isinstance(number, int) and number > 0]


def states_bar(counts: Mapping[str, object], height: int = 14) -> Markup:
    """Every answer is in exactly one part of this bar."""
    parts = states_of(counts)
    said = ", ".join(f"{number:,} {state_said(state, number)}" for state, number in parts) or "no answer"
    return _bar([(state, number, state_said(state, number)) for state, number in parts], said, height)


def gauge_bar(used: int, of: int, keep: int = 0, height: int = 10) -> Markup:
    """So much of the whole is used; `keep` at its end is not ours to use."""
    of = max(of, 1)
    share = min(used / of, 1)
    kind = "used full" if used >= of - keep else "used much" if share >= 0.8 else "used"
    parts = [(kind, min(used, of), "used")]
    free = max(0, of - used - keep)
    rest = of - min(used, of) - free
    said = f"{used:,} of {of:,} used" + (f", {keep:,} kept for others" if keep else "")
    return _bar([*parts, ("free", free, "free"), ("keep", rest, "kept for others")], said, height)


def phases_bar(phases: Sequence[tuple[str, float]], height: int = 14) -> Markup:
    """Which part of the time went where."""
    said = ", ".join(f"{name} {took:.1f} s" for name, took in phases)
    drawn = [(f"phase-{place % 4}", round(took * 1000), name) for place, (name, took) in enumerate(phases)]
    return _bar(drawn, said, height)


def days_chart(days: Mapping[date, int]) -> Markup:
    """Calls by day, today at the right. Hidden from screen readers, which read the list beneath."""
    shown = list(days.items())[::-1]
    most = max((many for _, many in shown), default=0) or 1
    room, floor = (WIDTH - LEFT) / max(len(shown), 1), HEIGHT - BOTTOM
    drawn = []
    for place, (day, many) in enumerate(shown):
        x, tall = LEFT + room * place + room * 0.2, (floor - 20) * many / most
        middle = x + room * 0.3
        drawn.append(
            f'<rect class="used" x="{x:.1f}" y="{floor - tall:.1f}" width="{room * 0.6:.1f}" height="{tall:.1f}"/>'
            f'<text class="count" x="{middle:.1f}" y="{floor - tall - 5:.1f}" text-anchor="middle">{many:,}</text>'
            f'<text class="tick" x="{middle:.1f}" y="{HEIGHT - 4}" text-anchor="middle">{day:%a %d}</text>'
        )
    return Markup(
        f'<div class="wide"><svg class="chart days" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" '
        f'focusable="false">{"".join(drawn)}</svg></div>'
    )


WIDTH, HEIGHT, LEFT, BOTTOM = 720, 150, 44, 20


def runs_chart(runs: Sequence[RunRow], root: str, zone: ZoneInfo) -> Markup:
    """Runs as columns, the latest at the right: as tall as they took up answers, each a link. Hidden from screen
    readers, which read the table beneath."""
    shown = [(run, states_of(_states(run))) for run in reversed(runs)]
    most = max((sum(n for _, n in parts) for _, parts in shown), default=0) or 1
    room = (WIDTH - LEFT) / max(len(shown), 12)
    floor, drawn = HEIGHT - BOTTOM, []
    for place, (run, parts) in enumerate(shown):
        x, y = LEFT + room * place + room * 0.15, float(floor)
        said = " · ".join(f"{n:,} {state_said(state, n)}" for state, n in parts) or run.status
        name = f"run {run.id}, {run.started_at.astimezone(zone):%Y-%m-%d %H:%M}: {said}"
        columns = []
        for state, many in parts:
            tall = (floor - 8) * many / most
            y -= tall
            columns.append(
                f'<rect class="{state}" x="{x:.1f}" y="{y:.1f}" width="{room * 0.7:.1f}" height="{tall:.1f}"/>'
            )
        if not parts:
            kind = "rejected" if run.status in ("failed", "stopped") else "superseded"
            columns.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{floor - 3}" width="{room * 0.7:.1f}" height="3"/>'
            )
        drawn.append(
            f'<a href="{escape(root)}/runs/{run.id}" tabindex="-1"><title>{escape(name)}</title>'
            f'<rect class="all" x="{LEFT + room * place:.1f}" y="0" width="{room:.1f}" height="{floor}"/>'
            f"{''.join(columns)}</a>"
        )
    ends = [
        f'<line class="zero" x1="{LEFT}" x2="{WIDTH}" y1="{floor}" y2="{floor}"/>',
        f'<text class="tick" x="{LEFT - 8}" y="14" text-anchor="end">{most:,}</text>',
        f'<text class="tick" x="{LEFT - 8}" y="{floor}" text-anchor="end">0</text>',
    ]
    if shown:
        first, last = shown[0][0], shown[-1][0]
        ends.append(f'<text class="tick" x="{LEFT}" y="{HEIGHT - 4}">run {first.id}</text>')
        at = LEFT + room * len(shown)
        ends.append(f'<text class="tick" x="{at:.1f}" y="{HEIGHT - 4}" text-anchor="end">{last.id}</text>')
    return Markup(
        f'<div class="wide"><svg class="chart runs" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" '
        f'focusable="false">{"".join(ends)}{"".join(drawn)}</svg></div>'
    )


def _states(run: RunRow) -> Mapping[str, object]:
    found = run.report.get("states")
    return found if isinstance(found, dict) else {}


def share_bar(number: int, of: int, kind: str = "", height: int = 12) -> Markup:
    """One part of a whole; the numbers stand beside it."""
    share = 100 * number / of if of else 0.0
    shown = max(share, 0.6) if number else 0
    return Markup(
        f'<svg class="share" width="100%" height="{height}" aria-hidden="true" focusable="false">'
        f'<rect class="share-of {escape(kind)}" x="0" y="0" width="{shown:.2f}%" height="{height}" rx="3"/></svg>'
    )


def _bar(parts: list[tuple[str, int, str]], said: str, height: int) -> Markup:
    whole = sum(number for _, number, _ in parts) or 1
    drawn, x = [], 0.0
    for kind, number, words in parts:
        width = 100 * number / whole
        # What is there is seen, however little of the whole it is.
        shown = max(width, 0.6) if number else 0
        if number and kind != "free":
            drawn.append(
                f'<rect class="{kind}" x="{x:.2f}%" y="0" width="{shown:.2f}%" height="{height}">'
                f"<title>{escape(words) if kind.startswith('phase') else f'{number:,} {escape(words)}'}</title></rect>"
            )
        x += width
    return Markup(
        f'<svg class="segments" width="100%" height="{height}" role="img" aria-label="{escape(said)}">'
        f"{''.join(drawn)}</svg>"
    )
