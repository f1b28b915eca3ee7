"""One round of the triggers: what was interrupted, what arrived, what is to be decided, what is due."""

from __future__ import annotations

from triggers.audience import call_audiences
from triggers.closing import Closed, go_on_where_corrected
from triggers.deciding import decide_events
from triggers.desk import Desk
from triggers.followed import followed
from triggers.intake import listen, poll, settle_arrivals
from triggers.ledger import show_on_records
from triggers.reasons import show_reasons
from triggers.report import Round
from triggers.sending import send_due, settle_interrupted
from triggers.tidying import expire, tidy


def turn(desk: Desk, closed: Closed, *, poll_now: tuple[str, ...] = ()) -> Round:
    """Everything there is to do at this moment, once. `poll_now`: the connections whose time to be polled has come."""
    told = Round()
    desk = followed(desk, told)
    go_on_where_corrected(desk, closed)
    settle_interrupted(desk, told)
    for connection in poll_now:
        if desk.stop():
            return told
        if connection in desk.hearing:
            listen(desk, connection, told)
        else:
            poll(desk, connection, told)
    while settle_arrivals(desk, told):
        pass
    decide_events(desk, told)
    if not desk.stop():
        call_audiences(desk, told)
    expire(desk, told)
    while not desk.stop() and send_due(desk, closed, told):
        pass
    show_on_records(desk, told)
    tidy(desk)
    show_reasons(desk, told)
    return told
