"""Numbers as JSON carries them to a vendor and back."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

MOST_WHOLE = 2**63  # what JSON readers take as a whole number
_FURTHEST = Decimal("1e308")  # what a float holds; behind it lies infinity, which JSON writes as null


def finite(value: int | float | Decimal | str) -> Decimal | None:
    """None for what is no number, or none that JSON can carry."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and number.copy_abs() < _FURTHEST else None


def json_number(number: Decimal) -> int | float:
    """7, not 7.0; and a number with a fraction, or too large to be whole, as JSON has it."""
    if number.copy_abs() < MOST_WHOLE and number == number.to_integral_value():
        return int(number)
    return float(number)
