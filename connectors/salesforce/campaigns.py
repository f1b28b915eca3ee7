"""Places on lists: members of campaigns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from connectors.contract import Making, Tools
from connectors.salesforce import soql
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import quote
from connectors.salesforce.making import Maker
from connectors.salesforce.org import Org
from nps.changes import Cause, Made, Outcome, Rejected, Unknown, Written
from nps.errors import ConfigError
from nps.values import Json, JsonFields

_CAMPAIGN, _MEMBER = "Campaign", "CampaignMember"
_PREFIX = "701"
_SHOWN = 200  # names read to guess which one was meant


class Campaigns:
    def __init__(self, org: Org, maker: Maker, tools: Tools) -> None:
        self._org = org
        self._maker = maker
        self._tools = tools
        self._lock = threading.Lock()
        self._statuses: dict[str, Mapping[str, str]] = {}

    def list_id(self, name: str, object: str) -> str:
        self._named_by(object)
        field, value = ("Id", long_id(name)) if is_campaign(name) else ("Name", name.strip())
        wanted = [soql.Wanted(field, quote(value))]
        rows = self._org.by_value(_CAMPAIGN, "Id, Name, IsActive", wanted, "", what="find a campaign")
        if not rows:
            raise self._problem(f'there is no campaign "{name}"{self._meant(name)}')
        active = [row for row in rows if row["IsActive"]]
        if not active:
            raise self._problem(
                f'the campaign "{name}" is not active; tick "Active" there, or name another one'
            )
        if len(active) > 1:
            ids = ", ".join(sorted(str(row["Id"]) for row in active))
            raise self._problem(f'{len(active)} campaigns are called "{name}"; name one by its id: {ids}')
        return str(active[0]["Id"])

    def add(self, list: str, object: str, ids: Sequence[str], status: str | None) -> Iterator[Making]:
        if not ids:
            return
        spelled = self._status(list, status)
        members = self._members(list, object, ids)
        yield from (Made(id, members[id]) for id in ids if id in members)
        people = self._people(object, [id for id in ids if id not in members])
        for id in ids:
            if id not in members and id not in people:
                yield Rejected(id, "NOT_A_PERSON", "only people are members of campaigns", cause=Cause.RECORD)
        field = self._named_by(object)
        usual: dict[str, Json] = {"CampaignId": list}
        if spelled is not None:
            usual["Status"] = spelled
        records: dict[str, JsonFields] = {id: {**usual, field: person} for id, person in people.items()}
        refused: dict[str, Making] = {}
        for one in self._maker.create(_MEMBER, records, once=True):
            if isinstance(one, Rejected):
                refused[one.record_id] = one
            else:
                yield one
        # Whatever Salesforce calls it when somebody became a member meanwhile: a member is what was wanted.
        there = self._members(list, object, [*refused])
        for id, rejected in refused.items():
            yield Made(id, there[id]) if id in there else rejected

    def drop(self, list: str, object: str, ids: Sequence[str]) -> Iterator[Outcome]:
        members = self._members(list, object, ids)
        yield from (Written(id) for id in ids if id not in members)
        dropped = {member: id for id, member in members.items()}
        for outcome in self._maker.delete(_MEMBER, [*dropped]):
            yield _renamed(outcome, dropped[outcome.record_id])

    def on(self, list: str, object: str, ids: Sequence[str]) -> frozenset[str]:
        return frozenset(self._members(list, object, ids))

    # ------------------------------------------------------------ inside

    def _named_by(self, object: str) -> str:
        """How a member names its person: people are contacts and leads, a person account by its contact."""
        if object == "Lead":
            return "LeadId"
        if object == "Contact" or (object == "Account" and self._org.table(object).person_accounts):
            return "ContactId"
        raise self._problem(
            f"only contacts, leads and person accounts are members of campaigns, not {object}"
        )

    def _people(self, object: str, ids: Sequence[str]) -> dict[str, str]:
        """Record → the person it is."""
        asked = {full: id for id in ids if (full := long_id(id)) is not None}
        if object != "Account":
            return {id: full for full, id in asked.items()}
        wanted = [soql.Wanted("Id", quote(full)) for full in asked]
        rows = self._org.by_value("Account", "Id, PersonContactId", wanted, "", what="find people")
        return {asked[row["Id"]]: str(row["PersonContactId"]) for row in rows if row["PersonContactId"]}

    def _members(self, list: str, object: str, ids: Sequence[str]) -> dict[str, str]:
        """Record → its membership, of those that are members."""
        if not ids:
            return {}
        field = self._named_by(object)
        people = {person: id for id, person in self._people(object, ids).items()}
        wanted = [soql.Wanted(field, quote(person)) for person in people]
        only = f"CampaignId = {quote(list)}"
        rows = self._org.by_value(_MEMBER, f"Id, {field}", wanted, only, what="find members of a campaign")
        return {people[row[field]]: str(row["Id"]) for row in rows}

    def _status(self, list: str, status: str | None) -> str | None:
        """As the campaign spells it; without one it takes its own default."""
        if status is None:
            return None
        known = self._known_statuses(list)
        if (spelled := known.get(status.strip().casefold())) is None:
            names = ", ".join(f'"{name}"' for name in sorted(known.values()))
            raise self._problem(f'the campaign has no member status "{status}"; it has {names or "none"}')
        return spelled

    def _known_statuses(self, list: str) -> Mapping[str, str]:
        with self._lock:
            if list not in self._statuses:
                wanted = [soql.Wanted("CampaignId", quote(list))]
                rows = self._org.by_value(
                    "CampaignMemberStatus", "Id, Label", wanted, "", what="read a campaign's member statuses"
                )
                self._statuses[list] = {str(row["Label"]).casefold(): str(row["Label"]) for row in rows}
            return self._statuses[list]

    def _meant(self, name: str) -> str:
        query = f"SELECT Id, Name FROM {_CAMPAIGN} WHERE IsActive = true ORDER BY Name LIMIT {_SHOWN}"
        names = [
            str(row["Name"])
            for page in self._org.pages(query, _CAMPAIGN, what="list campaigns")
            for row in page
        ]
        close = get_close_matches(name, names, n=1)
        if close:
            return f'; did you mean "{close[0]}"?'
        return "; create it in Salesforce, active, or name another one"

    def _problem(self, what: str) -> ConfigError:
        return ConfigError(f"{self._tools.connection}: {what}")


def is_campaign(name: str) -> bool:
    return name.strip().startswith(_PREFIX) and long_id(name) is not None


def _renamed(outcome: Outcome, id: str) -> Outcome:
    match outcome:
        case Written():
            return Written(id)
        case Unknown():
            return Unknown(id, outcome.reason)
        case Rejected():
            return Rejected(id, outcome.code, outcome.message, outcome.field, outcome.cause)
        case _:
            return type(outcome)(id, outcome.reason, outcome.until, outcome.tried)
