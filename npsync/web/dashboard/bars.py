"""Bars that add up: the states of answers, and how much of a whole is used. SVG without a style of its own."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup, escape

from store.api import State

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
                f"<title>{number:,} {escape(words)}</title></rect>"
            )
        x += width
    return Markup(
        f'<svg class="segments" width="100%" height="{height}" role="img" aria-label="{escape(said)}">'
        f"{''.join(drawn)}</svg>"
    )
