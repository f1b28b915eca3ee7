"""What may stand on a screen that others see: enough to recognise somebody one knows, too little to write to them."""

from __future__ import annotations

from collections.abc import Iterable

_HIDDEN = "***"
_SHORTEST = 3  # a score says nothing about anybody, and stands in many a sentence by chance


def without(text: str, values: Iterable[object]) -> str:
    """What a vendor says, without the values of a customer that it may quote."""
    quoted = {value for value in values if isinstance(value, str) and len(value) >= _SHORTEST}
    for value in sorted(quoted, key=len, reverse=True):
        text = text.replace(value, _HIDDEN)
    return text


def masked(kind: str, value: str) -> str:
    """`kind` is what the value is: email, phone, name, or anything else (an id)."""
    match kind:
        case "email":
            return masked_email(value)
        case "phone":
            return value[:3] + _HIDDEN + value[-2:] if len(value) > 7 else _HIDDEN
        case "name":
            return " ".join(_first(word) for word in value.split() if word[0].isalnum())
        case _:
            return value[:2] + _HIDDEN + value[-2:] if len(value) > 6 else _first(value)


def masked_email(address: str) -> str:
    """ "olga@petrov.example" is "o***@p***.example"."""
    local, at, domain = address.rpartition("@")
    if not at:
        return _first(address)
    name, dot, top = domain.rpartition(".")
    return f"{_first(local)}@{_first(name)}{dot}{top}" if dot else f"{_first(local)}@{_first(domain)}"


def _first(text: str) -> str:
    return text[:1] + _HIDDEN
