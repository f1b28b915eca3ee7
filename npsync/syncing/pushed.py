"""Answers that were pushed: into the inbox as the source's own list would bring them, and then the syncs that take them
are due at once. What a push misses, polling finds; what both bring is one answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.contract import Clock, ReadsAgain
from nps.errors import AccessError, ConfigError, Interrupted, UnavailableError
from nps.events import Answered
from nps.responses import ResponseStatus, SurveyResponse
from npsync.logs import notice
from npsync.schedule import answers_place
from npsync.syncing.jobs import readers, unread_feed
from sync.inbox import reading, take_in
from triggers.intake import LEASE_SECONDS, MOST_STARTS
from triggers.tidying import KEPT

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Arrived, Store
    from sync.job import Feed

AT_A_TIME = 50
LIST_AFTER = timedelta(minutes=1)  # unless its source says otherwise
_WHILE_READ = timedelta(seconds=5)
_INSTANT = timedelta(milliseconds=1)  # the least that times in the inbox differ by
_SOONEST, _LATEST = timedelta(seconds=15), timedelta(hours=1)


@dataclass
class Settled:
    """What became of pushed answers: in the inbox (new, edited, repeated), or a word for why not → how many."""

    words: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[str] = field(default_factory=list)

    @property
    def did_something(self) -> bool:
        return bool(self.words)

    def as_json(self) -> dict[str, Any]:
        return {"answers": dict(self.words), "problems": list(self.problems)}


Word = tuple[str, str]  # code and reason, as arrivals are settled with

_STORED: Word = ("", "")
_LISTED: Word = ("listed", "the source is read again soon, and tells it")
_UNKNOWN: Word = ("unknown", "an answer was deleted that never came here; it does not count if it comes")
_TOO_OLD: Word = ("too_old", "it was given before the syncs that would take it begin (since)")


@dataclass(frozen=True)
class _NeverCame:
    """A deletion before its answer, which may still be on its way: the tombstone that keeps it from counting."""

    tombstone: SurveyResponse


Found = SurveyResponse | _NeverCame | Word


class PushedAnswers:
    """Settles what was pushed, connection by connection."""

    def __init__(
        self, config: Config, store: Store, clock: Clock, *, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._config, self._store, self._clock, self._stop = config, store, clock, stop

    def settle(self) -> Settled:
        """Everything there is to do at this moment. Whatever is interrupted is done again: an answer that is in the
        inbox already is a repetition."""
        from npsync.opening import opened

        settled = Settled()
        if not self._store.answers_told(1, now=self._clock.now()):
            return settled
        with opened(self._config, self._store, self._clock, stop=self._stop) as connections:
            while not self._stop():
                arrived = self._store.answers_told(AT_A_TIME, now=self._clock.now())
                # What is deleted comes after what was given, which may be in the same load.
                # What its process may have died of comes last and alone, so that it costs no other its turn.
                together: defaultdict[tuple[int, bool, str], list[Arrived]] = defaultdict(list)
                for one in arrived:
                    alone = one.number if one.begun else 0
                    together[alone, _told(one).deleted, one.what.connection].append(one)
                for (_, _, connection), some in sorted(together.items()):
                    self._settle(connection, some, connections, settled)
                if len(arrived) < AT_A_TIME:
                    break
        # A file without triggers has nobody else who puts away what is over; more than came cannot pile up.
        self._store.prune_arrivals(before=self._clock.now() - KEPT, limit=AT_A_TIME * 10)
        return settled

    def _settle(
        self, connection: str, arrived: Sequence[Arrived], connections: Opened, settled: Settled
    ) -> None:
        feed = unread_feed(self._config, connection)
        if feed is None:
            why = ("not_read", f"no sync takes answers of {connection}: no survey names it in at:")
            self._done(dict.fromkeys((one.number for one in arrived), why), settled)
            return
        if arrived[0].begun >= MOST_STARTS:
            notice("answers_deadly", connection=connection, arrival=arrived[0].number)
            self._later(arrived, lambda one: _pause(one.attempts), settled)
            return
        lease = reading(connection, self._store, self._clock, connections.owner)
        if lease is None:  # a run reads it at this moment
            self._later(arrived, lambda one: _WHILE_READ, settled)
            return
        until = self._clock.now() + timedelta(seconds=LEASE_SECONDS)
        self._store.begin_arrivals(arrived, connections.owner, until=until)
        try:
            source = connections.source(connection)
            again = source if isinstance(source, ReadsAgain) else None
            found = self._found(connection, arrived, again)
        except Interrupted:
            self._later(arrived, lambda one: timedelta(0), settled)
            return
        except (AccessError, ConfigError, UnavailableError) as error:
            settled.problems.append(str(error))
            notice("answers_unread", connection=connection, problem=str(error))
            self._later(arrived, lambda one: _pause(one.attempts), settled)
            return
        else:
            self._take(feed, arrived, found, LIST_AFTER if again is None else again.list_after, settled)
        finally:
            self._store.release(lease)

    def _found(
        self, connection: str, arrived: Sequence[Arrived], source: ReadsAgain | None
    ) -> Mapping[int, Found]:
        """Number → the answer as it is now, or why there is none."""
        found: dict[int, Found] = {}
        unread: dict[int, Answered] = {}
        times = Counter(_told(one).id for one in arrived)
        for one in arrived:
            told = _told(one)
            before = None if told.id is None else self._store.answer(connection, told.id)
            alone = before is None and times[told.id] == 1
            if told.deleted:
                found[one.number] = (
                    _ahead(connection, told) if before is None else _withdrawn(before, told.at)
                )
            elif told.response is not None and not told.about and _counts(told.response, alone=alone):
                found[one.number] = told.response
            else:
                unread[one.number] = told
        named = {number: told for number, told in unread.items() if told.id is not None}
        if source is not None and named:
            answers = source.again(list(named.values()))
            found |= {n: answer for n, answer in zip(named, answers, strict=True) if answer is not None}
        return dict.fromkeys(unread, _LISTED) | found

    def _take(
        self,
        feed: Feed,
        arrived: Sequence[Arrived],
        found: Mapping[int, Found],
        list_after: timedelta,
        settled: Settled,
    ) -> None:
        """The inbox first, then what is due, then the arrivals: killed between, all of it is done again."""
        words: dict[int, Word] = {}
        taken: list[SurveyResponse] = []
        tombstones: list[SurveyResponse] = []
        for one in arrived:
            answer = found[one.number]
            if isinstance(answer, _NeverCame):
                tombstones.append(answer.tombstone)
                words[one.number] = _UNKNOWN
            elif not isinstance(answer, SurveyResponse):
                words[one.number] = answer
            elif feed.since is not None and answer.answered_at < feed.since:
                words[one.number] = _TOO_OLD
            else:
                taken.append(answer)
                words[one.number] = self._word(feed.connection, answer.survey)
        if tombstones:  # nothing for a sync to do: no answer of theirs counted
            take_in(feed, tombstones, self._store, self._clock, region=self._config.phone_region)
        if taken:
            got = take_in(feed, taken, self._store, self._clock, region=self._config.phone_region)
            for name, count in (("new", got.new), ("edited", got.edited), ("repeated", got.repeated)):
                settled.words[name] += count
            if got.forgotten:
                settled.words["forgotten"] += got.forgotten
            self._due(feed.connection, self._taking(feed.connection, (answer.survey for answer in taken)))
        if _LISTED in words.values():
            surveys = (_told(one).survey for one in arrived if words[one.number] == _LISTED)
            self._listed(self._taking(feed.connection, surveys), list_after)
        self._done(words, settled)

    def _word(self, connection: str, survey: str | None) -> Word:
        if self._taking(connection, [survey]):
            return _STORED
        return (
            "other_survey",
            f'no survey has "{survey}" in its at: for {connection}; it is kept for when one has',
        )

    def _taking(self, connection: str, surveys: Iterable[str | None]) -> list[str]:
        """The syncs that take answers of these surveys; of one that is not told, all that might."""
        told = set(surveys)
        found = []
        for name in readers(self._config, connection):
            ids = self._config.sources_of(self._config.sync[name].survey)[connection]
            if not ids or None in told or told & set(ids):
                found.append(name)
        return found

    def _due(self, connection: str, syncs: Sequence[str]) -> None:
        """They take up what lies in the inbox, and keep the rhythm in which they read their sources. A source that was
        never read is read first: what it brings then is its history."""
        if self._store.cursor(connection) is None:
            return
        for name in syncs:
            self._store.schedule(answers_place(name), self._clock.now())

    def _listed(self, syncs: Sequence[str], after: timedelta) -> None:
        """They read their sources sooner than they would, but not again and again."""
        known = self._store.due(list(syncs))
        for name in syncs:
            latest = self._store.runs(sync=name, limit=1)
            now = self._clock.now()
            soon = max(now, latest[0].started_at + after) if latest else now
            if name in known and known[name].due_at > soon and not self._config.sync[name].paused:
                self._store.hasten(name, soon)

    def _done(self, words: Mapping[int, Word], settled: Settled) -> None:
        self._store.settle_arrivals(words, now=self._clock.now())
        for code, _ in words.values():
            if code:
                settled.words[code] += 1

    def _later(
        self, arrived: Sequence[Arrived], pause: Callable[[Arrived], timedelta], settled: Settled
    ) -> None:
        now = self._clock.now()
        again = {one.number: now + pause(one) for one in arrived}
        self._store.settle_arrivals({}, now=now, again=again)
        settled.words["put_off"] += len(arrived)


def _told(one: Arrived) -> Answered:
    assert isinstance(one.what, Answered)
    return one.what


def _counts(told: SurveyResponse, *, alone: bool) -> bool:
    """Whether a pushed answer may be taken at its word: one that does not say when it was changed may be older than
    what is here, or comes with it, for pushes come in any order."""
    return told.problem is None and (alone or told.updated_at is not None)


def _withdrawn(before: SurveyResponse, at: datetime) -> SurveyResponse:
    """A tombstone, dated so that no later copy of what was there replaces it."""
    if before.updated_at is None:
        changed = at
    elif before.status is ResponseStatus.WITHDRAWN:
        return before
    else:
        changed = max(at, before.updated_at + _INSTANT)
    return msgspec.structs.replace(before, status=ResponseStatus.WITHDRAWN, updated_at=changed)


def _ahead(connection: str, told: Answered) -> _NeverCame | Word:
    """A tombstone of which nothing is known but whose it is and when it was deleted."""
    if told.id is None:
        return _UNKNOWN
    return _NeverCame(
        SurveyResponse(
            source=connection,
            id=told.id,
            survey=told.survey,
            answered_at=told.at,
            updated_at=told.at,
            status=ResponseStatus.WITHDRAWN,
        )
    )


def _pause(attempts: int) -> timedelta:
    doubled: timedelta = _SOONEST * 2 ** min(attempts, 12)
    return min(doubled, _LATEST)
