"""Ready-made figures, their notes of change, and lists of accounts in editions.

Everything that is kept proves the lease `FIGURES`. An erasure takes it away (`forget_figures`), so that whatever was
counted before it can not be kept after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from nps.figures import Tally
from store.api import Lease
from store.api.figures import AskedSince, Figure, Ranked
from store.api.tallying import AccountFigures, By, Counting, Order
from store.breaking_off import never
from store.database import Database, Transaction
from store.funnels import asked_since
from store.leases import wait_for_holders
from store.rows import maybe_milliseconds, maybe_moment, milliseconds, moment
from store.standing import RANKED, Standing

FIGURES = "figures"
TOGETHER = 2_000  # accounts in one transaction: writers wait for none that is longer

_FIGURE = "key, question, as_of, stale, asked_at, edition"
_SELECT = f"SELECT {_FIGURE}, EXISTS (SELECT 1 FROM stirred WHERE stirred.part = figure.part)"

_WANT = """
    INSERT INTO figure (key, part, question, stale, asked_at) VALUES (?, ?, ?, TRUE, ?)
    ON CONFLICT (key) DO NOTHING"""

_KEEP = """
    UPDATE figure SET answer = :answer, as_of = :as_of, stale = FALSE, edition = :edition WHERE key = :key"""

# No more of either than the last one's number.
_MOST_ASKED = "SELECT max(id) FROM step UNION ALL SELECT max(id) FROM verdict"

_NAMELESS = """
    SELECT edition, max(worst) FROM account_figure
    WHERE edition NOT IN (SELECT edition FROM figure WHERE edition IS NOT NULL) GROUP BY edition"""

# {order}: the column of its places
_PAGE = """
    SELECT account, label, promoters, passives, detractors, answered_at FROM account_figure
    WHERE edition = :edition AND {order} > :offset AND {order} <= :end ORDER BY {order}"""

_PLACE = "SELECT {order} FROM account_figure WHERE edition = :edition AND account = :account"

_KNOWN = """
    SELECT account, count(*) FROM member WHERE sync IN LIST(:syncs) AND account IN LIST(:accounts) GROUP BY account"""


class Figures:
    database: Database

    def most_answers(self) -> int:
        with self.database.read() as tx:
            found = tx.one("SELECT max(id) FROM response")
        return 0 if found is None or found[0] is None else int(found[0])

    @contextmanager
    def standing(
        self, what: Counting, groups: Sequence[By], *, stop: Callable[[], bool] = never
    ) -> Iterator[Standing]:
        with self.database.still(stop) as tx:
            yield Standing.made(tx, what, groups)

    def figure(self, key: str) -> Figure | None:
        with self.database.read() as tx:
            found = tx.one(f"{_SELECT}, answer FROM figure WHERE key = :key", key=key)
        return None if found is None else _figure(found[:-1], found[-1])

    def figures(self) -> list[Figure]:
        with self.database.read() as tx:
            return [_figure(row) for row in tx.rows(f"{_SELECT} FROM figure ORDER BY key")]

    def most_asked(self) -> int:
        with self.database.read() as tx:
            return max(number or 0 for (number,) in tx.rows(_MOST_ASKED))

    def asked_since(
        self, moments: Sequence[datetime], *, stop: Callable[[], bool] = never
    ) -> list[AskedSince]:
        with self.database.still(stop) as tx:
            return [asked_since(tx, each) for each in moments]

    def want_figures(
        self, part: str, questions: Mapping[str, str], *, asked_at: datetime | None = None
    ) -> None:
        at = maybe_milliseconds(asked_at)
        with self.database.write() as tx:
            tx.many(_WANT, [(key, part, question, at) for key, question in sorted(questions.items())])

    def drop_figures(self, keys: Sequence[str], *, lease: Lease) -> None:
        with self.database.write() as tx:
            tx.prove(lease)
            tx.run("DELETE FROM figure WHERE key IN LIST(:keys)", keys=list(keys))

    def take_stirred(self, part: str, *, lease: Lease) -> bool:
        with self.database.write() as tx:
            tx.prove(lease)
            stirred = tx.run("DELETE FROM stirred WHERE part = :part", part=part) > 0
            if stirred:
                tx.run("UPDATE figure SET stale = TRUE WHERE part = :part", part=part)
        return stirred

    def keep_figure(
        self, key: str, answer: bytes, *, as_of: datetime, lease: Lease, edition: int | None = None
    ) -> bool:
        at = milliseconds(as_of)
        with self.database.write() as tx:
            tx.prove(lease)
            return tx.run(_KEEP, key=key, answer=answer, as_of=at, edition=edition) > 0

    def forget_figures(self) -> None:
        with self.database.write() as tx:
            forget_figures(tx)

    def new_edition(self, *, lease: Lease) -> int:
        with self.database.read() as tx:
            nameless = tx.rows(_NAMELESS)
            # An edition of no account has no rows; its number is taken all the same.
            last = tx.one("""SELECT max(edition) FROM (
                SELECT edition FROM account_figure UNION ALL SELECT edition FROM figure) taken""")
        for edition, places in nameless:
            for most in range(TOGETHER, places + TOGETHER, TOGETHER):
                with self.database.write() as tx:
                    tx.prove(lease)
                    tx.run(
                        "DELETE FROM account_figure WHERE edition = :edition AND worst <= :most",
                        edition=edition,
                        most=most,
                    )
        return 1 if last is None or last[0] is None else int(last[0]) + 1

    def add_accounts(self, edition: int, accounts: Sequence[Ranked], *, lease: Lease) -> None:
        with self.database.write() as tx:
            tx.prove(lease)
            tx.load("account_figure", f"edition, {RANKED}", [(edition, *row) for row in accounts])

    def account_place(self, edition: int, order: Order, account: str) -> int | None:
        with self.database.read() as tx:
            found = tx.one(_PLACE.format(order=order.value), edition=edition, account=account)
        return None if found is None else int(found[0])

    def account_page(
        self, edition: int, order: Order, *, syncs: Sequence[str], limit: int, offset: int
    ) -> list[AccountFigures]:
        its: dict[str, Any] = {"edition": edition, "offset": offset, "end": offset + limit}
        with self.database.read() as tx:
            found = tx.rows(_PAGE.format(order=order.value), **its)
            ids = [row[0] for row in found]
            known = dict(tx.rows(_KNOWN, syncs=list(syncs), accounts=ids)) if ids else {}
        return [
            AccountFigures(
                id=row[0],
                label=row[1] or row[0],
                tally=Tally(*row[2:5]),
                known=known.get(row[0], 0),
                latest=moment(row[5]),
            )
            for row in found
        ]


def forget_figures(tx: Transaction) -> None:
    """Nothing that was counted so far is kept: not what is there, and not what is being counted at this moment. The
    lease first, as whoever keeps something locks it first: what they have just kept is deleted, too."""
    wait_for_holders(tx, FIGURES)
    tx.run("UPDATE lease SET token = token + 1, owner = '', until = 0 WHERE name = :name", name=FIGURES)
    tx.run("DELETE FROM figure")
    tx.run("DELETE FROM account_figure")


def _figure(row: tuple[Any, ...], answer: bytes | None = None) -> Figure:
    key, question, as_of, stale, asked_at, edition, stirred = row
    return Figure(
        key=key,
        question=question,
        answer=None if answer is None else bytes(answer),
        as_of=maybe_moment(as_of),
        stale=bool(stale or stirred),
        asked_at=maybe_moment(asked_at),
        edition=edition,
    )
