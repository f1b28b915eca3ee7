"""Opens a destination's schema for one run: which fields to read, and how their values are written and read."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mapping.selftest import neutral
from nps.errors import ConfigError
from nps.schema import ObjectSchema
from nps.values import Json, Value
from sync.job import Codecs, Job, Place


def open_codecs(job: Job, *, refuse_absent: bool) -> Codecs:
    """Compile the field functions. With `refuse_absent` a mapped field that the CRM lacks, or that may not be written,
    is a ConfigError; without it (a plan) its values are shown as they would be."""
    schema = job.destination.describe(job.object)
    absent = tuple(name for name in job.fields.shows if name not in schema.fields)
    if refuse_absent:
        refuse(job, job.fields.shows, schema)
    needed = job.fields.record_names
    fetch = [name for name in job.fields.shows if name not in absent]
    fetch += sorted((needed | job.traits_of("record")) - set(fetch))
    if job.account_by is not None and job.account_by not in fetch and _account_is_worth_it(job, schema):
        fetch.append(job.account_by)
    canonical: dict[str, Callable[[Value], Json]] = {
        name: neutral if name in absent else job.destination.canonical(job.object, name)
        for name in job.fields.shows
    }
    return Codecs(
        schema=schema,
        fetch=tuple(fetch),
        canonical=canonical,
        typed={name: job.destination.typed(job.object, name) for name in sorted(needed)},
        absent=absent,
    )


def _account_is_worth_it(job: Job, schema: ObjectSchema) -> bool:
    """The account orders the writes (row locks), which is worth a column but not a call."""
    if job.rolled_up or job.account_names or "account_id" in job.fields.uses:
        return True
    field = schema.fields.get(job.account_by or "")
    return field is not None and not field.extra_call


def refuse(place: Place, names: Iterable[str], schema: ObjectSchema) -> None:
    """Raises ConfigError when a run could not write these fields."""
    names = list(names)
    problems = [
        f'{place.object} has no field "{name}", or the credential may not see it'
        for name in names
        if name not in schema.fields
    ]
    problems += [
        f'{place.object} field "{name}" may not be written by this credential'
        for name in names
        if name in schema.fields and not schema.fields[name].writable
    ]
    if problems:
        raise ConfigError(
            "\n".join(f"{place.connection}: {problem}" for problem in problems)
            + "\nNothing was pulled or written. npsync check shows each with its line in the YAML"
        )
