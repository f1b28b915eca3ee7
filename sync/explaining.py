"""Why a record shows what it shows: pure, from what the store and the CRM said to one frozen story.

Every field that was ever written gets exactly one reason, and every answer that could have counted the reason why it
does or does not. Sentences for people are made of it in `npsync.words.why_text`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from connectors.contract import Only
from mapping.fields import CompiledFields
from mapping.match import CompiledMatch, rule_of
from nps.changes import Record
from nps.errors import RejectedError
from nps.newest import Answer, believed
from nps.responses import SurveyResponse
from nps.score import Labelled, parse_score, segment_of
from nps.values import Json, JsonFields
from nps.writes import Write, steps
from store.api import DeadLetterRow, Settled, State
from store.api.outbox import Outgoing
from store.past import Fate, Journalled, Linked, Version
from sync.job import rolled_up_sync
from sync.story import AnswerStory, Because, FieldStory, RecordStory, WriteStory

DECIDING = (State.WRITTEN, State.UNCHANGED)


# ------------------------------------------------------------ what a sync is, for a story


@dataclass(frozen=True)
class Lines:
    """Where the YAML says it: "npsync.yaml:62" by rule, by field, by the code of a state."""

    sync: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """One sync of the YAML, compiled, without its connections."""

    sync: str
    survey: str
    metric: str
    connection: str
    object: str
    only: Only
    match: CompiledMatch
    fields: CompiledFields
    ranks: Mapping[str, int]  # source → its place in the YAML
    labelled: Labelled | None = None
    lines: Lines = Lines()
    header: tuple[str, ...] = ()  # record fields that tell people who it is: name, e-mail
    record_id: Callable[[str], str | None] = lambda text: text
    """What a person pasted, as an id of this CRM's records; None when it cannot be one."""

    @property
    def target(self) -> Target:
        return Target(self.connection, self.object)


class Target(msgspec.Struct, frozen=True, order=True):
    connection: str
    object: str

    @property
    def scopes(self) -> tuple[str, str]:
        """As a person's decisions name it: those about a key, and those about one answer (`sync.job.Job`)."""
        return f"{self.connection}.{self.object}", f"answer/{self.connection}.{self.object}"


# ------------------------------------------------------------ what it is made of


@dataclass(frozen=True)
class Known:
    """What the store knows about everybody concerned."""

    versions: Mapping[int, Version] = field(default_factory=dict)
    fates: Sequence[Fate] = ()
    journal: Sequence[Journalled] = ()
    letters: Sequence[DeadLetterRow] = ()
    links: Sequence[Linked] = ()
    followed: Sequence[Outgoing] = ()
    events: Mapping[int, Mapping[str, Json]] = field(default_factory=dict)
    """`event.*` of the versions that answer an invitation of ours."""


@dataclass(frozen=True)
class Seen:
    """One record to tell about. `live` is None when it was not looked at, or is gone (`looked`)."""

    target: Target
    id: str
    looked: bool = False
    live: Record | None = None
    absorbed: tuple[str, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        return frozenset((self.id, *self.absorbed))


def explain(seen: Seen, views: Sequence[View], known: Known) -> RecordStory:
    """The story of one record; `views` are the syncs to tell of."""
    its_views = [view for view in views if view.target == seen.target]
    syncs = {view.sync for view in views}
    journal = [
        one
        for one in known.journal
        if one.change.record_id in seen.ids
        and one.connection == seen.target.connection
        and one.change.object == seen.target.object
    ]
    told = [one for one in journal if one.sync in syncs or one.sync not in {view.sync for view in its_views}]
    live = seen.live
    return RecordStory(
        connection=seen.target.connection,
        object=seen.target.object,
        id=seen.id,
        looked=seen.looked,
        exists=not seen.looked or live is not None,
        who={} if live is None else _header(its_views, live.fields),
        absorbed=seen.absorbed,
        answers=tuple(
            sorted(
                (one for view in its_views for one in _answers(view, seen, known)),
                key=lambda one: (one.answered_at, one.number, one.sync),
            )
        ),
        fields=tuple(reasons(seen, its_views, journal, known.versions)),
        writes=tuple(_write(one, journal, known.versions) for one in told),
        links=tuple(
            link for link in known.links if link.scope in seen.target.scopes and link.record_id in seen.ids
        ),
        followed=tuple(one for one in known.followed if one.sync in syncs and one.record_id in seen.ids),
    )


def _header(views: Sequence[View], live: JsonFields) -> JsonFields:
    names = dict.fromkeys(name for view in views for name in view.header)
    return {name: live[name] for name in names if live.get(name)}


# ------------------------------------------------------------ answers


def _answers(view: View, seen: Seen, known: Known) -> list[AnswerStory]:
    """Every version that has something to do with the record in this sync."""
    fates = {one.settled.number: one for one in known.fates if one.sync == view.sync}
    here = {
        number for number, fate in fates.items() if fate.settled.record_id in seen.ids
    }  # matched to it, now or before
    asking = {number for number, fate in fates.items() if not seen.ids.isdisjoint(fate.settled.candidates)}
    concerned = [known.versions[number] for number in here | asking if number in known.versions]
    names = {_name(one.response) for one in concerned}
    persons = {known.versions[number].person for number in here if number in known.versions}
    elsewhere = {
        number
        for number, fate in fates.items()
        if fate.settled.record_id is not None and fate.settled.record_id not in seen.ids
    }
    chosen = [
        version
        for number, version in known.versions.items()
        if version.response.source in view.ranks or number in fates
        if number not in elsewhere
        if number in here | asking or _name(version.response) in names or version.person in persons
    ]
    return tell_answers(view, chosen, fates, known.letters, known.events)


def tell_answers(
    view: View,
    versions: Sequence[Version],
    fates: Mapping[int, Fate],
    letters: Sequence[DeadLetterRow],
    events: Mapping[int, Mapping[str, Json]],
) -> list[AnswerStory]:
    """The fate of these versions in one sync, each with its reason."""
    deciding = max(
        (one for one in versions if one.number in fates and fates[one.number].settled.state in DECIDING),
        key=lambda one: _order(view, one),
        default=None,
    )
    open_letters = {
        letter.response: letter.id
        for letter in letters
        if letter.sync == view.sync and letter.status == "open"
    }
    return [
        _answer(view, one, fates.get(one.number), deciding, open_letters, events.get(one.number))
        for one in versions
    ]


def _order(view: View, version: Version) -> Answer:
    """As the newest rule compares answers (`nps.newest`)."""
    response = version.response
    at, _ = believed(response.answered_at, version.received_at)
    return Answer(at, view.ranks.get(response.source, -1), response.id, version.number)


def _answer(
    view: View,
    version: Version,
    fate: Fate | None,
    deciding: Version | None,
    letters: Mapping[int | None, int],
    event: Mapping[str, Json] | None,
) -> AnswerStory:
    response = version.response
    settled = fate.settled if fate is not None else _not_taken_up(version)
    score, segment = score_of(view, response)
    keys = {rule_of(key): key.value for key in view.match.keys(response, event)}
    decides = deciding is not None and version.number == deciding.number
    lost = settled.state is State.SUPERSEDED and settled.code != "edited" and deciding is not None
    return AnswerStory(
        sync=view.sync,
        number=version.number,
        source=response.source,
        id=response.id,
        version=version.version,
        channel=response.channel,
        answered_at=response.answered_at,
        received_at=version.received_at,
        score=score,
        segment=segment,
        comment=response.comment,
        key=keys.get(settled.rule) or next(iter(keys.values()), None),
        rule=settled.rule,
        rule_line=view.lines.rules.get(settled.rule),
        record_id=settled.record_id,
        state=settled.state.value,
        code=settled.code,
        reason=settled.reason or _REASONS.get(settled.code, ""),
        line=view.lines.codes.get(settled.code),
        decides=decides,
        lost_to=_name(deciding.response) if lost and deciding is not None else None,
        candidates=settled.candidates,
        look_again=settled.look_again,
        letter=letters.get(version.number),
        run=None if fate is None else fate.run,
    )


# A state that moved later keeps its code and loses its sentence.
_REASONS = {
    "edited": "the answer was edited; its newer version counts",
    "newer_answer": "a newer answer counts",
    "expired": "older than valid_for",
    "filtered": "`where` leaves it out",
    "map_miss": "today's mapping cannot show it",
    "planned": "its change is planned and not written yet",
    "deferred": "not written yet; the next run tries again",
    "unknown": "nobody knows whether its write arrived; the next run looks",
}


def _not_taken_up(version: Version) -> Settled:
    if not version.newest:
        return Settled(number=version.number, state=State.SUPERSEDED, code="edited")
    return Settled(
        number=version.number,
        state=State.PENDING,
        code="not_taken_up",
        reason="stored; the sync's next run takes it up",
    )


def score_of(view: View, response: SurveyResponse) -> tuple[int | float | str | None, str | None]:
    """The score as the sync reads it, or as it came."""
    try:
        score = parse_score(response.score, view.metric, labelled=view.labelled)
    except RejectedError:
        return response.score, None
    return score, segment_of(score, view.metric)


def _name(response: SurveyResponse) -> str:
    return f"{response.source}:{response.id}"


# ------------------------------------------------------------ writes


def _write(one: Journalled, journal: Sequence[Journalled], versions: Mapping[int, Version]) -> WriteStory:
    change = one.change
    undone = next((other for other in journal if other.change.id == change.undoes), None)
    return WriteStory(
        change=change.id,
        record_id=change.record_id,
        run=one.run,
        kind=one.kind,
        sync=one.sync,
        at=one.at,
        outcome=one.outcome,
        code=one.code,
        message=one.message,
        fields={name: (change.before.get(name), value) for name, value in change.after.items()},
        answer=_answer_of(change.response, versions),
        undoes=None if undone is None else undone.run,
        again=undone is not None and _takes_back(undone, journal),
        undone_by=tuple(other.run for other in journal if other.change.undoes == change.id and other.written),
    )


def _takes_back(one: Journalled, journal: Sequence[Journalled]) -> bool:
    """Whether this change took something back; one that took back an undo wrote it again."""
    back = False
    while one.change.undoes is not None:
        back = not back
        undone = next((other for other in journal if other.change.id == one.change.undoes), None)
        if undone is None:
            break
        one = undone
    return back


def _answer_of(response: int | None, versions: Mapping[int, Version]) -> str | None:
    version = None if response is None else versions.get(response)
    return None if version is None else _name(version.response)


# ------------------------------------------------------------ fields


def reasons(
    seen: Seen, views: Sequence[View], journal: Sequence[Journalled], versions: Mapping[int, Version]
) -> Iterable[FieldStory]:
    """Why each field of a record shows what it shows: `journal` is everything npsync ever wanted to write to it (also
    under the ids of records merged into it), in order.

    Every field the YAML maps today comes in its order, then those that were written once and are not mapped now.
    """
    mapped = {name: view for view in views for name in view.fields.shows}
    written = [name for one in journal for name in one.change.after]
    for name in dict.fromkeys((*mapped, *written)):
        yield _field(name, mapped.get(name), seen, journal, versions)


def _field(
    name: str,
    view: View | None,
    seen: Seen,
    journal: Sequence[Journalled],
    versions: Mapping[int, Version],
) -> FieldStory:
    tried = [one for one in journal if name in one.change.after]
    confirmed = [one for one in tried if one.written]
    own = [one for one in confirmed if one.change.record_id == seen.id]
    last = own[-1] if own else None
    live = None if seen.live is None else seen.live.fields
    because, behind = _because(name, seen, live, last, tried, confirmed)
    source = None if behind is None else behind.change.response
    undid, held = None, False
    if because is Because.ANSWER and behind is not None:
        way = steps([_confirmed(one) for one in own], name)
        turn = way.turns[behind.change.id]
        held = bool(way.held)
        if turn.back:
            because = Because.UNDONE
            undid = turn.origin.run
            # What stands again may be ours of an earlier answer, or what somebody had set in between.
            ours_again = way.ours == behind.change.after[name]
            source = next(
                (one.change.response for one in own if one.change.id == way.place and ours_again), None
            )
        elif rolled_up_sync(behind.sync) is not None:
            because = Because.ROLLED_UP
        elif turn.origin.response is None:
            emptied = turn.by.after[name] in (None, False)
            because = Because.CLEARED if emptied else Because.PUT_BACK
            source = next(
                (one.change.response for one in reversed(confirmed) if one.change.response is not None), None
            )
        else:
            source = turn.origin.response
    return FieldStory(
        name=name,
        sync=view.sync if view is not None else behind.sync if behind is not None else None,
        line=None if view is None else view.lines.fields.get(name),
        because=because,
        shows=None if live is None else live.get(name),
        ours=None if behind is None else behind.change.after.get(name),
        run=None if behind is None else behind.run,
        at=None if behind is None else behind.at,
        answer=_answer_of(source, versions),
        undid=undid,
        held=held,
        overwrite=None if view is None else view.fields.overwrites[name].policy,
        attempt=tried[-1].outcome if tried and not confirmed else None,
    )


def _confirmed(one: Journalled) -> Write:
    change = one.change
    return Write(
        id=change.id,
        run=one.run,
        before=change.before,
        after=change.after,
        response=change.response,
        undoes=change.undoes,
    )


def _because(
    name: str,
    seen: Seen,
    live: JsonFields | None,
    last: Journalled | None,
    tried: Sequence[Journalled],
    confirmed: Sequence[Journalled],
) -> tuple[Because, Journalled | None]:
    """Why, and the write behind it. ANSWER stands for everything that is ours; what kind of ours is looked at after."""
    newest = confirmed[-1] if confirmed else None
    if not seen.looked:
        if last is not None:
            return Because.ANSWER, last
        return (Because.MERGED, newest) if newest is not None else (Because.NEVER, None)
    if live is None or name not in live:
        ours = last or newest or next((one for one in reversed(tried) if one.in_doubt), None)
        if ours is None:
            return Because.NEVER, None  # nothing of ours went with it
        return Because.RECORD_GONE if live is None else Because.FIELD_GONE, ours
    shows = live[name]
    if last is not None and last.change.after[name] == shows:
        return Because.ANSWER, last
    since = 0 if last is None else last.change.id
    for one in reversed(tried):
        if one.in_doubt and one.change.id > since and one.change.after[name] == shows:
            return Because.IN_DOUBT, one
    for one in reversed(confirmed):
        if one.change.record_id != seen.id and one.change.after[name] == shows:
            return Because.MERGED, one
    if last is None and newest is None:
        return Because.NEVER, None
    return (Because.EMPTIED if shows is None else Because.CHANGED), last or newest
