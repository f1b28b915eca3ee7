"""What is over is put away in every round: so much at a time, so that no message waits for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from triggers.desk import Desk
from triggers.report import Round

AT_A_TIME = 500
TIDIED_EVERY = timedelta(days=1)
PLACE = "asking/tidying"

KEPT = timedelta(days=30)
"""So long what was pushed is known again when it is pushed once more, and a void reservation by its tool. No vendor
tries a delivery again for longer than some days, and no poll of ours looks back further."""


def expire(desk: Desk, told: Round) -> None:
    """Invitations whose time to answer is over."""
    while expired := desk.store.expire(now=desk.clock.now(), limit=AT_A_TIME):
        told.expired += expired
        if desk.stop():
            return


def tidy(desk: Desk) -> None:
    """Once a day what nobody asks for any more leaves the store; whoever takes the day takes it for every process."""
    store, now = desk.store, desk.clock.now()
    due_at = store.schedule_first(PLACE, now)
    wrong = due_at > now + 2 * TIDIED_EVERY  # by a clock that has been put back since
    if (now < due_at and not wrong) or not store.claim_due(PLACE, due_at, now + TIDIED_EVERY):
        return
    arrivals = _all(desk, lambda: store.prune_arrivals(before=now - KEPT, limit=AT_A_TIME))
    reservations = _all(desk, lambda: store.prune_reservations(before=now - KEPT, limit=AT_A_TIME))
    if arrivals or reservations:
        desk.notice("tidied", arrivals=arrivals, reservations=reservations)


def _all(desk: Desk, prune: Callable[[], int]) -> int:
    gone = 0
    while not desk.stop() and (some := prune()):
        gone += some
    return gone
