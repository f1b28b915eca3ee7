"""Dead letters: which ones are meant, trying them again, discarding them, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nps.changes import Cause
from nps.errors import ConfigError
from nps.retrying import next_try
from npsync.deciding.deciders import Decider, Decision, about
from npsync.deciding.writing import Again
from store.api import DeadLetterRow, Settled, State, Store
from sync.causes import Advice, advice
from sync.job import rolled_up_sync

MOST = 100_000


@dataclass(frozen=True)
class Chosen:
    """Which letters somebody means: these, or all open ones of a sync, a cause, a code."""

    ids: tuple[int, ...] = ()
    sync: str | None = None
    cause: Cause | None = None
    code: str | None = None


def choose(store: Store, chosen: Chosen) -> list[DeadLetterRow]:
    """The open letters that are meant, as of now: a letter that comes later is none of them. A letter that was tried
    again and refused again stands for the one it is now. Raises ConfigError for one that is not open any more."""
    if not chosen.ids:
        found = store.dead_letters(
            sync=chosen.sync, cause=chosen.cause, code=chosen.code, status="open", limit=MOST
        )
        return sorted(found, key=lambda letter: letter.id)
    known = {letter.id: letter for letter in store.dead_letters(ids=chosen.ids, limit=MOST)}
    later = store.later_letters(chosen.ids)
    found = [_still_open(id, known.get(id), later.get(id)) for id in chosen.ids]
    return list({letter.id: letter for letter in found}.values())


def _still_open(id: int, letter: DeadLetterRow | None, later: DeadLetterRow | None) -> DeadLetterRow:
    if letter is None:
        raise ConfigError(f"there is no dead letter {id}; npsync dead-letters list shows them")
    if letter.status == "open":
        return letter
    if later is not None:
        return later
    raise ConfigError(f"dead letter {id} is {letter.status} already; npsync dead-letters show {id}")


def by_itself(letter: DeadLetterRow) -> datetime | None:
    """When an open letter is tried again without anybody's help."""
    if letter.status != "open" or letter.cause is not Cause.TRANSIENT:
        return None
    return next_try(letter.attempts, letter.created_at)


def advice_for(letter: DeadLetterRow) -> Advice:
    return advice(letter.cause, letter.code, by_itself=by_itself(letter) is not None)


@dataclass(frozen=True)
class Group:
    """Open letters that one act settles."""

    cause: Cause
    code: str
    count: int
    advice: Advice
    reason: str  # the most frequent one


def grouped(letters: Iterable[DeadLetterRow]) -> list[Group]:
    """Letters by cause and code, the largest group first."""
    found: dict[tuple[Cause, str], list[DeadLetterRow]] = {}
    for letter in letters:
        found.setdefault((letter.cause, letter.code), []).append(letter)
    groups = [
        Group(
            cause=cause,
            code=code,
            count=len(its),
            advice=advice_for(max(its, key=lambda letter: by_itself(letter) is None)),
            reason=Counter(letter.reason for letter in its).most_common(1)[0][0],
        )
        for (cause, code), its in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, group.code))


@dataclass(frozen=True)
class Retried:
    """Letters that are tried again; `again` is what a run has to plan anew for it."""

    letters: tuple[DeadLetterRow, ...]
    again: Again


class SyncGone(ConfigError):
    """Letters of a sync that is not in the YAML any more."""


def retry(decider: Decider, letters: Sequence[DeadLetterRow]) -> Retried:
    """From the original answers with today's mapping. Raises SyncGone, and then none is tried."""
    gone = [one for one in letters if (rolled_up_sync(one.sync) or one.sync) not in decider.config.sync]
    if gone:
        raise SyncGone(
            f'the sync "{gone[0].sync}" of letter {gone[0].id} is not in the YAML any more; '
            "discard its letters, or name the others"
        )
    again = decider.store.retry_letters([letter.id for letter in letters])
    _note(decider, Decision.RETRY, [letter.id for letter in letters])
    return Retried(tuple(letters), again)


@dataclass(frozen=True)
class Discarded:
    """Letters whose answers are left out for good, and those that are being tried at this moment."""

    done: tuple[int, ...]
    left: tuple[int, ...]


def discard(decider: Decider, letters: Sequence[DeadLetterRow], reason: str) -> Discarded:
    """An answer that is edited is judged anew. Raises ConfigError without a reason."""
    if not reason.strip():
        raise ConfigError("say why they are discarded: it is kept with the answers")
    numbers = [letter.id for letter in letters]
    done = decider.store.discard_letters(numbers, decider.signed(Decision.DISCARD, reason))
    _note(decider, Decision.DISCARD, done)
    return Discarded(tuple(done), tuple(one for one in numbers if one not in done))


def _note(decider: Decider, decision: Decision, letters: Sequence[int]) -> None:
    if letters:
        decider.note(decision, about("dead letter", letters, "dead letters"), {"letters": len(letters)})


@dataclass(frozen=True)
class Became:
    """What became of one letter that was tried again. `open`: a person still has to look at it."""

    letter: DeadLetterRow
    word: str  # written | unchanged | superseded | waiting | review | excluded | cleared | rejected | pending
    text: str
    open: bool
    now: int | None = None  # the letter it is now, when it was refused again


def became(store: Store, letters: Sequence[DeadLetterRow]) -> list[Became]:
    """Of letters that were tried again, after the runs that tried them."""
    ids = [letter.id for letter in letters]
    now = {letter.id: letter for letter in store.dead_letters(ids=ids, limit=len(ids))}
    later = store.later_letters(ids)
    return [_became(store, now[id], later.get(id)) for id in ids]


def _became(store: Store, letter: DeadLetterRow, again: DeadLetterRow | None) -> Became:
    if again is not None:
        text = f"refused again: {again.reason}"
        return Became(letter, "rejected", text, open=True, now=again.id)
    if letter.status == "open":
        return Became(letter, "pending", "not tried yet; the next run does it", open=True)
    if letter.response is None and rolled_up_sync(letter.sync):
        return Became(letter, "written", f"{letter.record_id} shows its figures", open=False)
    if letter.response is None:
        return Became(
            letter, "cleared", f"nothing of ours is left to clear in {letter.record_id}", open=False
        )
    states = store.states(letter.sync, _versions(store, letter))
    return _settled(letter, states[max(states)]) if states else Became(letter, letter.status, "", open=False)


def _versions(store: Store, letter: DeadLetterRow) -> list[int]:
    """The answer's versions: the letter's own, and the newest."""
    number = letter.response or 0
    response = store.responses([number])[number]
    return [number, *(one.number for one in store.answers_named(response.id, response.source))]


def _settled(letter: DeadLetterRow, state: Settled) -> Became:
    record = state.record_id or ""
    match state.state:
        case State.WRITTEN:
            text = f"written to {record}"
        case State.UNCHANGED:
            text = f"{record} shows it already"
        case State.SUPERSEDED if state.code == "newer_answer":
            text = f"a newer answer decides {record}; this one was not written over it"
        case State.WAITING:
            text = "no record has any of its keys yet; it attaches by itself when one does"
        case State.REVIEW:
            text = "its record is for a person to decide: npsync review list"
        case State.PENDING:
            text = "not settled yet; the next run goes on"
        case _:
            text = state.reason or state.code
    return Became(letter, state.state.value, text, open=state.state in (State.PENDING, State.REVIEW))
