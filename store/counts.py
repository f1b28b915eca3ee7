"""What is left of answers that are gone: how many gave which score in a month, of which survey, source and channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from nps.responses import ResponseStatus
from store.database import Transaction
from store.rows import moment

_COUNTED = f"""
    SELECT source, survey, channel, answered_at, score FROM response
    WHERE id IN LIST(:numbers) AND newest AND status = '{ResponseStatus.COMPLETE.value}' AND score IS NOT NULL"""

_ADD = """
    INSERT INTO monthly_count (source, survey, channel, month, score, answers) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (source, survey, channel, month, score)
    DO UPDATE SET answers = monthly_count.answers + excluded.answers"""


def count_months(tx: Transaction, numbers: Sequence[int], zone: ZoneInfo) -> int:
    """Count these versions, before they are deleted; how many were counted. Half-finished, withdrawn and overtaken
    ones never counted anywhere."""
    months = Counter(
        (source, survey or "", channel or "", f"{moment(at).astimezone(zone):%Y-%m}", score)
        for source, survey, channel, at, score in tx.rows(_COUNTED, numbers=list(numbers))
    )
    tx.many(_ADD, [(*month, answers) for month, answers in sorted(months.items())])
    return months.total()
