"""A company's colours stay readable, whichever it chose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nps.branding import NIGHT, WHITE, Branding, contrast, readable, text_on

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_what_wcag_says_it_is():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#0f766e", "#0f766e") == 1


@given(COLORS)
def test_what_stands_on_a_button_can_be_read_whatever_its_colour(color):
    assert contrast(text_on(color), color) >= 4.5


@given(COLORS, st.sampled_from([WHITE, NIGHT]))
def test_a_shade_of_every_colour_can_be_read_on_light_and_dark(color, ground):
    assert contrast(readable(color, ground), ground) >= 4.5


@given(COLORS)
def test_a_colour_that_can_be_read_is_left_as_it_is(color):
    if contrast(color, WHITE) >= 4.5:
        assert Branding(color=color).on_light == color


def test_a_short_colour_is_written_out():
    assert Branding(color="#0A7").color == "#00aa77"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("color", "teal", "is not a colour"),
        ("color", "#12345", "is not a colour"),
        ("color", "#fff; background: url(x)", "is not a colour"),
        ("logo", "http://acme.com/logo.png", "has to begin with https://"),
        ("logo", "https://acme.com/a.png; script-src *", "has to begin with https://"),
        ("logo", "logo.exe", "has to be a picture"),
        ("privacy_url", "javascript:alert(1)", "has to begin with https://"),
        ("company", "Acme\r\nBcc: x@example.com", "one line"),
        ("embed_in", ["https://*.acme.com"], "is not an origin"),
        ("embed_in", ["https://app.acme.com/path"], "is not an origin"),
        ("embed_in", ["http://app.acme.com"], "is not an origin"),
        ("embed_in", ["https://app.acme.com; script-src *"], "is not an origin"),
    ],
)
def test_what_could_break_a_page_or_a_header_is_refused(key, value, said):
    with pytest.raises(ValidationError, match=said):
        Branding.model_validate({key: value})


def test_an_app_on_the_developers_own_machine_may_embed_without_tls():
    assert Branding(embed_in=("http://localhost:3000",)).embed_in == ("http://localhost:3000",)
