"""Phone numbers as they are compared, and the spellings a CRM may have stored them in."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult


def e164(text: str, region: str | None) -> str | None:
    """The number in E.164 (+12025550143). None for what cannot be a number, and with an extension: a switchboard
    is not a person."""
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    # "Possible only locally" (555-0143 without an area code) is a different phone in every town.
    possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    if number.extension or not possible:
        return None
    key = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return key if _in_e164(key) == key else None  # zeros without end lose one at every reading


def _in_e164(key: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(key, None), PhoneNumberFormat.E164)


def spellings(key: str) -> tuple[str, ...]:
    """How a CRM may have stored this E.164 number: E.164 first, then international, national and bare
    digits."""
    number = phonenumbers.parse(key, None)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    written = [key, international, national, key[1:], re.sub(r"[^0-9]", "", national)]
    if number.country_code == 1:
        area, exchange, line = key[2:5], key[5:8], key[8:]
        written += [f"{area}-{exchange}-{line}", f"1-{area}-{exchange}-{line}", f"{area}.{exchange}.{line}"]
    return tuple(dict.fromkeys(written))
