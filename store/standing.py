"""The answers that count, side by side: made in one pass over all of them, for many questions.

Each answer knows when the next one of its person comes. It is the latest of a period when that is in a later one, so no
question has to look for the latest again. What counts at all is said by `store.questions` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from nps.score import DETRACTORS_UP_TO
from store.api.figures import Ranked
from store.api.tallying import By, Counting, Trait
from store.database import Transaction
from store.errors import StoreError
from store.questions import PROMOTERS_FROM, Question, period_of
from store.rows import milliseconds
from store.tallies import ORDERS, SHARES, Asked, Endings

TOGETHER = 2_000
RANKED = "worst, best, most, latest, name, account, label, promoters, passives, detractors, answered_at"

_PLACED = """
    WITH valid AS (
        SELECT who, score, at, account, {group} AS grp, {period} AS period,
            CASE WHEN next_at IS NULL OR next_at >= :last THEN NULL ELSE {following} END AS following
        FROM standing WHERE at >= :first AND at < :last
    ), placed AS (
        SELECT *, CASE WHEN following = period THEN 2 ELSE 1 END AS place FROM valid
    )"""

# {places}: in each order
_RANKS = """
    , accounts AS (
        SELECT account, {shares}, count(*) AS people, max(grp) AS label, max(at) AS at
        FROM placed WHERE place = 1 AND account IS NOT NULL GROUP BY account
    ), ranked AS (
        SELECT {places}, account, label, p, n, d, at FROM accounts
    )
    SELECT * FROM ranked ORDER BY worst"""


class Standing(Endings):
    """A `store.api.figures.Standing`, as long as its transaction lasts."""

    def __init__(self, tx: Transaction, what: Counting, groups: Sequence[By]) -> None:
        self._tx, self._what, self._groups = tx, what, list(groups)

    @classmethod
    def made(cls, tx: Transaction, what: Counting, groups: Sequence[By]) -> Standing:
        columns = "".join(f", g{n} text" for n in range(len(groups)))
        tx.run(
            "CREATE TEMPORARY TABLE standing "
            f"(who text, score integer, at bigint, next_at bigint, account text{columns})"
        )
        Question(tx, what).stand(groups)
        if tx.postgres:
            tx.run("ANALYZE standing")
        return cls(tx, what, groups)

    def reading(self) -> AbstractContextManager[Transaction]:
        return nullcontext(self._tx)

    def asked(self, tx: Transaction, what: Counting, by: By | None = None) -> Asked:
        return self._part(what, by)

    def _part(self, what: Counting, by: By | None) -> _Part:
        whole, part = self._what.cuts, what.cuts
        if part[0] < whole[0] or part[-1] > whole[-1]:
            raise StoreError(
                "store: these answers were put together for another time than they are asked about"
            )
        return _Part(self._tx, what, self._column(by))

    def ranked(self, what: Counting, *, enough: int, label: str | None) -> Iterator[list[Ranked]]:
        shares = ", ".join(f"count(*) FILTER (WHERE {test}) AS {share}" for share, test in SHARES.items())
        few = "CASE WHEN people >= :enough THEN 0 ELSE 1 END"
        places = ", ".join(
            f"row_number() OVER (ORDER BY {few}, {by}, account) AS {order.value}"
            for order, by in ORDERS.items()
        )
        by = By(Trait.ACCOUNT) if label is None else By(Trait.RECORD, label)
        sql = _RANKS.format(shares=shares, places=places)
        part = self._part(what, by)
        yield from self._tx.pages(part.placed + sql, TOGETHER, **part.its, enough=enough)

    def _column(self, by: By | None) -> str:
        if by is None:
            return "CAST(NULL AS text)"
        if by.trait is Trait.ACCOUNT:
            return "account"
        if by not in self._groups:
            raise StoreError(f"store: these answers were put together without {by.trait.value} {by.name}")
        return f"g{self._groups.index(by)}"


class _Part:
    """A question about a part of the whole time."""

    def __init__(self, tx: Transaction, what: Counting, group: str) -> None:
        self._tx = tx
        cuts = [milliseconds(cut) for cut in what.cuts]
        self.placed = _PLACED.format(
            group=group, period=period_of(cuts), following=period_of(cuts, at="next_at")
        )
        self.its = {
            "first": cuts[0],
            "last": cuts[-1],
            "promoters": PROMOTERS_FROM,
            "detractors": DETRACTORS_UP_TO,
        }

    def rows(self, ending: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._tx.rows(self.placed + ending, **self.its, **parameters)
