"""What an administrator is told: what the credential for a moment needs, and how people get to see the fields."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Creates, Needs
from connectors.provisioning import Wanted, WantedField, WantedObject
from connectors.salesforce.permissions import API_ENABLED
from connectors.salesforce.provisioning.definitions import expanded
from connectors.salesforce.provisioning.permissions import READERS, READERS_LABEL
from connectors.salesforce.provisioning.setup import RIGHTS
from connectors.salesforce.settings import USUAL_TASK_KEY, SalesforceSettings
from nps.schema import FieldType


def provision_grants(settings: SalesforceSettings) -> Sequence[str]:
    own = settings.provision is not None
    return [
        "A user of its own for `provision.auth`, or an administrator's session that ends: take the rights back, or "
        "delete the credential, once npsync provision ran"
        if own
        else "Better another credential for this than npsync's own user: `provision.auth`, for the time it takes",
        API_ENABLED,
        *(f"System permission: {right}" for right in RIGHTS.split(", ")),
    ]


def task_key(settings: SalesforceSettings, needs: Needs) -> Sequence[WantedField]:
    """A task is found again by an external id; without one by a mark in its text, which no query finds."""
    if Creates.TASKS not in needs.creates:
        return ()
    name = settings.task_key_field or USUAL_TASK_KEY
    told = "Which answer this task is of, so that nobody is given it twice. Written by npsync."
    return [WantedField("Task", name, FieldType.TEXT, label="NPS event id", help=told, unique=True)]


def layout(settings: SalesforceSettings, made: Sequence[Wanted]) -> Sequence[str]:
    """In the words of the set-up pages."""
    fields = expanded(made)
    objects = [one for one in made if isinstance(one, WantedObject)]
    own = {one.object for one in objects}
    steps = []
    for object in dict.fromkeys(one.object for one in fields if one.object not in {*own, "Task", "Event"}):
        labels = ", ".join(one.label for one in fields if one.object == object)
        steps.append(
            f"Setup > Object Manager > {object} > Lightning Record Pages: open the page, and put the fields ({labels}) "
            'into a "Field Section" of it; without Dynamic Forms: Page Layouts > Edit. Put the score into '
            "Compact Layouts to see it in the highlights panel."
        )
    for one in objects:
        parents = " and ".join(one.belongs_to) or "the customer"
        steps.append(
            f"Setup > Object Manager > {parents} > Page Layouts > Related Lists: add {one.plural}, with its score, "
            f"segment and date as columns. For a tab of their own: Setup > Tabs > Custom Object Tabs."
        )
    if fields or objects:
        named = settings.account_managers
        steps.append(
            f'Setup > Permission Sets > "{named or READERS_LABEL}" ({named or READERS}) > Manage Assignments: add your '
            "account managers. Without it they see an empty place, or none."
        )
    return steps
