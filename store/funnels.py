"""How far invitations got, and why others were not asked, counted from what is stored."""

from __future__ import annotations

from datetime import datetime

from nps.asking import InvitationState
from store.api.figures import AskedSince, Funnelled, Refused
from store.database import Transaction
from store.rows import milliseconds

_FUNNELLED = """
    SELECT i.trigger, i.survey, i.state, count(*), count(i.sent_at), count(i.answered_at),
        count(CASE WHEN EXISTS (
            SELECT 1 FROM step s WHERE s.invitation = i.id AND s.delivered_at IS NOT NULL) THEN 1 END)
    FROM invitation i WHERE i.created_at >= :since GROUP BY i.trigger, i.survey, i.state
    ORDER BY i.trigger, i.survey, i.state"""

_REFUSED = """
    SELECT trigger, code, count(*) FROM verdict WHERE at >= :since AND invitation IS NULL
    GROUP BY trigger, code ORDER BY trigger, code"""


def asked_since(tx: Transaction, moment: datetime) -> AskedSince:
    since = milliseconds(moment)
    return AskedSince(
        funnel=[
            Funnelled(
                trigger=row[0],
                survey=row[1],
                state=InvitationState(row[2]),
                invitations=row[3],
                sent=row[4],
                answered=row[5],
                delivered=row[6],
            )
            for row in tx.rows(_FUNNELLED, since=since)
        ],
        refused=[Refused(*row) for row in tx.rows(_REFUSED, since=since)],
    )
