"""Answers of a described API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from connectors.contract import Grant, Needs, Tools, Verdict
from connectors.declared.calling import Calling
from connectors.declared.description import ByTime, Description
from connectors.declared.people import People
from connectors.declared.reading import Piece, read
from connectors.declared.rows import Elsewhere, Row, RowReader
from connectors.declared.surveys import Survey, Surveys
from nps.errors import AccessError, BudgetError, ConfigError, Interrupted, NpsyncError
from nps.events import Answered
from nps.responses import Cursor, Page, SurveyResponse
from nps.values import Json

if TYPE_CHECKING:
    from connectors.declared.trial import Trial

_MOST = 1000  # answers handed over together: one transaction of the reader
_TOLD = 10  # surveys that could not be read, by name

Place = Mapping[str, Json]


class DeclaredSource:
    """Reads one listing after the other, each on from its own place in the cursor."""

    def __init__(self, description: Description, tools: Tools, *, signs_in_by: Sequence[str] = ()) -> None:
        """`signs_in_by`: what the YAML calls the credential, where it does not say `auth` itself."""
        self._description = description
        self._tools = tools
        self._calling = tools.shared.take(lambda: Calling(description, tools, signs_in_by=signs_in_by))
        self._surveys = Surveys(description, self._calling, tools)
        self._people = People(description, self._calling, tools)
        self._readers: dict[Any, RowReader] = {}
        self._closed = False

    def read(self, cursor: Cursor | None, *, since: datetime | None) -> Iterator[Page]:
        run = _Run(cursor, since, self._tools.clock.now())
        self._people.begin()
        self._readers = {}
        failed: list[NpsyncError] = []
        for survey in self._surveys.listings():
            try:
                yield from self._listing(survey, run)
            except (AccessError, BudgetError, Interrupted):
                raise
            except NpsyncError as error:
                failed.append(error)  # a survey that cannot be read keeps none of the others back
        self._tell(run.left_out)
        if failed:
            raise failed[0] if len(failed) == 1 else _several(failed)

    @property
    def list_after(self) -> timedelta:
        push = self._description.push
        return timedelta(0) if push is None else push.list_after

    def again(self, told: Sequence[Answered]) -> list[SurveyResponse | None]:
        """Only the list tells."""
        return [None] * len(told)

    def access(self, needs: Needs) -> list[Grant]:
        """Asks for the first page of what came since now."""
        why = "the answers themselves"
        try:
            surveys = self._surveys.listings()
            now = self._tools.clock.now()
            if surveys:
                fetch = self._fetching(surveys[0])
                try:
                    next(iter(read(self._description, fetch, None, since=now, now=now)), None)
                except NpsyncError as error:
                    raise self._told(error) from None
        except AccessError as refusal:
            if "403" not in str(refusal):
                raise
            return [Grant("read answers", why, Verdict.MISSING, "the account refuses it (403)")]
        named = [each.id for each in surveys if each.id is not None]
        detail = f"surveys {', '.join(named[:_TOLD])}{' …' if len(named) > _TOLD else ''}" if named else ""
        return [Grant("read answers", why, Verdict.OK, detail)]

    def trial(self, *, rows: int, survey: str | None = None, since: datetime | None = None) -> Trial:
        """One page, and how it would be read; of `survey`, else of the first. With windows and no `since` it is the
        last one that is looked into."""
        from connectors.declared.trial import tried

        self._people.begin()
        chosen = self._one_of(self._surveys.listings(), survey)
        now = self._tools.clock.now()
        how = self._description.since
        if since is None and isinstance(how, ByTime) and how.window is not None:
            since = now - how.window
        shared = self._reader(chosen.id, chosen.known)
        try:
            return tried(
                self._description,
                self._fetching(chosen),
                lambda some, body: self._people.of(some, body, shared),
                lambda row: self._reader_of(row, chosen, shared),
                chosen,
                most=rows,
                since=since,
                now=now,
            )
        except NpsyncError as error:
            raise self._told(error) from None

    def _one_of(self, surveys: Sequence[Survey], wanted: str | None) -> Survey:
        found = next((each for each in surveys if wanted in (None, each.id)), None)
        if found is None:
            named = ", ".join(str(each.id) for each in surveys if each.id is not None) or "none by an id"
            raise ConfigError(f'{self._tools.connection}: there is no survey "{wanted}"; there are: {named}')
        return found

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._people.close()
            self._tools.shared.give_back()

    def _told(self, error: NpsyncError) -> NpsyncError:
        """What reading itself found wrong (it knows no connection), with the name of this one."""
        known = str(error).startswith(f"{self._tools.connection}: ")
        if known:
            return error
        request = self._description.request
        return type(error)(f"{self._tools.connection}: {request.method} {request.path}: {error}")

    # ------------------------------------------------------------ one listing

    def _listing(self, survey: Survey, run: _Run) -> Iterator[Page]:
        """Pages of one survey's answers, one for each of the tool's."""
        name = survey.id or ""
        held = False  # once somebody is put off to a later run, everything from there on comes again
        ahead = False  # of what was handed over: empty windows need no page each
        pieces = read(
            self._description,
            self._fetching(survey),
            run.places.get(name),
            since=run.since or self._description.earliest,
            now=run.now,
        )
        try:
            for piece in pieces:
                answers, whole = self._answers(piece, survey, run)
                held = held or not whole
                while len(answers) > _MOST:
                    yield run.page(answers[:_MOST])
                    answers = answers[_MOST:]
                if not held:
                    run.places[name] = dict(piece.place)
                ahead = not answers
                if answers:
                    yield run.page(answers)
        except NpsyncError as error:
            failure: NpsyncError | None = self._told(error)
        else:
            failure = None
        if ahead:
            yield run.page(())
        if failure is not None:
            raise failure

    def _answers(self, piece: Piece, survey: Survey, run: _Run) -> tuple[list[SurveyResponse], bool]:
        """The answers of a piece that this read wants, and whether all of their people are known."""
        shared = self._reader(survey.id, survey.known)
        named = self._people.of(piece.rows, piece.body, shared)
        found: list[SurveyResponse] = []
        for row, who in zip(piece.rows, named.people, strict=True):
            answer = self._reader_of(row, survey, shared).answer(row, who)
            if isinstance(answer, Elsewhere):
                run.left_out[answer] += 1
            elif run.since is None or answer.problem or answer.answered_at >= run.since:
                found.append(answer)
        return found, named.whole

    def _reader_of(self, row: Row, survey: Survey, shared: RowReader) -> RowReader:
        """Where answers of all surveys come together, each is read as its survey's definition says."""
        if survey.id is not None or self._description.surveys is None:
            return shared
        theirs = shared.survey_of(row)
        return self._reader(theirs, self._surveys.of_row(theirs))

    def _reader(self, survey: str | None, known: Mapping[str, str]) -> RowReader:
        key = (survey, *sorted(known.items()))
        if key not in self._readers:
            self._readers[key] = RowReader(
                self._description, self._tools.connection, survey=survey, known=known
            )
        return self._readers[key]

    def _fetching(self, survey: Survey) -> Any:
        return lambda asked: self._calling.page(asked, survey.id)

    def _tell(self, left_out: Mapping[Elsewhere, int]) -> None:
        if left_out:
            counts = {each.name.lower(): count for each, count in left_out.items()}
            self._tools.notice("rows_left_out", **counts)
        if self._people.put_off:
            why = {"why": hindered} if (hindered := self._people.hindered) else {}
            self._tools.notice("people_put_off", count=self._people.put_off, until="the next run", **why)


class _Run:
    """One read: where it began, and how far it is."""

    def __init__(self, cursor: Cursor | None, since: datetime | None, now: datetime) -> None:
        state = {} if cursor is None else cursor.state
        told = state.get("since")
        self.now = now
        self.since = since
        if cursor is not None:
            self.since = datetime.fromtimestamp(told, UTC) if isinstance(told, int | float) else None
        # A survey that is gone keeps its place: it may come back.
        self.places: dict[str, Place] = dict(cast(Mapping[str, Place], state.get("places") or {}))
        self.left_out: Counter[Elsewhere] = Counter()

    def page(self, answers: Sequence[SurveyResponse]) -> Page:
        state: dict[str, Json] = {"places": {name: dict(place) for name, place in self.places.items()}}
        if self.since is not None:
            state["since"] = self.since.timestamp()
        return Page(tuple(answers), Cursor(state))


def _several(failed: Sequence[NpsyncError]) -> NpsyncError:
    """One failure that tells all; of the first one's kind, which says what to do."""
    told = "\n".join(str(error) for error in failed[:_TOLD])
    more = f"\nand {len(failed) - _TOLD} surveys more" if len(failed) > _TOLD else ""
    return type(failed[0])(told + more)
