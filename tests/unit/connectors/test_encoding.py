"""What every vendor refuses in the same words."""

from __future__ import annotations

import pytest

from connectors.encoding import no_option
from nps.schema import FieldSchema, FieldType

FIELD = FieldSchema("plan", "Plan", FieldType.CHOICE, writable=True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "it has none at all"),
        (("free", "pro"), 'it has "free", "pro"'),
        (tuple(str(number) for number in range(23)), '"18", "19" and 3 more'),
    ],
)
def test_an_option_that_is_none_is_told_with_those_there_are(options: tuple[str, ...], told: str) -> None:
    error = no_option(FIELD, "x" * 100, options)
    assert str(error).startswith(f'plan has no option "{"x" * 80}"; it has ')
    assert str(error).endswith(told)
    assert (error.code, error.field) == ("not_an_option", "plan")
