"""What to grant to npsync's service key or app, and whether it was granted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connectors.contract import Creates, Grant, Needs, Verdict
from connectors.http import Http
from connectors.hubspot.properties import PRIMARY_COMPANY, object_type
from connectors.hubspot.replies import payload, refusal, scopes
from connectors.hubspot.wire import Wire
from connectors.replies import Reply

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
_OWNERS = "crm.objects.owners.read"
_LISTS_READ, _LISTS_WRITE = "crm.lists.read", "crm.lists.write"
_ACTIVITIES = ("tasks", "notes", "note")  # go with the contacts

# No record has this id, and an update without properties would change nothing anyway. It only shows whether
# HubSpot gets as far as looking for the record: it answers 403 to those who may not.
_NOBODY = "0"


def grants(needs: Needs) -> list[str]:
    """The scopes to tick, each once."""
    wanted = [read_scope(name) for name in sorted(_reads(needs))]
    wanted += [write_scope(name) for name in sorted(_writes(needs))]
    if Creates.TASKS in needs.creates:
        wanted.append(_OWNERS)
    if Creates.LISTS in needs.creates:
        wanted += [_LISTS_READ, _LISTS_WRITE]
    return list(dict.fromkeys(wanted))


def read_scope(object: str) -> str:
    return _READ_SCOPES.get(_holder(object), f"{_CUSTOM}.read")


def write_scope(object: str) -> str:
    return _WRITE_SCOPES.get(_holder(object), f"{_CUSTOM}.write")


def _holder(object: str) -> str:
    """The object whose scopes an object goes with."""
    return "contacts" if object in _ACTIVITIES else object_type(object)


def _reads(needs: Needs) -> set[str]:
    """Objects that are read, the companies behind `primary_company` among them."""
    names = {object_type(name) for name in (*needs.read, *_writes(needs))}
    if Creates.TASKS in needs.creates:
        names.add("tickets")  # a task names the customer's
    if any(PRIMARY_COMPANY in fields for fields in needs.read.values()):
        names.add("companies")
    return names


def _writes(needs: Needs) -> set[str]:
    """Objects whose records are changed or created."""
    tasks = {"tasks"} if Creates.TASKS in needs.creates else set()
    return {object_type(name) for name in (*needs.write, *needs.history)} | tasks


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

    def owners(self) -> Reply:
        return self.http.request("GET", "/crm/v3/owners/", params={"limit": "1"}, what="owners")

    def lists(self) -> Reply:
        return self.http.request("GET", f"/crm/v3/lists/{_NOBODY}", what="lists")

    def update(self, object: str) -> Reply:
        return self.wire.update(object_type(object), {"inputs": [{"id": _NOBODY, "properties": {}}]})


def tested(prober: Prober, needs: Needs) -> list[Grant]:
    """Every scope the YAML needs, tested, then what the credential can do beyond it. Nothing is written."""
    prober.account()  # a refused credential ends here, with AccessError; a 403 is about these details alone
    reads, writes = _reads(needs), _writes(needs)
    found = [_read(prober, name) for name in _one_of_each(reads, read_scope)]
    found += [
        _write(prober, name)
        for name in _one_of_each(writes, write_scope)
        if write_scope(name) != read_scope(name)
    ]
    found += _created(prober, needs)
    granted = {*map(_holder, reads)}, {*map(_holder, writes)}
    return found + _excess(prober, *granted)


def _one_of_each(names: set[str], scope: Callable[[str], str]) -> list[str]:
    """One object for each scope."""
    return sorted({scope(name): name for name in sorted(names, reverse=True)}.values())


def _created(prober: Prober, needs: Needs) -> Iterator[Grant]:
    if Creates.TASKS in needs.creates:
        yield _plainly(_OWNERS, "know who may get a task", prober.owners())
    if Creates.LISTS in needs.creates:
        yield _plainly(_LISTS_READ, "find lists and who is on them", prober.lists())
        unasked = "HubSpot offers no way to ask without changing a list"
        yield Grant(_LISTS_WRITE, "put records on lists", Verdict.UNTESTED, unasked)


def _plainly(scope: str, why: str, reply: Reply) -> Grant:
    """Of what has no records to look for: who may not is told 403."""
    if reply.status in (200, 404):
        return Grant(scope, why, Verdict.OK)
    return _grant(scope, why, reply)


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
