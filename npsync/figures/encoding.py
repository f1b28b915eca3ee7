"""Reports as they are kept: every value of them comes back equal."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec

from npsync.reports import Report
from store.api.figures import AskedSince


class Accounts(msgspec.Struct, frozen=True):
    """Of a list of accounts what its rows do not say. `beside`: the smallest that has enough, where those that have not
    are so few together that they are what is missing between the others and the whole."""

    all_of_them: int
    with_enough: int
    beside: str | None = None


class Invitations(msgspec.Struct, frozen=True):
    """What became of asking, by how many days ago it begins."""

    since: Mapping[int, AskedSince]


def encoded(value: Report | Accounts | Invitations) -> bytes:
    return msgspec.msgpack.encode(value, enc_hook=_plain)


def report(answer: bytes) -> Report:
    return _REPORT.decode(answer)


def accounts(answer: bytes) -> Accounts:
    return _ACCOUNTS.decode(answer)


def invitations(answer: bytes) -> Invitations:
    return _INVITATIONS.decode(answer)


def _plain(value: Any) -> str:
    if isinstance(value, Fraction):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no part of a report")


def _read(kind: type, plain: Any) -> Any:
    if kind is Fraction:
        return Fraction(plain)
    raise TypeError(f"{kind.__name__} is no part of a report")


_REPORT = msgspec.msgpack.Decoder(Report, dec_hook=_read)
_ACCOUNTS = msgspec.msgpack.Decoder(Accounts)
_INVITATIONS = msgspec.msgpack.Decoder(Invitations)
