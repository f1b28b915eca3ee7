"""A bad day of a toy vendor: what was done is not told, and calls fail before anything was done."""

from __future__ import annotations

from contract_place import Place


def bad_day(place: Place, vendor: str, creating: str) -> None:
    """The first reply to a call whose path holds `creating` is lost for certain, a fifth of all others by chance."""
    place.sandbox.fault(vendor, "lost_reply", path=creating, times=1)
    place.sandbox.fault(vendor, "lost_reply", share=0.2, times=None)
    place.sandbox.fault(vendor, "status", status=500, share=0.2, times=None)
    place.sandbox.fault(vendor, "reset", share=0.2, times=None)
