"""Marks in texts that people read and edit, and texts that are cut."""

from __future__ import annotations

from html import escape

from hypothesis import given
from hypothesis import strategies as st

from connectors.marking import cut, mark, marker, marks, units


@given(st.text(), st.text(), st.text())
def test_a_mark_is_found_in_any_text_and_in_its_markup(key: str, before: str, after: str) -> None:
    key = key.encode("utf-8", "replace").decode()
    text = f"{before}{marker(key)}{after}"
    assert mark(key) in marks(text)
    assert mark(key) in marks(escape(text).replace("\n", "<br>"))


def test_a_mark_tells_nothing_of_its_key_and_keys_apart_that_differ_in_capitals() -> None:
    assert "ann@acme.example" not in marker("nps/ann@acme.example")
    assert mark("nps/aB") != mark("nps/Ab")
    assert marks(None) == marks("no mark [npsync:short]") == frozenset()


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_cut_text_fits_and_is_the_beginning(text: str, room: int) -> None:
    shown = cut(text, room, units)
    assert units(shown) <= room
    assert shown == text or text.startswith(shown.removesuffix("…"))


def test_what_fits_is_not_touched() -> None:
    assert cut("Ann ", 4) == "Ann "
    assert cut("Ann Lee", 5) == "Ann…"
    assert cut("😀😀", 4, units) == "😀😀"
    assert cut("😀😀", 3, units) == "😀…"
