"""One message for an answer and a place, at once; many of one run become one that counts them.

Nobody can ask afterwards whether a message arrived: one whose fate is not known is told, and never repeated by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from connectors.contract import Alert, GivesTasks
from connectors.wire import FateUnknown
from nps.changes import Cause, Deferred, Made, Rejected, Unknown
from nps.errors import NpsyncError, RejectedError
from nps.score import segment_of
from nps.standing import Standing
from store.api import Store
from store.api.outbox import Kind, Outgoing
from sync.outbox.briefing import Briefing, before_text, score_text
from sync.outbox.care import Notice
from sync.outbox.counting import Counts, counts
from sync.outbox.facts import Facts, Person, Reading, gather
from sync.outbox.making import Decision, Make, Nothing, Said, refused
from sync.outbox.owners import Owners

_TOGETHER = 5_000  # all of a run: only then it shows whether there are too many


@dataclass(frozen=True)
class _Told:
    notice: Notice
    alert: Alert
    segment: str


class Alerts:
    kind = Kind.ALERT
    together = _TOGETHER

    def __init__(self, reading: Reading, store: Store, floor: datetime, *, preview: bool) -> None:
        self.reading, self.store, self.floor, self.preview = reading, store, floor, preview
        self.notices = reading.care.notices
        destination = reading.job.destination
        self.owners = Owners(destination) if isinstance(destination, GivesTasks) else None

    def decide(self, rows: Sequence[Outgoing]) -> Iterator[Decision]:
        facts = gather(self.reading, self.store, rows)
        self._learn_owners(facts)
        for row in rows:
            try:
                yield self._decided(row, facts)
            except RejectedError as error:
                yield refused(row, error)

    def _decided(self, row: Outgoing, facts: Facts) -> Decision:
        found = counts(row, facts, self.floor, preview=self.preview)
        if not isinstance(found, Counts):
            return found
        response, person, standing = found
        for rule in self.notices.get(row.slot, ()):
            if rule.notice is not None and rule.condition.counts(standing):
                previous = facts.previous_answered_at(person, response)
                alert = self._alert(row, rule.notice, person, standing, previous)
                told = _Told(rule.notice, alert, segment_of(standing.score, standing.metric) or "")
                return Make(row, told, person.record.id, example=f"{row.slot}: {alert.title}")
        return Nothing(row)

    def _alert(
        self,
        row: Outgoing,
        notice: Notice,
        person: Person,
        standing: Standing,
        previous_answered_at: datetime | None,
    ) -> Alert:
        care = self.reading.care
        why = care.why(person.record.id)
        known = Briefing(care.zone, "", why, previous_answered_at)
        facts = [("Score", score_text(standing))]
        if before := before_text(standing, known):
            facts.append(("Before", before))
        facts.append(("Answered", known.day(standing.response.answered_at)))
        return Alert(
            key=row.key,
            title=notice.text(standing, {}),
            facts=tuple(facts),
            comment=(standing.response.comment or "") if notice.share_comments else "",
            links=tuple(self._links(person, why)),
            to=notice.to,
            owner_email=self._owner_email(person),
        )

    def _links(self, person: Person, why: str) -> Iterator[tuple[str, str]]:
        job = self.reading.job
        if self.owners is not None and (page := self.owners.giver.page(job.object, person.record.id)):
            yield "Record", page
        if why.startswith(("https://", "http://")):
            yield "Why", why

    def _learn_owners(self, facts: Facts) -> None:
        if self.owners is not None and self.reading.care.owner is not None and not self.preview:
            self.owners.learn(str(self._owner(one)) for one in facts.persons.values() if self._owner(one))

    def _owner(self, person: Person) -> object:
        return person.record.fields.get(self.reading.care.owner or "")

    def _owner_email(self, person: Person) -> str | None:
        if self.owners is None or not (owner := self._owner(person)):
            return None
        found = self.owners.known.get(str(owner))
        return found.email if found is not None and found.active else None

    # ------------------------------------------------------------ telling

    def make(self, makes: Sequence[Make], said: dict[int, Said]) -> None:
        groups: dict[str, list[Make]] = {}
        for one in makes:
            groups.setdefault(one.row.slot, []).append(one)
        failed: NpsyncError | None = None
        for some in groups.values():
            try:
                self._tell_all(some, said)
            except NpsyncError as error:  # the other places are told all the same
                failed = failed or error
                for one in some:
                    said.setdefault(one.row.id, Deferred(one.row.key, str(error), tried=False))
        if failed is not None:
            raise failed

    def _tell_all(self, makes: Sequence[Make], said: dict[int, Said]) -> None:
        told = cast(_Told, makes[0].what)
        if len(makes) > told.notice.at_most:
            self._tell(told.notice, self._counted(makes), makes, said)
            return
        for one in makes:
            self._tell(one.what.notice, one.what.alert, [one], said)

    def _tell(self, notice: Notice, alert: Alert, about: Sequence[Make], said: dict[int, Said]) -> None:
        try:
            outcome: Said = Made(alert.key, self.reading.care.alerter(notice.connection).alert(alert))
        except FateUnknown as error:
            outcome = Unknown(alert.key, str(error))
        except RejectedError as error:
            outcome = Rejected(alert.key, error.code, str(error), error.field, Cause.RECORD)
        for one in about:
            said[one.row.id] = outcome

    def _counted(self, makes: Sequence[Make]) -> Alert:
        """One message in place of many. It names nobody."""
        told = [cast(_Told, one.what) for one in makes]
        segments = Counter(one.segment or "answer" for one in told)
        only = next(iter(segments)) if len(segments) == 1 else "answer"
        return Alert(
            key=f"{self.reading.job.name}/{makes[0].row.id}-{makes[-1].row.id}",
            title=f"{len(makes)} new {only}s: {self.reading.job.survey}",
            facts=tuple((f"{name.capitalize()}s", str(count)) for name, count in segments.most_common()),
            text=f"They came in one run of {self.reading.job.name}.",
            to=told[0].notice.to,
        )

    def look_up(self, rows: Sequence[Outgoing]) -> Mapping[int, str] | None:
        return None

    def calls(self, makes: int) -> int:
        return makes
