"""Masked, somebody is recognised by those who know them, and by nobody else."""

from __future__ import annotations

import pytest

from nps.masking import masked, without


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("email", "olga@petrov.example", "o***@p***.example"),
        ("email", "o'brien+nps@mail.acme.co.uk", "o***@m***.uk"),
        ("email", "root@localhost", "r***@l***"),
        ("email", "not an address", "n***"),
        ("phone", "+12025550143", "+12***43"),
        ("phone", "12345", "***"),
        ("name", "Olga Petrov", "O*** P***"),
        ("name", "Zoë (2) O'Brien", "Z*** O***"),
        ("external_id", "C-000714", "C-***14"),
        ("external_id", "77", "7***"),
        ("properties.plan", "", "***"),
    ],
)
def test_what_stands_on_a_screen_gives_nobody_away(kind: str, value: str, shown: str):
    assert masked(kind, value) == shown


def test_what_a_vendor_quotes_of_a_customer_is_left_out_of_its_message():
    said = 'data value too large: "Ann was late, Ann was rude" (Score must be 0-10)'
    assert without(said, ["Ann was late, Ann was rude", "Ann", "10", 10, None, ""]) == (
        'data value too large: "***" (Score must be 0-10)'
    )
