"""What a provider says of a person, and which role that makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from npsync.sign_in.roles import Role
from npsync.sign_in.spec import OidcSpec

_MOST, _LONGEST = 1_000, 200  # values of a claim, and characters of one


@dataclass(frozen=True)
class Admitted:
    name: str
    role: Role


@dataclass(frozen=True)
class Turned:
    """Not admitted. `looked_at` is the claim that decided, `values` what it held; None where it was not there."""

    name: str
    why: str
    looked_at: str
    values: tuple[str, ...] | None


def judged(spec: OidcSpec, claims: Mapping[str, Any]) -> Admitted | Turned:
    name = name_of(spec, claims)
    if spec.allowed_domains and (domain := _domain(claims)) not in spec.allowed_domains:
        said = (
            "the provider has not verified an address of yours" if domain is None else f"yours is of {domain}"
        )
        why = f"only addresses of {', '.join(spec.allowed_domains)} may sign in, and {said}"
        return Turned(name, why, "email", None if domain is None else (domain,))
    values = values_of(claims, spec.roles.claim)
    for role, wanted in spec.roles.by_rank:
        if values is not None and set(wanted) & set(values):
            return Admitted(name, role)
    return Turned(name, _why(spec, claims, values), spec.roles.claim, values)


def name_of(spec: OidcSpec, claims: Mapping[str, Any]) -> str:
    """How the audit calls them. It always has an @, which no user of `npsync users` has."""
    [named] = (values_of(claims, spec.named_by) or ("",))[:1] if spec.named_by else (_email(claims) or "",)
    if not named or not named.isprintable() or len(named) == _LONGEST:  # perhaps cut: others may begin alike
        named = str(claims.get("sub", ""))
    return named if "@" in named else f"{named}@{urlsplit(spec.issuer).hostname}"


def values_of(claims: Mapping[str, Any], path: str) -> tuple[str, ...] | None:
    """The texts a claim holds; None where it is not there, and for an address that nobody verified."""
    if path == "email":
        email = _email(claims)
        return None if email is None else (email,)
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for step in path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return (found[:_LONGEST],)
    if isinstance(found, list):
        return tuple(each[:_LONGEST] for each in found[:_MOST] if isinstance(each, str))
    return None


def _email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    verified = claims.get("email_verified") in (True, "true")
    if not verified or not isinstance(email, str) or email.count("@") != 1 or len(email) > _LONGEST:
        return None
    return email.lower() if email.isprintable() else None


def _domain(claims: Mapping[str, Any]) -> str | None:
    email = _email(claims)
    return None if email is None else email.rpartition("@")[2]


def _why(spec: OidcSpec, claims: Mapping[str, Any], values: tuple[str, ...] | None) -> str:
    claim = spec.roles.claim
    if values is not None:
        return "no role of the YAML is for any of these values"
    elsewhere = claims.get("_claim_names")
    if isinstance(elsewhere, Mapping) and claim in elsewhere:
        return (
            "you are in too many groups for the provider to name them; use roles of the application instead"
        )
    if claim == "email":
        return "the provider has not verified an address of yours"
    return (
        "the provider did not say it: it may have to be told to, or asked with a scope (sign_in.oidc.scopes)"
    )
