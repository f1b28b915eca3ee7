"""What an administrator is told: the scopes of the credential for a moment, and how people get to see what was made."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Needs
from connectors.hubspot.properties import object_type
from connectors.hubspot.provisioning.definitions import is_own
from connectors.hubspot.settings import HubSpotSettings
from connectors.provisioning import Wanted, WantedField, WantedList, WantedObject

_SCOPES = {
    "contacts": "crm.schemas.contacts",
    "companies": "crm.schemas.companies",
    "deals": "crm.schemas.deals",
}
_CARDS = {"contacts": "contact", "companies": "company", "deals": "deal", "tickets": "ticket"}


def provision_grants(settings: HubSpotSettings, needs: Needs) -> Sequence[str]:
    objects = {object_type(name) for name in needs.write}
    schemas = [
        _SCOPES.get(name, "tickets" if name == "tickets" else "crm.schemas.custom")
        for name in sorted(objects)
    ]
    if any(is_own(name) for name in needs.history):
        schemas.append("crm.schemas.custom")
    scopes = []
    for name in dict.fromkeys(schemas):
        scopes += [name] if name == "tickets" else [f"{name}.read", f"{name}.write"]
    own = settings.provision is not None
    first = (
        "A service key of its own for `provision.token`: delete it once npsync provision ran"
        if own
        else "Better a service key of its own for this (`provision.token`), deleted once npsync provision ran, than "
        "more scopes for the everyday one"
    )
    return [first, *scopes]


def layout(settings: HubSpotSettings, made: Sequence[Wanted]) -> Sequence[str]:
    """In the words of HubSpot's own pages."""
    fields = [one for one in made if isinstance(one, WantedField)]
    own = {one.object for one in made if isinstance(one, WantedObject)}
    steps = []
    for object in dict.fromkeys(one.object for one in fields if one.object not in own):
        card = _CARDS.get(object_type(object), object)
        labels = ", ".join(one.label for one in fields if one.object == object)
        steps.append(
            f"Settings > Objects > {object_type(object).capitalize()} > Record customization: add the properties "
            f'({labels}) to the "About this {card}" card of the left sidebar, for everybody.'
        )
        chosen = next((one.label for one in fields if one.object == object and one.options), None)
        if chosen is not None:
            steps.append(
                f"{object_type(object).capitalize()} > Add view: one for each value of {chosen}, with score and "
                "date as columns, shared with everybody."
            )
    for one in made:
        if isinstance(one, WantedObject):
            parents = " and ".join(object_type(each).capitalize() for each in one.belongs_to)
            steps.append(
                f"Settings > Objects > {parents} > Record customization: add an association card of {one.plural} to "
                "the right sidebar."
            )
    if any(isinstance(one, WantedList) for one in made):
        steps.append(
            "CRM > Lists: the new lists are static, npsync sets their members; workflows may use them."
        )
    return steps
