"""Fault profiles: what goes wrong by itself, under a name. `--faults flaky,poison,locked` adds several up.

Rules without a vendor are for every vendor, and rules without `times` are for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.vendors import CALLED

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Profile:
    about: str  # one line for people
    rules: tuple[Rule, ...]


def rules_of(names: str) -> Iterator[Rule]:
    """The rules of "flaky,poison", one for each vendor they meet. ValueError names a profile there is not."""
    for name in names.split(","):
        if name not in PROFILES:
            raise ValueError(f'no fault profile "{name}"; there are: {", ".join(PROFILES)}')
        for rule in PROFILES[name].rules:
            for vendor in CALLED:
                if rule.get("vendor", vendor) == vendor:
                    yield {"times": None, **rule, "vendor": vendor}


def _quota(after: int) -> tuple[Rule, ...]:
    spent = {"kind": "quota_spent", "after": after, "times": 1}
    return ({**spent, "vendor": "salesforce"}, {**spent, "vendor": "hubspot"})


def _drift(change: str) -> tuple[Rule, ...]:
    """The first look at the fields still finds everything; from the second on, one is not what it was."""
    drift = {"kind": "schema_drift", "after": 1, "times": 1}
    return (
        {
            **drift,
            "vendor": "salesforce",
            "path": "Contact",
            "detail": {"object": "Contact", "field": "NPS_Comment__c", "change": change},
        },
        {
            **drift,
            "vendor": "hubspot",
            "path": "contacts",
            "detail": {"object": "contacts", "field": "nps_comment", "change": change},
        },
    )


def _poison(share: float) -> tuple[Rule, ...]:
    bad = {"steady": True, "share": share}
    return (
        {**bad, "kind": "validation", "vendor": "salesforce"},
        {**bad, "kind": "invalid_record", "vendor": "hubspot"},
        *({**bad, "kind": "refused", "vendor": vendor} for vendor in ("pretectum", "intercom", "mixpanel")),
    )


_NO_TRACES: Rule = {"kind": "all_or_nothing", "vendor": "hubspot"}
_LOCKED: tuple[Rule, ...] = (
    {"kind": "locked_row", "share": 0.01, "vendor": "salesforce"},
    {"kind": "status", "status": 423, "share": 0.05, "vendor": "hubspot"},
    {"kind": "version_conflict", "share": 0.05, "vendor": "pretectum"},
)
_BATCH_400: tuple[Rule, ...] = (
    {"kind": "batch_refused", "share": 0.01, "steady": True, "vendor": "salesforce"},
    _poison(0.01)[1],
    _NO_TRACES,
)
_FLAKY: tuple[Rule, ...] = (
    {"kind": "status", "status": 500, "share": 0.01},
    {"kind": "status", "status": 503, "share": 0.01},
    {"kind": "html", "status": 502, "share": 0.01},
    {"kind": "reset", "share": 0.01},
    {"kind": "lost_reply", "share": 0.01},
    {"kind": "status", "status": 429, "retry_after": 1, "share": 0.01, "vendor": "hubspot"},
    {"kind": "expired_token", "share": 0.002},
    {"kind": "locked_row", "share": 0.002, "vendor": "salesforce"},
    {"kind": "shuffle", "share": 0.5},
)

PROFILES: dict[str, Profile] = {
    "none": Profile("nothing goes wrong", ()),
    "flaky": Profile(
        "a little of everything: 500, 503, HTML, resets, lost replies, a 429, old tokens", _FLAKY
    ),
    "storm": Profile(
        "an outage: every fourth call is refused, cut or answered with HTML",
        (
            {"kind": "status", "status": 503, "share": 0.1},
            {"kind": "html", "status": 502, "share": 0.05},
            {"kind": "reset", "share": 0.05},
            {"kind": "lost_reply", "share": 0.05},
            {"kind": "expired_token", "share": 0.01},
        ),
    ),
    "lost-replies": Profile(
        "the vendor does what was asked, then the connection dies: every tenth call",
        ({"kind": "lost_reply", "share": 0.1},),
    ),
    "slow": Profile(
        "every twentieth reply comes 2 s late", ({"kind": "slow", "seconds": 2.0, "share": 0.05},)
    ),
    "shuffled": Profile("rows come in no order", ({"kind": "shuffle"},)),
    "html": Profile(
        "error pages in HTML, some of them with status 200",
        (
            {"kind": "html", "status": 502, "share": 0.1},
            {"kind": "html", "status": 503, "share": 0.05},
            {"kind": "html", "status": 200, "share": 0.05},
        ),
    ),
    "throttled": Profile(
        "429 storms that say how long to wait (Salesforce: too many requests at once)",
        (
            {"kind": "status", "status": 429, "retry_after": 1, "share": 0.2, "vendor": "hubspot"},
            {"kind": "status", "status": 429, "share": 0.1, "vendor": "wootric"},
            {"kind": "status", "status": 429, "retry_after": 1, "share": 0.1, "vendor": "pretectum"},
            {"kind": "status", "status": 429, "retry_after": 1, "share": 0.1, "vendor": "intercom"},
            {"kind": "concurrent_limit", "share": 0.05, "vendor": "salesforce"},
        ),
    ),
    "throttled-silently": Profile(
        "429 storms without Retry-After or any other hint",
        (
            {
                "kind": "status",
                "status": 429,
                "share": 0.2,
                "vendor": "hubspot",
                "detail": {"policy": "SECONDLY"},
            },
            {"kind": "status", "status": 429, "share": 0.05, "vendor": "wootric", "detail": {"silent": True}},
            {"kind": "status", "status": 429, "share": 0.05, "vendor": "pretectum"},
            {"kind": "status", "status": 429, "share": 0.05, "vendor": "mixpanel"},
            {"kind": "concurrent_limit", "share": 0.05, "vendor": "salesforce"},
        ),
    ),
    "quota": Profile(
        "somebody else spends the rest of the day's calls, in the middle of a run", _quota(after=5)
    ),
    "old-tokens": Profile(
        "tokens die while they are used: every tenth call", ({"kind": "expired_token", "share": 0.1},)
    ),
    "field-gone": Profile("overnight the comment field is deleted", _drift("delete")),
    "field-renamed": Profile("overnight the comment field gets another name", _drift("rename")),
    "field-read-only": Profile("overnight the comment field may no longer be written", _drift("read_only")),
    "locked": Profile(
        "records that somebody else is saving: UNABLE_TO_LOCK_ROW, 423, another version", _LOCKED
    ),
    "slow-bulk": Profile(
        "bulk jobs that take an hour, longer than a run waits",
        ({"kind": "bulk_slow", "vendor": "salesforce", "detail": {"seconds": 3600}},),
    ),
    "poison": Profile(
        "one record in a hundred is refused each time, by its id (Salesforce 200, HubSpot 207)", _poison(0.01)
    ),
    "poison-quiet": Profile(
        "the same, and HubSpot says 200 with the errors inside",
        (*_poison(0.01), {"kind": "quiet_partial", "vendor": "hubspot"}),
    ),
    "poison-unnamed": Profile(
        "one bad record in a hundred makes its whole batch a 400 that does not say which", _BATCH_400
    ),
    "missing-rows": Profile(
        "one record in a hundred is left out of a 200, and not written",
        ({"kind": "missing_row", "share": 0.01},),
    ),
    "soak": Profile("faults of most kinds at once; see make soak", (*_FLAKY, *_LOCKED, *_poison(0.005))),
}


def described() -> str:
    """One line for each profile."""
    width = max(len(name) for name in PROFILES)
    return "\n".join(f"  {name:<{width}}  {profile.about}" for name, profile in PROFILES.items())
