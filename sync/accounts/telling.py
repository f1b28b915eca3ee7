"""Why an account shows its figures: the people behind them, and what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from itertools import islice

from msgspec.structs import replace

from connectors.contract import Destination
from mapping.fields import names_read
from mapping.names import root_of
from mapping.spec import AccountMapping
from nps.durations import in_words
from nps.errors import NpsyncError, RejectedError
from nps.newest import Answer
from nps.score import Segment
from nps.standing import AccountStanding
from nps.values import Json
from store.api import Store
from sync.accounts.answers import Given, Reader
from sync.accounts.figures import Moments, Sum, standing
from sync.accounts.spec import AccountSpec
from sync.explaining import Known, Seen, View, explain
from sync.merges import remembered
from sync.story import AccountStory, Because, PersonStory, RecordStory

READ = 1_000  # people at a time
MOST_PEOPLE = 500  # told of one account, the latest first; all of them count
_LOOKED_UP = frozenset({"coverage", "margin", "account"})  # take the CRM, which is not asked for them here
_FIGURES = (
    "nps",
    "responses",
    "promoters",
    "passives",
    "detractors",
    "margin",
    "previous_nps",
    "lowest_score",
)  # coverage takes a count of all contacts, for which nobody is asked here


@dataclass(frozen=True)
class AccountView:
    """A sync's roll-up as the YAML has it, compiled: `view` is that of its accounts, `people` that of the sync."""

    sync: str
    view: View
    people: View
    spec: AccountSpec


def tell_accounts(
    who: str,
    views: Sequence[AccountView],
    store: Store,
    *,
    now: datetime,
    look: Callable[[str], Destination] | None,
) -> tuple[list[AccountStory], list[str]]:
    """The accounts whose id `who` is, one story for every sync that rolls up onto it, and why a CRM could not be asked.
    Without `look` none is."""
    found: list[AccountStory] = []
    problems: list[str] = []
    for one in views:
        id = one.view.record_id(who.strip())
        if id is None:
            continue
        people = store.people_of(one.sync, id)
        written = any(change.sync == one.view.sync for change in store.journal_of([id]))
        if people or written:
            found.append(_story(one, id, people, store, now, look, problems))
    return found, problems


def _story(
    one: AccountView,
    id: str,
    people: Sequence[str],
    store: Store,
    now: datetime,
    look: Callable[[str], Destination] | None,
    problems: list[str],
) -> AccountStory:
    spec, moments = one.spec, Moments.of(one.spec, now)
    given = Given(one.sync, one.people.ranks, one.people.metric, one.people.labelled)
    survivors = remembered(store, one.people.connection, one.people.object)
    reader = Reader(given, store, moments, survivors)
    [*sums] = [its for _, its in reader.sums(id, id)] or [Sum()]
    figures = standing(id, sums[0], spec, survey=one.view.survey, contacts=None, account={})
    told = sorted(_latest(reader, people, survivors), key=lambda it: it[1], reverse=True)
    return AccountStory(
        sync=one.sync,
        record=with_due(_record(one, id, store, look, problems), one, figures),
        window=in_words(spec.window),
        compare=in_words(spec.compare),
        min_responses=spec.min_responses,
        figures=_as_json(figures),
        people=tuple(_people(store, told, moments)),
        silent=len({survivors.get(record, record) for record in people}) - len(told),
    )


def _latest(reader: Reader, people: Sequence[str], survivors: dict[str, str]) -> Iterator[tuple[str, Answer]]:
    """Each person's latest answer, if it counts for a figure now or for the one that is compared with."""
    latest: dict[str, Answer] = {}
    for start in range(0, len(people), READ):
        for record_id, answers in reader.of_records(people[start : start + READ]).items():
            survivor = survivors.get(record_id, record_id)
            newest = max(answers)
            latest[survivor] = max(newest, latest.get(survivor, newest))
    yield from latest.items()


def _people(store: Store, told: Sequence[tuple[str, Answer]], moments: Moments) -> Iterator[PersonStory]:
    shown = list(islice(told, MOST_PEOPLE))
    responses = store.responses([answer.number for _, answer in shown])
    for record_id, answer in shown:
        response = responses[answer.number]
        yield PersonStory(
            record_id=record_id,
            key=response.email or response.external_id or response.phone,
            answer=f"{response.source}:{response.id}",
            score=answer.score,
            segment=Segment.of(answer.score).value,
            answered_at=answer.at,
            counts=answer.at >= moments.since,
        )


def _record(
    one: AccountView,
    id: str,
    store: Store,
    look: Callable[[str], Destination] | None,
    problems: list[str],
) -> RecordStory:
    view = one.view
    journal = [change for change in store.journal_of([id]) if change.change.object == view.object]
    seen = Seen(view.target, id)
    if look is not None:
        try:
            destination = look(view.connection)
            there = destination.describe(view.object).fields
            written = (name for change in journal for name in change.change.after)
            names = [
                name for name in dict.fromkeys((*view.fields.shows, *view.header, *written)) if name in there
            ]
            live = next(iter(destination.get(view.object, [id], names, {})), None)
            seen = Seen(view.target, id, looked=True, live=live if live is None or live.id == id else None)
        except NpsyncError as error:
            problems.append(f"{view.connection} could not be looked at: {error}")
    return explain(seen, [view], Known(journal=journal))


def with_due(record: RecordStory, one: AccountView, figures: AccountStanding) -> RecordStory:
    """The figures that were written and are not what the people come to by now: an answer went, aged out or came. Told
    of numbers alone, and of those for which nobody has to be counted."""
    names = [name for name, mapping in one.spec.fields.items() if _needs_no_look(mapping)]
    try:
        now = one.view.fields.snapshot(figures)
    except RejectedError:
        return record
    fields = tuple(
        replace(field, is_due=True, comes_to=_plain(now[field.name]))
        if field.because is Because.ROLLED_UP
        and field.name in names
        and _differs(now[field.name], field.ours)
        else field
        for field in record.fields
    )
    return replace(record, fields=fields)


def _needs_no_look(mapping: AccountMapping) -> bool:
    return _LOOKED_UP.isdisjoint(root_of(name) for name in names_read(mapping))


def _differs(now: object, written: Json) -> bool:
    """With as many decimals as were written."""
    is_number = isinstance(now, int | Decimal) and not isinstance(now, bool)
    if written is None or written == "":
        return is_number
    try:
        ours = Decimal(str(written))
    except InvalidOperation:
        return False
    if now is None:
        return True
    return is_number and Decimal(str(now)).quantize(ours, ROUND_HALF_UP) != ours


def _plain(value: object) -> Json:
    return float(value) if isinstance(value, Decimal) else value if isinstance(value, int) else None


def _as_json(figures: AccountStanding) -> dict[str, Json]:
    told: dict[str, Json] = {}
    for name in _FIGURES:
        value = getattr(figures, name)
        told[name] = value if value is None or isinstance(value, int) else float(value)
    last = figures.last_answered_at
    return told | {"last_answered_at": None if last is None else last.isoformat()}
