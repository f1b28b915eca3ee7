"""What followed the answers, as people read it: tasks, kept answers, places on lists, messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

from nps.values import Json
from store.api.outbox import Kind, Outgoing, Stage, Waiting
from sync.outbox.followed import Followed

KINDS: Mapping[str, tuple[str, str]] = {
    Kind.TASK: ("task", "tasks"),
    Kind.HISTORY: ("answer kept", "answers kept"),
    Kind.LIST: ("place on a list", "places on lists"),
    Kind.ALERT: ("message", "messages"),
}
_WORDS = {
    "created": "new",
    "updated": "updated",
    "removed": "given up",
    "unchanged": "right already",
    "void": "not wanted any more",
    "rejected": "refused",
    "unknown": "not known whether they arrived",
    "left": "still to do",
    "closed": "closed by people",
    "gone": "deleted by people",
}


def lines(followed: Json) -> Iterator[str]:
    """One line for each kind of thing that a run made, or tried to."""
    for kind, counts in _told(followed):
        said = ", ".join(f"{counts[name]:,} {word}" for name, word in _WORDS.items() if counts.get(name))
        if said:
            yield f"  {KINDS[kind][1]}: {said}"


def plan_lines(followed: Followed) -> Iterator[str]:
    """What a run would make, and some of it in words."""
    if followed.begins:
        yield "  follow-up begins with the first run: answers given before it are not followed up"
        yield "    (follow_up_since: DAY says from when on)"
    for kind, tally in followed.tallies.items():
        counts = tally.counts
        parts = [
            f"{counts[name]:,} {word}"
            for name, word in (("created", "new"), ("updated", "to update"), ("rejected", "refused"))
            if counts[name]
        ]
        if not parts:
            continue
        yield f"  {KINDS[kind][1]}: {', '.join(parts)}"
        for example in tally.examples:
            yield f"    + {_cut(example)}"
        for code, count in tally.refused.most_common(3):
            yield _cut(f"    ! {count:,}: {code}" + (f": {_SETTLES[code]}" if code in _SETTLES else ""))
    for problem in followed.problems:
        yield f"  ! {_cut(problem)}"


def hints(followed: Json) -> Iterator[str]:
    if needs_a_person(followed):
        yield "  what was refused or is not known: npsync follow-ups list"


def needs_a_person(followed: Json) -> list[str]:
    """What somebody has to look at: refused, or sent and never answered for."""
    told = []
    for kind, counts in _told(followed):
        count = counts.get("rejected", 0) + counts.get("unknown", 0)
        if count:
            told.append(f"{count} {KINDS[kind][count != 1]}")
    return told


def _told(followed: Json) -> Iterator[tuple[str, dict[str, int]]]:
    if not isinstance(followed, dict):
        return
    for kind in KINDS:
        counts = followed.get(kind)
        if isinstance(counts, dict):
            yield kind, {name: count for name, count in counts.items() if isinstance(count, int)}


def _cut(text: str) -> str:
    """On one line of a hundred columns, with room for what stands before it."""
    line = text[: len(text) - len(text.lstrip())] + " ".join(text.split())
    return line if len(line) <= 92 else line[:91] + "…"


# ------------------------------------------------------------ one by one

_STAGES: Mapping[Stage, str] = {
    Stage.WANTED: "to be made by the next run",
    Stage.OPEN: "being made",
    Stage.DONE: "done",
    Stage.REJECTED: "refused",
    Stage.UNKNOWN: "not known whether it arrived",
    Stage.VOID: "not wanted any more",
    Stage.REMOVED: "not there any more",
}


def facts(one: Outgoing) -> dict[str, object]:
    """One thing that followed an answer, for machines."""
    return {
        "id": one.id,
        "sync": one.sync,
        "kind": one.kind.value,
        "slot": one.slot,
        "subject": one.subject,
        "connection": one.connection,
        "object": one.object,
        "record": one.record_id,
        "stage": one.stage.value,
        "code": one.code,
        "reason": one.reason,
        "vendor_id": one.vendor_id,
        "run": one.run,
        "wanted_at": one.wanted_at.isoformat(timespec="seconds"),
        "settled_at": one.settled_at.isoformat(timespec="seconds") if one.settled_at else None,
        "closed_at": one.closed_at.isoformat(timespec="seconds") if one.closed_at else None,
        "attempts": one.attempts,
    }


def what(one: Outgoing) -> str:
    """task, kept answer, place on NPS promoters, message to slack #support."""
    match one.kind:
        case Kind.TASK:
            return "task"
        case Kind.HISTORY:
            return f"kept answer ({one.object})"
        case Kind.LIST:
            return f"place on {one.slot}"
        case Kind.ALERT:
            return f"message to {one.slot}"


def how_it_is(one: Outgoing) -> str:
    stage = _STAGES[one.stage]
    why = one.reason or ("" if one.stage is Stage.WANTED else one.code)
    if one.stage is Stage.DONE:
        return f"{stage}: {one.vendor_id}" if one.vendor_id else stage
    return f"{stage}: {why}" if why else stage


def rows(shown: Iterable[Outgoing], zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    """(id, since, sync, what, for whom, how it is)."""
    for one in shown:
        since = (one.settled_at or one.wanted_at).astimezone(zone)
        whom = one.subject if one.kind is Kind.LIST else f"{one.record_id or '–'} · {one.subject}"
        yield str(one.id), f"{since:%Y-%m-%d %H:%M}", one.sync, what(one), whom, how_it_is(one)


_SETTLES = {
    "no_owner": "give the record an active owner in the CRM, or name somebody under `otherwise`; then retry",
    "unknown": "look whether it arrived: npsync follow-ups retry ID sends it again, discard leaves it be",
}


_OTHERWISE = "mend what the reason names, then retry"


def settles(one: Outgoing) -> str:
    """What a person can do about one that is refused, or may not have arrived."""
    return _SETTLES.get(_code(one), _OTHERWISE)


def _code(one: Outgoing) -> str:
    return "unknown" if one.stage is Stage.UNKNOWN else one.code


def next_steps(shown: Iterable[Outgoing]) -> Iterator[str]:
    """What settles them, for each code once."""
    open_ = [one for one in shown if one.stage in (Stage.REJECTED, Stage.UNKNOWN)]
    codes = Counter(map(_code, open_))
    for code, count in codes.most_common():
        yield f"{count:,} of {len(open_):,}: {code}: {_SETTLES.get(code, _OTHERWISE)}"
    if open_:
        yield f"try again: npsync follow-ups retry {open_[0].id} · leave be: discard ID --reason WHY"


def waiting_lines(waiting: Waiting) -> Iterator[str]:
    """What no person has to look at, and is not there yet."""
    if waiting.count:
        wait = "waits" if waiting.count == 1 else "wait"
        yield f"{waiting.count:,} {wait} for the next run: npsync follow-ups list --stage wanted"
    if waiting.reason:
        yield f"  the last reason: {waiting.reason}"


def became_lines(became: Iterable[Outgoing], left: Iterable[int]) -> Iterator[str]:
    for one in became:
        yield f"{one.id}  {what(one)} for {one.record_id or one.subject}: {how_it_is(one)}"
    for id in left:
        yield f"{id}  is not open (any more), so nothing was done"
