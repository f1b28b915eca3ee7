"""Who may read a field: what `check` tells of account managers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.provisioning import Unread
from connectors.salesforce.library import quote
from connectors.salesforce.org import Org
from connectors.salesforce.provisioning.permissions import READERS
from nps.errors import AccessError, ConfigError


def unread(org: Org, named: str | None, written: Mapping[str, Sequence[str]]) -> Unread | None:
    """None where nobody says who account managers are, and npsync made no permission set for them."""
    try:
        sets = _sets(org, named)
        if not sets:
            return None if named is None else Unread(f'"{named}"', {}, _nowhere(named))
        held = _readable(org, list(sets), [name for name, fields in written.items() if fields])
    except (AccessError, ConfigError) as error:
        if named is None:
            return None  # nobody asked
        why = f"grant View Setup and Configuration to npsync's own user to be told ({error})"
        return Unread(f'"{named or READERS}"', {}, why)
    found = {
        object: tuple(name for name in fields if _asked(name) and f"{object}.{name}".lower() not in held)
        for object, fields in written.items()
    }
    return Unread(" and ".join(sets.values()), {object: names for object, names in found.items() if names})


def _nowhere(named: str) -> str:
    return f'there is no permission set and no profile "{named}" (account_managers)'


def _sets(org: Org, named: str | None) -> dict[str, str]:
    """Id → in words. Beside a profile counts what npsync made, as it touches no profile."""
    name = quote(named or READERS)
    rows = org.pages(
        f"SELECT Id FROM PermissionSet WHERE Name = {name} AND IsOwnedByProfile = false",
        "PermissionSet",
        what="look for the account managers' permission set",
    )
    found = {str(row["Id"]): f'the permission set "{named or READERS}"' for page in rows for row in page}
    if found or named is None:
        return found
    profile = of_profile(org, named)
    return {profile: f'the profile "{named}"', **_sets(org, None)} if profile else {}


def of_profile(org: Org, name: str) -> str:
    """The id of the permission set that stands for a profile; "" where there is none of that name, or this user is not
    shown profiles."""
    query = f"SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = true AND Profile.Name = {quote(name)}"
    try:
        pages = org.pages(query, "PermissionSet", what="look for a profile")
        return next((str(row["Id"]) for page in pages for row in page), "")
    except ConfigError:
        return ""


def _asked(name: str) -> bool:
    """Everybody sees the usual standard fields; of a person account it is the contact's field that is granted."""
    return name.endswith("__c")


def _readable(org: Org, sets: Sequence[str], objects: Sequence[str]) -> frozenset[str]:
    if not objects:
        return frozenset()
    query = (
        f"SELECT Field FROM FieldPermissions WHERE ParentId IN ({', '.join(map(quote, sets))}) "
        f"AND SobjectType IN ({', '.join(map(quote, objects))}) AND PermissionsRead = true"
    )
    pages = org.pages(query, "FieldPermissions", what="see which fields account managers read")
    return frozenset(str(row["Field"]).lower() for page in pages for row in page)
