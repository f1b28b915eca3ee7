"""What an administrator has to grant, line by line, in Salesforce's own words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.contract import Creates, Needs
from connectors.salesforce.settings import (
    USUAL_TASK_KEY,
    ClientCredentials,
    JwtBearer,
    SalesforceSettings,
)

# Fields every reader of the object sees; the set-up pages offer no box to tick for them.
_ALWAYS_VISIBLE = frozenset(
    {"Id", "Name", "LastName", "OwnerId", "IsDeleted", "MasterRecordId", "IsPersonAccount"}
    | {"CreatedDate", "LastModifiedDate", "SystemModstamp"}
)

LICENSE = 'User licence "Salesforce Integration", profile "Minimum Access - API Only Integrations"'
PERMISSION_SET_LICENSE = 'Permission set licence "Salesforce API Integration"'
TASKS = 'System permissions: "Access Activities" and "Edit Tasks"'
MEMBERS = "Object CampaignMember"
API_ENABLED = "System permission: API Enabled"


def grants(settings: SalesforceSettings, needs: Needs) -> Sequence[str]:
    """One permission set for the integration user: exactly what the YAML needs, and nothing else."""
    lines = [LICENSE, PERMISSION_SET_LICENSE, API_ENABLED]
    match settings.auth:
        case ClientCredentials():
            lines.append(
                'External Client App: client credentials flow on, scope "api", "Run As" the integration user'
            )
        case JwtBearer():
            lines.append(
                'External Client App: JWT bearer flow on with the certificate, scopes "api" and '
                '"refresh_token", the integration user pre-authorised'
            )
    if settings.account_managers is not None:
        lines.append("System permission: View Setup and Configuration, to see what account managers read")
    for object, rights in objects(needs).items():
        lines.append(f"Object {object}: {rights}")
    lines += [of_field(object, field, rights) for object, field, rights in fields(needs)]
    return lines + list(_created(settings, needs))


def _created(settings: SalesforceSettings, needs: Needs) -> Iterator[str]:
    """What is created beside the customers' records; Delete is for those who ask to be forgotten."""
    for object, names in sorted(needs.history.items()):
        yield f"Object {object}: Read, Create, Edit, Delete"
        yield from (of_field(object, name, "Read, Edit") for name in sorted(names))
    if Creates.TASKS in needs.creates:
        yield f"{TASKS}, to read, create and delete tasks"
        yield of_field("Task", settings.task_key_field or USUAL_TASK_KEY, "Read, Edit (where the org has it)")
        yield "Object User: Read, to know who may get a task"
        yield "Object Case: Read (optional: tasks name the customer's cases)"
    if Creates.LISTS in needs.creates:
        yield "Object Campaign: Read"
        yield f"{MEMBERS}: Read, Create, Delete"
        yield "Marketing User, ticked on the integration user (where the org keeps campaigns to those)"


def of_field(object: str, field: str, rights: str) -> str:
    """A dotted field is another object's: the box to tick here is the lookup's."""
    relation, dot, rest = field.partition(".")
    if not dot:
        return f"Field {object}.{field}: {rights}"
    lookup = f"{relation.removesuffix('__r')}__c" if relation.endswith("__r") else f"{relation}Id"
    return f"Field {object}.{lookup}, and {rest} of the record it leads to: {rights}"


def objects(needs: Needs) -> dict[str, str]:
    """Object → the rights it needs."""
    return {
        object: "Read, Edit" if needs.write.get(object) else "Read"
        for object in sorted({*needs.read, *needs.write})
    }


def fields(needs: Needs) -> list[tuple[str, str, str]]:
    """(object, field, rights) for every field that has to be made visible."""
    lines = []
    for object in objects(needs):
        written = needs.write.get(object, frozenset())
        for field in sorted(written | needs.read.get(object, frozenset())):
            if field not in _ALWAYS_VISIBLE:
                lines.append((object, field, "Read, Edit" if field in written else "Read"))
    return lines
