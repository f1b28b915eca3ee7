"""The kinds of event a Mixpanel connection tells."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from connectors.contract import EventKind, Parameters
from nps.events import Event

FEATURE_USED, ENTERED_COHORT = "feature_used", "entered_cohort"
PERSON = "person"  # the subject of both: what one person does takes back what the same person was to be asked


def _as_texts(value: object) -> object:
    """One or a list; an id may be written as a number."""
    given = value if isinstance(value, list | tuple) else [value]
    return [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in given]


Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_texts), Field(min_length=1)
]


class FeatureUsed(Parameters):
    """Which of the project's events."""

    name: Texts = Field(description="The event's name in Mixpanel, exactly; one or a list.")

    def mean(self, event: Event) -> bool:
        return event.facts.get("name") in self.name


class EnteredCohort(Parameters):
    """Which of the cohorts that are synced to us."""

    cohort: Texts = Field(description="The cohort's id or its name, exactly; one or a list.")

    def mean(self, event: Event) -> bool:
        return event.facts.get("cohort_id") in self.cohort or event.facts.get("cohort") in self.cohort


KINDS = (
    EventKind(FEATURE_USED, "somebody used a feature", object=PERSON, parameters=FeatureUsed, by=("poll",)),
    EventKind(
        ENTERED_COHORT,
        "somebody came into a cohort",
        object=PERSON,
        parameters=EnteredCohort,
        by=("hook",),
        past=False,
    ),
)
