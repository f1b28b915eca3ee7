"""Asking a town why its records show what they show."""

from __future__ import annotations

from typing import Any

from builders_sync import Town

from sync.explaining import Lines, View
from sync.story import FieldStory, RecordStory, Story
from sync.telling import tell


def view_of(town: Town, **changed: Any) -> View:
    job = town.job(**changed)
    return View(
        sync=job.name,
        survey=job.survey,
        metric=job.metric,
        connection=job.connection,
        object=job.object,
        only=job.only,
        match=job.match,
        fields=job.fields,
        ranks=job.ranks,
        lines=Lines(fields={name: f"town.yaml:{place}" for place, name in enumerate(job.fields.shows, 1)}),
        header=("email",),
    )


def why(town: Town, who: str, *, offline: bool = False) -> Story:
    look = None if offline else lambda connection: town.crm
    return tell(who, [view_of(town)], town.store, region=None, look=look)


def why_one(town: Town, who: str, *, offline: bool = False) -> RecordStory:
    """The story of the one record concerned."""
    (record,) = why(town, who, offline=offline).records
    return record


def field(record: RecordStory, name: str = "nps") -> FieldStory:
    return next(one for one in record.fields if one.name == name)
