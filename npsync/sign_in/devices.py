"""Browsers in which a user signed in before: a cookie that vouches for nobody, and only keeps its owner apart from
strangers who guess at the same name.

Nothing of it is stored. It is signed with the hash of the user's password, so it ends with the password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from npsync.sign_in.users import in_force
from store.api import Store

LASTS = timedelta(days=180)
_COOKIE = re.compile(r"([A-Za-z0-9_-]{22})\.(\d{10,12})\.([0-9a-f]{64})")


def issued(store: Store, name: str, device: str | None, *, now: datetime) -> str | None:
    """What this user's browser keeps, the same `device` as before where it was one; None: the user has gone."""
    if (found := in_force(store, name)) is None:
        return None
    device = device or secrets.token_urlsafe(16)
    until = int((now + LASTS).timestamp())
    return f"{device}.{until}.{_mark(found[0].number, found[1], device, until)}"


def known(store: Store, name: str, cookie: str, *, now: datetime) -> str | None:
    """The device, if this user signed in there with the password of now."""
    told = _COOKIE.fullmatch(cookie)
    if told is None or int(told[2]) <= now.timestamp() or (found := in_force(store, name)) is None:
        return None
    mark = _mark(found[0].number, found[1], told[1], int(told[2]))
    return told[1] if hmac.compare_digest(mark, told[3]) else None


def _mark(user: int, password: str, device: str, until: int) -> str:
    return hmac.new(password.encode(), f"device:{user}:{device}:{until}".encode(), hashlib.sha256).hexdigest()
