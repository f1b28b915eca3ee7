"""`record_changed`: a field of a record came to show a value. The same words for every CRM."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from connectors.asking import Parameters
from connectors.sweeping import spelled
from nps.events import Event

RECORD_CHANGED = "record_changed"
FLICKERED = "the field does not show that value any more"

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class RecordChanged(Parameters):
    """Which change a trigger means. Only the change to the value counts, not that a record shows it."""

    object: Name = Field(description="The object whose records change.", examples=["Contact", "contacts"])
    field: Name = Field(description="The field that changes.", examples=["Onboarding__c"])
    to: StrictStr | StrictBool | StrictInt | StrictFloat = Field(
        description="The value it changes to, as the field holds it.", examples=["Done"]
    )
    person: Name | None = Field(
        default=None,
        description="The field that leads to the person, where the record itself is none: a lookup to the person, or "
        "an e-mail address.",
        examples=["Primary_Contact__c"],
    )

    def mean(self, event: Event) -> bool:
        return event.kind == RECORD_CHANGED and event.key.startswith(f"{self.said}/")

    @property
    def said(self) -> str:
        """The change in words for keys: what two triggers that mean the same share."""
        value = str(self.to).lower() if isinstance(self.to, bool) else str(self.to)
        led = f"@{self.person}" if self.person else ""  # two triggers may ask two people about one change
        return f"{RECORD_CHANGED}/{self.object}/{self.field}={value}{led}"

    def key(self, id: str, stamp: datetime) -> str:
        return f"{self.said}/{id}/{spelled(stamp)}"
