"""The first records of a run, read back before the rest is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from connectors.contract import Way
from nps.changes import Batch, Outcome, Rejected, Written
from nps.errors import NpsyncError
from nps.values import JsonFields
from sync.job import Place

FEWEST_REFUSED = 10  # fewer refusals in a row happen on any good day


class CanaryFailed(NpsyncError):
    """The first records do not show what was written to them, or none of them took it. The rest was not written."""


class Trial:
    """The canary of one run: the batches it takes, and what became of them.

    The first `size` changes go out alone: in the smaller batch `first` through `api`, when a batch of the run's own way
    holds more of them (no bulk job for fifty records), else in as many of its batches as they fill.
    """

    def __init__(self, place: Place, run: int, way: Way, size: int) -> None:
        self._place, self._run = place, run
        self.batches, self.first, self.api = -(-size // way.batch), 0, way.api
        if size < way.batch:
            small = place.destination.ways(place.object, size)[0]
            self.batches, self.first, self.api = 1, min(size, small.batch), small.api
        self._refused: Counter[str] = Counter()
        self._others = 0

    def read_back(self, batch: Batch, outcomes: Sequence[Outcome]) -> CanaryFailed | None:
        """What was confirmed must be what is shown. Asked once per batch."""
        self._note(outcomes)
        written = {outcome.record_id for outcome in outcomes if isinstance(outcome, Written)}
        wanted = {change.record_id: change.after for change in batch.changes if change.record_id in written}
        if not wanted:
            return None
        fields = sorted({name for after in wanted.values() for name in after})
        destination = self._place.destination
        live = {
            id: record.fields
            for record in destination.get(self._place.object, list(wanted), fields, {})
            for id in (record.id, *record.merged)
        }
        if not live.keys() & wanted.keys():
            return self._failed(
                f"none of the first {len(wanted):,} records could be read back after they were written. May the "
                f"credential still read {self._place.object}? npsync connect {self._place.connection} tests it"
            )
        unlike, differing = compared(wanted, live)
        if not unlike:
            return None
        named = ", ".join(f"{name} on {count:,}" for name, count in sorted(differing.items()))
        return self._failed(
            f"{unlike:,} of the first {len(wanted):,} records do not show what was written to them: {named}. "
            f"Something on the {self._place.connection} side (a workflow, a trigger, a rounding) changes the values"
        )

    def all_refused(self) -> CanaryFailed | None:
        """Asked when all of its batches are through: 50 of 50 refused is no good start."""
        refused = self._refused.total()
        if self._others or refused < FEWEST_REFUSED:
            return None
        codes = ", ".join(f"{code} {count:,}" for code, count in self._refused.most_common(3))
        return self._failed(f"all of the first {refused:,} records were refused ({codes})")

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Rejected):
                self._refused[outcome.code] += 1
            else:
                self._others += 1

    def _failed(self, what: str) -> CanaryFailed:
        name = self._place.name
        return CanaryFailed(
            f"{what}, so nothing more was written; the rest is pending. See them: npsync runs {self._run} --changes. "
            f"Once that is put right: npsync run {name}, which begins with a canary again"
        )


def compared(wanted: dict[str, JsonFields], live: dict[str, JsonFields]) -> tuple[int, Counter[str]]:
    """How many records show something else than they should, and how often each field does. A record that is gone
    since shows nothing."""
    differing: Counter[str] = Counter()
    unlike = 0
    for id, after in wanted.items():
        shown = live.get(id)
        names = [] if shown is None else [name for name, value in after.items() if shown.get(name) != value]
        differing.update(names)
        unlike += bool(names)
    return unlike, differing
