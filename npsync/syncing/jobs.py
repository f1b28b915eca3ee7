"""From the YAML to a job: one sync's parts compiled, its connections opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from mapping.fields import CompiledFields, compile_fields
from mapping.match import compile_match
from mapping.names import field_of
from mapping.selftest import neutral
from mapping.spec import MatchRule
from nps.anonymity import Anonymous
from nps.errors import Interrupted, LeaseLost, NpsyncError
from nps.surveys import OWN_PAGE
from sync.job import Feed, Job
from sync.outbox.care import Aftercare, compile_aftercare, names_used
from sync.spec import SyncSpec, Target

if TYPE_CHECKING:
    from connectors.contract import Alerter, Clock
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store
    from sync.options import Options
    from sync.progress import Progress
    from sync.report import Report
    from sync.sharing.dispatch import Dispatch


def run_once(
    config: Config,
    store: Store,
    name: str,
    *,
    clock: Clock | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
    dispatch: Dispatch | None = None,
) -> Report:
    """One run with connections of its own: fresh schema, fresh token, and what follows from it on the accounts. Without
    `dispatch` it is shared with whoever serves the same store. Raises what `sync.engine.run` raises."""
    from npsync.alerting.turn import tell_of_deaths, tell_of_failure, tell_of_run
    from npsync.opening import opened
    from npsync.scale.calling import whoever_is_there
    from npsync.syncing.rolling import roll_up_after
    from sync.engine import run
    from sync.leasing import Busy
    from sync.options import Options

    options = options or Options()
    with opened(config, store, clock, stop=options.stop) as connections, ExitStack() as held:
        tell_of_deaths(config, store, name, connections.clock, stop=options.stop)
        try:
            job = build_job(config, name, connections)
            if dispatch is None:
                dispatch = held.enter_context(whoever_is_there(config, store, connections.clock.now()))
            report = run(
                job,
                store,
                connections.clock,
                connections.owner,
                connections.calls.seen,
                options,
                progress,
                dispatch,
            )
        except (Busy, LeaseLost, Interrupted):
            raise  # somebody else runs it, or it will be run again
        except NpsyncError as error:
            tell_of_failure(config, store, name, error, connections.clock, stop=options.stop)
            raise
        tell_of_run(config, store, report, connections.clock, stop=options.stop)
        if report.status not in ("succeeded", "partial") or options.expect is not None:
            return report  # what it left behind is rolled up when a run has gone its way, or was not only reviewed
        followed = roll_up_after(config, store, job, connections, stop=options.stop, progress=progress)
        return replace(report, rolled_up=followed)


def build_job(config: Config, name: str, connections: Opened, *, reads: bool = True) -> Job:
    """The sync `name`, ready for the engine. The YAML has been checked before: names resolve. Without `reads` it only
    says what its records should show: no survey tool is opened, and nothing follows an answer."""
    spec = config.sync[name]
    survey = config.surveys[spec.survey]
    target = target_of(config, spec)
    people = config.people.get(spec.to) if isinstance(spec.to, str) else None
    return Job(
        name=name,
        survey=spec.survey,
        metric=survey.metric.value,
        labelled=survey.score.labelled if survey.score else None,
        feeds=feeds_of(config, spec, connections if reads else None),
        region=config.phone_region,
        connection=target.connection,
        object=target.object,
        only={name: neutral(value) for name, value in target.only.items()},
        destination=connections.destination(target.connection),
        match=compile_match(target.match, config.phone_region),
        fields=compiled(config, spec),
        account_object=people.account.object if people and people.account else None,
        account_by=people.account.by if people and people.account else None,
        traits=config.traits(name) if config.report is not None else None,
        hold=survey.hold,
        since=_midnight(config, spec.since),
        valid_for=spec.valid_for,
        breaker=spec.breaker,
        care=care_of(config, name, connections.alerter) if reads else None,
        rolled_up=spec.account is not None,
    )


def care_of(config: Config, name: str, alerter: Callable[[str], Alerter] | None = None) -> Aftercare | None:
    """What this sync does after an answer; without `alerter` to look at, not to carry out."""
    spec = config.sync[name]
    target = target_of(config, spec)
    people = config.people.get(spec.to) if isinstance(spec.to, str) else None
    return compile_aftercare(
        spec.history,
        spec.follow_up,
        config.time_zone,
        since=_midnight(config, spec.follow_up_since),
        owner=None if people is None else people.owner,
        name=None if people is None else people.name,
        why=partial(where_to_see_why, config, target.connection),
        alerter=alerter,
    )


def where_to_see_why(config: Config, connection: str, record_id: str) -> str:
    """Why a record shows what it shows: our page where others reach it, else the command."""
    if not config.public_url:
        return f"npsync why {record_id}"
    return f"{config.public_url}/customers/{quote(connection, safe='')}/{quote(record_id, safe='')}"


def target_of(config: Config, spec: SyncSpec) -> Target:
    """Whose records a sync writes, whichever way the YAML says it."""
    if isinstance(spec.to, Target):
        return spec.to
    people = config.people[spec.to]
    return Target(connection=spec.to, object=people.object, match=people.match, only=people.only)


def scope_of(config: Config, name: str) -> str:
    """Whom decisions about this sync's answers concern: `sync.job.Job.scope` without opening anything."""
    target = target_of(config, config.sync[name])
    return f"{target.connection}.{target.object}"


def compiled(config: Config, spec: SyncSpec) -> CompiledFields:
    return compile_fields(spec.fields, where=spec.where, zone=config.time_zone)


def feeds_of(config: Config, spec: SyncSpec, connections: Opened | None) -> tuple[Feed, ...]:
    """The survey's sources in the YAML's order, each told what to keep: what any sync of it uses. None is opened
    without connections."""
    survey = config.surveys[spec.survey]
    feeds = tuple(
        replace(
            feed_of(config, connection),
            source=None if connections is None else connections.source(connection),
            rank=rank,
            surveys=frozenset(ids) if ids else None,
        )
        for rank, (connection, ids) in enumerate(config.sources_of(spec.survey).items())
    )
    if not survey.own_page:
        return feeds
    return (*feeds, Feed(OWN_PAGE, None, len(feeds), frozenset({spec.survey})))


def unread_feed(config: Config, connection: str) -> Feed | None:
    """What is kept of a connection's answers, whoever brings them; None where no sync takes answers of it."""
    read = readers(config, connection) or anonymous_at(config, connection) is not None
    return feed_of(config, connection) if read else None


def readers(config: Config, connection: str) -> list[str]:
    """The syncs that take answers of this connection."""
    return [name for name, spec in config.sync.items() if connection in config.sources_of(spec.survey)]


def feed_of(config: Config, connection: str) -> Feed:
    keeps = _keeps(config, connection)
    return Feed(
        connection=connection,
        source=None,
        rank=0,
        since=keeps.since,
        anonymous=anonymous_at(config, connection),
        keep_comment=keeps.comment,
        keep_properties=keeps.properties,
        holds=keeps.holds,
    )


def anonymous_at(config: Config, connection: str) -> Anonymous | None:
    """Which of a connection's answers are anonymous; None: none of them."""
    ids = [config.surveys[name].at.get(connection) for name in config.privacy.anonymous]
    named = [each for each in ids if each is not None]
    if not named or config.pepper is None:
        return None
    return Anonymous(
        pepper=config.pepper.get_secret_value(),
        surveys=frozenset(id for each in named for id in each) if all(named) else None,
        safe=frozenset(config.privacy.safe),
        zone=config.time_zone,
    )


@dataclass(frozen=True)
class _Keeps:
    """What the inbox asks and keeps of a connection. Syncs share it, so it is the union of their needs."""

    comment: bool
    properties: frozenset[str]
    since: datetime | None
    holds: frozenset[str]


def _keeps(config: Config, connection: str) -> _Keeps:
    specs = [spec for spec in config.sync.values() if connection in config.surveys[spec.survey].at]
    mappings = [compiled(config, spec) for spec in specs]
    after = frozenset[str]().union(*(names_used(spec.history, spec.follow_up) for spec in specs))
    starts = [_midnight(config, spec.since) for spec in specs]
    return _Keeps(
        comment="comment" in after or any("comment" in fields.uses for fields in mappings),
        properties=frozenset().union(
            (name for each in after if (name := field_of(each, "properties")) is not None),
            *(fields.property_names for fields in mappings),
            *(_keys(target_of(config, spec).match) for spec in specs),
            config.report.properties if config.report is not None else frozenset(),
        ),
        since=None if None in starts or not starts else min(start for start in starts if start is not None),
        holds=frozenset().union(
            *(hold.channels for spec in specs if (hold := config.surveys[spec.survey].hold).rules)
        ),
    )


def _midnight(config: Config, day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), config.time_zone)


def _keys(rules: tuple[MatchRule, ...]) -> frozenset[str]:
    """Properties that match rules compare with a record."""
    return frozenset(
        rule.response.removeprefix("properties.") for rule in rules if rule.response.startswith("properties.")
    )
