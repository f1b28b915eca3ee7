"""A sync's mapping in words: what each field of the record shows, and when it is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapping.spec import FieldMapping
from nps.durations import in_words
from npsync.config import Config
from npsync.syncing.jobs import target_of
from sync.spec import SyncSpec

_NAMES = {
    "score": "the score",
    "segment": "the segment",
    "comment": "the comment",
    "answered_at": "when they answered",
    "received_at": "when the answer arrived",
    "channel": "the channel",
    "source": "which tool it came from",
    "survey": "which survey it was",
    "previous_score": "the score before",
    "email": "their e-mail",
    "phone": "their phone",
}
_AS = {
    "text": "as text",
    "integer": "as a whole number",
    "number": "as a number",
    "date": "as a day",
    "datetime": "as a time",
    "boolean": "as yes or no",
    "multi": "as several choices",
}
_OVERWRITE = {
    "if_ours": "",
    "if_empty": "only where it is empty",
    "if_newer": "only where the answer is newer",
    "always": "whatever stands there",
}
_MOST_WORDS = 6


@dataclass(frozen=True)
class Shown:
    """One field: what it shows, in words or as the formula of the YAML, and the line that says so."""

    field: str
    words: str
    formula: str
    notes: tuple[str, ...]
    line: int


def shown(config: Config, sync: str) -> list[Shown]:
    """Every field of the sync, as the YAML has it."""
    spec = config.sync[sync]
    return [
        Shown(
            field=name,
            words=_words(given),
            formula=given.expr or given.template or "",
            notes=tuple(_notes(given)),
            line=config.place(("sync", sync, "fields", name)).line,
        )
        for name, given in spec.fields.items()
    ]


def schedule(spec: SyncSpec) -> str:
    """When it runs."""
    if spec.every is None:
        return f"at {spec.cron} (cron)"
    return f"every {in_words(spec.every).removeprefix('1 ')}"


def rules(config: Config, sync: str) -> list[str]:
    """How an answer finds its record, strongest first."""
    return [f"{rule.response} = {rule.record}" for rule in target_of(config, config.sync[sync]).match]


def conditions(config: Config, sync: str) -> list[tuple[str, str]]:
    """(what, how) of everything else the YAML says of a sync."""
    spec = config.sync[sync]
    told = [("where", spec.where or ""), ("since", str(spec.since or ""))]
    told.append(("valid for", in_words(spec.valid_for) if spec.valid_for is not None else ""))
    if spec.account is not None:
        told.append(("accounts", f"{', '.join(spec.account.fields)}, all anew at {spec.account.cron} (cron)"))
    if spec.history is not None:
        told.append(("every answer kept", spec.history.object))
    if spec.follow_up:
        told.append(
            ("after an answer", f"{len(spec.follow_up)} rule{'s' if len(spec.follow_up) > 1 else ''}")
        )
    if spec.verify is not None:
        told.append(("verified", f"at {spec.verify.cron} (cron), {spec.verify.sample:,} records each time"))
    told.append(("canary", f"{spec.breaker.canary} records are written first and read back"))
    return [(what, how) for what, how in told if how]


def _words(given: FieldMapping) -> str:
    if given.from_ is not None:
        said = _NAMES.get(given.from_) or given.from_
        if given.map:
            listed = [str(each) for each in dict.fromkeys(map(str, given.map.values()))]
            more = f" and {len(listed) - _MOST_WORDS} more" if len(listed) > _MOST_WORDS else ""
            said += f", called {', '.join(listed[:_MOST_WORDS])}{more}"
        return said
    if given.template is not None:
        return "a text"
    return "a formula" if given.expr is not None else f"always {given.value}"


def _notes(given: FieldMapping) -> Iterator[str]:
    if given.as_ is not None:
        yield _AS[given.as_]
    if given.truncate is not None:
        yield f"at most {given.truncate} characters"
    if given.default is not None:
        yield f"{given.default} where it is empty"
    if given.when_empty == "skip":
        yield "left as it is where the answer has none"
    if said := _OVERWRITE[given.overwrite]:
        yield said
