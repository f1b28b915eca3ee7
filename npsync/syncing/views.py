"""The YAML's syncs as `why` and `verify` need them: compiled, with the lines they stand on, without a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mapping.match import compile_match
from mapping.selftest import neutral
from nps.suspicion import Rule
from npsync.syncing.jobs import compiled, target_of
from npsync.syncing.rolling import compiled_accounts
from sync.accounts.telling import AccountView
from sync.explaining import Lines, View
from sync.job import roll_up_of, rolled_up_sync

if TYPE_CHECKING:
    from npsync.config import Config
    from sync.spec import SyncSpec


def views_of(config: Config, *, sync: str | None = None) -> list[View]:
    return [view_of(config, name) for name in config.sync if sync is None or name == sync]


def account_views_of(config: Config, *, sync: str | None = None) -> list[AccountView]:
    """Of the syncs whose accounts show figures."""
    found = (account_view_of(config, name) for name in config.sync if sync is None or name == sync)
    return [one for one in found if one is not None]


def account_view_of(config: Config, name: str) -> AccountView | None:
    spec, people = config.sync[name], view_of(config, name)
    link = config.people[spec.to].account if isinstance(spec.to, str) else None
    if spec.account is None or link is None:
        return None
    place = f"{config.file.name}:{{}}"
    view = replace(
        people,
        sync=roll_up_of(name),
        object=link.object,
        only={},
        fields=compiled_accounts(config, spec.account),
        lines=Lines(
            sync=place.format(config.place(("sync", name, "account")).line),
            fields={
                field: place.format(config.place(("sync", name, "account", "fields", field)).line)
                for field in spec.account.fields
            },
        ),
        header=(),
    )
    return AccountView(name, view, people, spec.account)


def named_view(config: Config, name: str) -> View:
    """Of a sync or, by the name of its roll-up, of its accounts."""
    sync = rolled_up_sync(name)
    accounts = None if sync is None else account_view_of(config, sync)
    return view_of(config, name) if accounts is None else accounts.view


def view_of(config: Config, name: str) -> View:
    spec = config.sync[name]
    survey = config.surveys[spec.survey]
    target = target_of(config, spec)
    people = config.people.get(spec.to) if isinstance(spec.to, str) else None
    header = (people.name, people.email) if people is not None else ()
    return View(
        sync=name,
        survey=spec.survey,
        metric=survey.metric.value,
        labelled=survey.score.labelled if survey.score else None,
        connection=target.connection,
        object=target.object,
        only={name: neutral(value) for name, value in target.only.items()},
        match=compile_match(target.match, config.phone_region),
        fields=compiled(config, spec),
        ranks={source: rank for rank, source in enumerate(survey.sources)},
        lines=_lines(config, name, spec),
        header=tuple(field for field in header if field is not None),
        record_id=config.connections[target.connection].connector.record_id,
    )


def _lines(config: Config, name: str, spec: SyncSpec) -> Lines:
    def line(*path: str | int) -> str:
        return f"{config.file.name}:{config.place(path).line}"  # the folder is known, and lines are short

    to: Sequence[str | int] = ("people", spec.to) if isinstance(spec.to, str) else ("sync", name, "to")
    rules = target_of(config, spec).match
    return Lines(
        sync=line("sync", name),
        rules={
            f"{rule.response} = {rule.record}": line(*to, "match", place) for place, rule in enumerate(rules)
        },
        fields={field: line("sync", name, "fields", field) for field in spec.fields},
        codes={
            "expired": line("sync", name, "valid_for"),
            "filtered": line("sync", name, "where"),
            "before_since": line("sync", name, "since"),
            "other_survey": line("surveys", spec.survey, "at"),
            "source_left": line("surveys", spec.survey, "at"),
            "no_key": line(*to, "match"),
            "free_mail": line(*to, "match"),
        }
        | {rule.value: line("surveys", spec.survey, "hold") for rule in Rule},
    )
