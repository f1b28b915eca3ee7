"""Which role a person has, by what a provider says of them, and what somebody without one is told."""

from __future__ import annotations

from typing import Any

import pytest

from npsync.sign_in.claims import Admitted, Turned, judged
from npsync.sign_in.roles import Role
from npsync.sign_in.spec import OidcSpec

ROLES = {"admin": ["ops"], "operator": ["revops"], "viewer": ["support", "sales"], "reports": ["all"]}


def judge(claims: dict[str, Any], roles: dict[str, Any] | None = None, **changed: Any) -> Admitted | Turned:
    spec = {
        "issuer": "https://login.acme.test",
        "client_id": "npsync",
        "client_secret": "hush",
        "roles": roles or ROLES,
        **changed,
    }
    return judged(OidcSpec.model_validate(spec), {"sub": "248", **claims})


def test_the_highest_role_of_several_is_theirs():
    for groups, role in (
        (["all", "revops", "sales"], Role.OPERATOR),
        (["sales", "ops"], Role.ADMIN),
        ("all", Role.REPORTS),
        (["support"], Role.VIEWER),
    ):
        assert judge({"groups": groups}) == Admitted("248@login.acme.test", role)


def test_two_people_are_never_called_alike_because_a_name_was_cut():
    first, second = "x" * 254 + "1", "x" * 254 + "2"
    assert judge({"sub": first, "groups": ["ops"]}) != judge({"sub": second, "groups": ["ops"]})
    for sub in ("one", "two"):
        called = judge({"sub": sub, "upn": "x" * 230 + sub, "groups": ["ops"]}, named_by="upn")
        assert called == Admitted(f"{sub}@login.acme.test", Role.ADMIN)


def test_the_claim_may_lie_deep_or_have_dots_in_its_name():
    roles = {"claim": "realm_access.roles", "viewer": ["npsync"]}
    assert isinstance(judge({"realm_access": {"roles": ["npsync"]}}, roles), Admitted)
    roles = {"claim": "https://acme.com/roles", "viewer": ["npsync"]}
    assert isinstance(judge({"https://acme.com/roles": ["npsync"]}, roles), Admitted)


@pytest.mark.parametrize(
    ("claims", "values", "why"),
    [
        ({}, None, "the provider did not say it"),
        ({"groups": []}, (), "no role of the YAML"),
        ({"groups": ["Ops", "revops "]}, ("Ops", "revops "), "no role of the YAML"),
        ({"groups": {"ops": True}}, None, "the provider did not say it"),
        ({"groups": [["ops"], 5, None]}, (), "no role of the YAML"),
        ({"_claim_names": {"groups": "src1"}}, None, "too many groups"),
        ({"_claim_names": 5}, None, "the provider did not say it"),
    ],
    ids=str,
)
def test_who_has_no_role_is_told_what_was_looked_at(
    claims: dict[str, Any], values: tuple[str, ...] | None, why: str
):
    found = judge(claims)
    assert isinstance(found, Turned)
    assert (found.looked_at, found.values) == ("groups", values)
    assert why in found.why


def test_an_address_counts_only_where_somebody_verified_it():
    roles = {"claim": "email", "admin": ["ann@acme.com"]}
    verified = {"email": "Ann@Acme.com", "email_verified": True}
    assert judge(verified, roles) == Admitted("ann@acme.com", Role.ADMIN)
    for unsure in ({}, {"email_verified": False}, {"email_verified": "no"}, {"email_verified": 1.5}):
        assert isinstance(judge({"email": "ann@acme.com", **unsure}, roles), Turned), unsure


def test_only_addresses_of_these_domains_come_in():
    inside = {"groups": ["ops"], "email": "ann@acme.com", "email_verified": True}
    domains = {"allowed_domains": ["Acme.com"]}
    assert isinstance(judge(inside, **domains), Admitted)
    for outside in (
        {"email": "ann@evil.com"},
        {"email": "ann@acme.com.evil.com"},
        {"email": "ann@evil.com@acme.com"},
        {"email": ["ann@acme.com"]},
        {"email_verified": False},
        {"email": None},
    ):
        assert isinstance(judge({**inside, **outside}, **domains), Turned), outside


def test_people_are_named_so_that_nobody_passes_for_a_user_of_ours():
    for claims, named_by, name in (
        ({}, None, "248@login.acme.test"),
        ({"email": "root", "email_verified": True}, None, "248@login.acme.test"),
        ({"preferred_username": "ann"}, "preferred_username", "ann@login.acme.test"),
        ({"preferred_username": "ann@acme.com"}, "preferred_username", "ann@acme.com"),
        ({"preferred_username": "a\u202enn\n"}, "preferred_username", "248@login.acme.test"),
        ({"preferred_username": []}, "preferred_username", "248@login.acme.test"),
    ):
        found = judge({"groups": ["ops"], **claims}, named_by=named_by)
        assert found.name == name, claims
