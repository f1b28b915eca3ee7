"""What `sign_in:` needs of other parts of the file: an address that a provider can send people back to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from npsync.config.crosscheck import Known
from npsync.config.wording import Found

_ROLES = ("admin", "operator", "viewer", "reports")


def signcheck(known: Known) -> Iterator[Found]:
    given = known.section("sign_in").get("oidc")
    if not isinstance(given, dict):
        return
    if "public_url" not in known.document.value:
        message = (
            "the provider sends people back to public_url: say where npsync serve is reached, with https://"
        )
        yield Found(("sign_in", "oidc"), "no_public_url", message)
    roles = given.get("roles")
    if isinstance(roles, dict):
        yield from _twice(roles)


def _twice(roles: dict[str, Any]) -> Iterator[Found]:
    """A value that makes two roles makes the higher one: the lower line says what does not happen."""
    seen: dict[str, str] = {}
    for role in _ROLES:
        values = roles.get(role)
        for at, value in enumerate(values if isinstance(values, list) else ()):
            if isinstance(value, str) and value in seen and seen[value] != role:
                message = f'"{value}" makes {seen[value]} already, which may more'
                yield Found(("sign_in", "oidc", "roles", role, at), "role_twice", message)
            elif isinstance(value, str):
                seen[value] = role
