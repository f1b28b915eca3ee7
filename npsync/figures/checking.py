"""Figures are derived: they can be thrown away and counted again, and compared with counting from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from npsync.figures import encoding
from npsync.figures.counting import Counted, Counter, invitations
from npsync.figures.questions import ACCOUNTS, GROUPS, INVITATIONS, Question, key_of, read, year_of
from npsync.reports import make
from npsync.reports.making import named
from npsync.reports.wish import counting, enough_of, name_of_accounts
from store.api.tallying import AccountFigures, Order

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store
    from store.api.figures import Figure

TOGETHER = 500


@dataclass
class Checked:
    """Questions whose answer is what counting from scratch says, is not, or is known to be old."""

    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"right": self.right, "wrong": self.wrong, "old": self.old}


def count_again(config: Config, store: Store, clock: Clock) -> Counted:
    """Throw every figure away, also those that are being counted at this moment, and count the usual ones."""
    store.forget_figures()
    return Counter(config, store, clock, few=-1).turn()


def check(config: Config, store: Store) -> Checked:
    """Compare each figure that says it is right with counting from scratch. Changes nothing."""
    checked = Checked()
    for each in store.figures():
        question = read(each.question)
        if not question.is_of(config) or key_of(config, question) != each.key:
            continue  # of a configuration before this one: serve drops it
        found = store.figure(each.key)
        if found is None or found.answer is None or found.as_of is None or found.stale:
            checked.old.append(_called(question))
        elif _is_right(config, store, question, found, found.answer, found.as_of):
            checked.right.append(_called(question))
        else:
            checked.wrong.append(_called(question))
    return checked


def _is_right(
    config: Config, store: Store, question: Question, found: Figure, answer: bytes, as_of: datetime
) -> bool:
    today = as_of.astimezone(config.time_zone).date()
    if question.kind == INVITATIONS:
        return encoding.invitations(answer) == invitations(config, store, today)
    if question.kind == ACCOUNTS:
        kept, scratch = _kept(config, store, question, found), _counted(config, store, question, as_of)
        return all(one == other for one, other in zip(kept, scratch, strict=True))
    report = make(config, store, question.wish(config, today), now=as_of, limit=GROUPS)
    kept_report = encoding.report(answer)
    if kept_report.grouping is not None:  # what people call the groups, nobody is asked again
        labels = {row.name: row.label for row in kept_report.grouping.rows if row.name}
        report = named(report, lambda ids: {id: labels[id] for id in ids if id in labels})
    return encoding.report(encoding.encoded(report)) == kept_report


def _kept(config: Config, store: Store, question: Question, found: Figure) -> Iterator[AccountFigures | None]:
    syncs, offset = [name for name, sync in config.sync.items() if sync.survey == question.survey], 0
    assert found.edition is not None
    while page := store.account_page(found.edition, Order.WORST, syncs=syncs, limit=TOGETHER, offset=offset):
        yield from page
        offset += TOGETHER
    yield None


def _counted(
    config: Config, store: Store, question: Question, as_of: datetime
) -> Iterator[AccountFigures | None]:
    today = as_of.astimezone(config.time_zone).date()
    what = counting(config, question.survey, *year_of(today, guarded=question.guarded))
    page = store.account_figures(
        what,
        order=Order.WORST,
        enough=enough_of(config, question.survey, guarded=question.guarded),
        limit=2**31,
        label=name_of_accounts(config),
    )
    yield from page.accounts
    yield None


def _called(question: Question) -> str:
    if question.kind == INVITATIONS:
        return "invitations"
    if question.guarded:
        of = "accounts" if question.kind == ACCOUNTS else f"by {question.by}" if question.by else "all"
        return f"{question.survey}, {of}, for who sees nobody"
    if question.kind == ACCOUNTS:
        return f"{question.survey}, accounts"
    time = f" from {question.since} to {question.until}" if question.since is not None else ""
    return f"{question.survey}{f' by {question.by}' if question.by else ''}{time}"
