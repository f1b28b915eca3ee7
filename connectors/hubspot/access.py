"""What to grant to npsync's service key or app, and whether it was granted."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.calls import Reply
from connectors.contract import Grant, Needs, Verdict
from connectors.http import Http
from connectors.hubspot.properties import PRIMARY_COMPANY, object_type
from connectors.hubspot.replies import payload, refusal, scopes
from connectors.hubspot.wire import Wire

_READ_SCOPES = {
    "contacts": "crm.objects.contacts.read",
    "companies": "crm.objects.companies.read",
    "deals": "crm.objects.deals.read",
    "tickets": "tickets",
}
_WRITE_SCOPES = {
    "contacts": "crm.objects.contacts.write",
    "companies": "crm.objects.companies.write",
    "deals": "crm.objects.deals.write",
    "tickets": "tickets",  # one scope for both
}
_CUSTOM = "crm.objects.custom"

# No record has this id, and an update without properties would change nothing anyway. It only shows whether
# HubSpot gets as far as looking for the record: it answers 403 to those who may not.
_NOBODY = "0"


def grants(needs: Needs) -> list[str]:
    """The scopes to tick, each once."""
    wanted = [read_scope(name) for name in sorted(_reads(needs))]
    wanted += [write_scope(name) for name in sorted(needs.write)]
    return list(dict.fromkeys(wanted))


def read_scope(object: str) -> str:
    return _READ_SCOPES.get(object_type(object), f"{_CUSTOM}.read")


def write_scope(object: str) -> str:
    return _WRITE_SCOPES.get(object_type(object), f"{_CUSTOM}.write")


def _reads(needs: Needs) -> set[str]:
    """Objects that are read, the companies behind `primary_company` among them."""
    names = {object_type(name) for name in (*needs.read, *needs.write)}
    if any(PRIMARY_COMPANY in fields for fields in needs.read.values()):
        names.add("companies")
    return names


# ---------------------------------------------------------------- tests


@dataclass(frozen=True)
class Prober:
    """Calls that hand over a 403 instead of raising it."""

    wire: Wire
    http: Http

    def account(self) -> Reply:
        return self.http.request("GET", "/account-info/v3/details", what="account details")

    def read(self, object: str) -> Reply:
        return self.wire.read(
            object_type(object), {"inputs": [{"id": _NOBODY}], "properties": [], "propertiesWithHistory": []}
        )

    def update(self, object: str) -> Reply:
        return self.wire.update(object_type(object), {"inputs": [{"id": _NOBODY, "properties": {}}]})


def tested(prober: Prober, needs: Needs) -> list[Grant]:
    """Every scope the YAML needs, tested, then what the credential can do beyond it. Nothing is written."""
    prober.account()  # a refused credential ends here, with AccessError; a 403 is about these details alone
    reads, writes = _reads(needs), {object_type(name) for name in needs.write}
    found = [_read(prober, name) for name in sorted(reads)]
    found += [_write(prober, name) for name in sorted(writes) if write_scope(name) != read_scope(name)]
    return found + _excess(prober, reads, writes)


def _read(prober: Prober, object: str) -> Grant:
    why = f"find {object} and read their current values"
    return _grant(read_scope(object), why, prober.read(object))


def _write(prober: Prober, object: str) -> Grant:
    return _grant(write_scope(object), f"write the mapped properties of {object}", prober.update(object))


def _grant(scope: str, why: str, reply: Reply) -> Grant:
    if reply.status == 403:
        asked = " or ".join(scopes(payload(reply)))
        return Grant(
            scope, why, Verdict.MISSING, f"HubSpot asks for {asked}" if asked else "HubSpot answers 403"
        )
    if _looked(reply):
        return Grant(scope, why, Verdict.OK)
    return Grant(
        scope,
        why,
        Verdict.UNTESTED,
        f"HubSpot answered {reply.status}, which does not say whether it is granted",
    )


def _looked(reply: Reply) -> bool:
    """Whether HubSpot went to look for the record, which it does only for those who may."""
    said = payload(reply)
    reasons = [refusal(said), *(refusal(error) for error in said.get("errors") or ())]
    return reply.status in (200, 207, 404) and any(reason.not_found for reason in reasons)


def _excess(prober: Prober, reads: set[str], writes: set[str]) -> list[Grant]:
    """What can be noticed without writing: other objects the credential reads, and objects it could write."""
    found = []
    for object in sorted(_READ_SCOPES):
        if object not in reads and _looked(prober.read(object)):
            found.append(_more(read_scope(object), f"reads {object}, which no sync needs"))
        if (
            object not in writes
            and write_scope(object) != read_scope(object)
            and _looked(prober.update(object))
        ):
            found.append(_more(write_scope(object), f"could write {object}, which no sync does"))
    return found


def _more(scope: str, detail: str) -> Grant:
    return Grant(scope, "not needed", Verdict.EXCESS, detail)
