"""What helps somebody with a task: who may take it, which tickets the customer has, where the record is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.contract import Case, Owner
from connectors.encoding import read_moment
from connectors.hubspot.account import Account
from connectors.hubspot.finding import Row, next_page, others, record_key
from connectors.hubspot.marked import Marked
from connectors.hubspot.properties import object_type, type_id
from connectors.hubspot.replies import answer_of
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.stages import Stages
from nps.errors import AccessError, ConfigError

_OWNERS = "/crm/v3/owners/"  # the only address of owners that HubSpot documents
_PAGE = 100
_TICKETS = "tickets"


class Surroundings:
    def __init__(self, account: Account, settings: HubSpotSettings) -> None:
        self._account = account
        self._settings = settings
        self._stages = Stages(account, account.tools.clock)
        self._tickets = Marked(account, _TICKETS, "subject")

    # ------------------------------------------------------------ owners

    def owners(self, ids: Sequence[str]) -> Mapping[str, Owner]:
        """Active ones first; those who left are asked for only when somebody is missing."""
        wanted = set(ids)
        found: dict[str, Owner] = {}
        for archived in (False, True):
            if wanted - found.keys():
                for owner in self._owners({"archived": "true" if archived else "false"}, archived):
                    if owner.id in wanted:
                        found.setdefault(owner.id, owner)
        return found

    def owner_of(self, email: str) -> Owner | None:
        address = email.strip().lower()
        if not address:
            return None
        named = self._owners({"email": address, "archived": "false"}, False)
        return next((owner for owner in named if (owner.email or "").lower() == address), None)

    def _owners(self, asked: Mapping[str, str], archived: bool) -> Iterator[Owner]:
        after: str | None = None
        while True:
            page = {"limit": str(_PAGE), **asked} | ({"after": after} if after else {})
            reply = self._account.http.request("GET", _OWNERS, params=page, what="owners")
            if reply.status != 200:
                reason = self._account.noted(reply, "owners")
                raise ConfigError(
                    f"{self._account.tools.connection}: HubSpot does not tell the account's owners "
                    f"({reason.code}: {reason.message})"
                )
            said = answer_of(reply)
            for row in said.get("results") or ():
                yield _owner(row, archived)
            if (after := next_page(said)) is None:
                return

    # ------------------------------------------------------------ tickets

    def cases(self, object: str, ids: Sequence[str], since: datetime) -> Mapping[str, Sequence[Case]]:
        if object_type(object) not in ("contacts", "companies"):
            return {}
        try:
            return self._cases(object, ids, since)
        except AccessError:
            # Without the scope a task says less, which is no reason not to give it.
            self._account.tools.notice("hubspot_tickets_not_visible")
            return {}

    def _cases(self, object: str, ids: Sequence[str], since: datetime) -> Mapping[str, Sequence[Case]]:
        known, asks = self._account.known(object), record_key(object).asks
        tickets: dict[str, list[str]] = {}
        for id, association in self._account.associated(
            known, _TICKETS, [id for id in ids if asks(id)], enough=lambda _: False
        ):
            tickets.setdefault(id, []).extend(others(association))
        closed_at = self._settings.events.closed_at
        shown = ["subject", "hs_pipeline_stage", "createdate", closed_at]
        every = dict.fromkeys(ticket for listed in tickets.values() for ticket in listed)
        cases = {
            id: self._case(id, row, closed_at) for id, row in self._tickets.read(list(every), shown).items()
        }
        found = {}
        for id, listed in tickets.items():
            of_one = [cases[ticket] for ticket in dict.fromkeys(listed) if ticket in cases]
            latest = [case for case in of_one if case.is_open or case.opened_at >= since]
            if latest:
                found[id] = sorted(latest, key=lambda case: (case.opened_at, case.id), reverse=True)
        return found

    def _case(self, id: str, row: Row, closed_at: str) -> Case:
        held = row["properties"]
        stage = held.get("hs_pipeline_stage")
        is_open = not self._stages.is_closed(stage)
        return Case(
            id=id,
            subject=held.get("subject") or "",
            status=self._stages.label(stage),
            is_open=is_open,
            opened_at=read_moment(held.get("createdate") or "") or datetime.fromtimestamp(0, UTC),
            closed_at=None if is_open else read_moment(held.get(closed_at) or ""),
        )

    # ------------------------------------------------------------ pages

    def page(self, object: str, id: str) -> str:
        template = self._settings.record_url
        return (
            template.replace("{type}", type_id(object_type(object))).replace("{id}", id) if template else ""
        )


def _owner(row: Mapping[str, Any], archived: bool) -> Owner:
    name = " ".join(str(row[part]) for part in ("firstName", "lastName") if row.get(part))
    active = not (archived or row.get("archived"))
    return Owner(str(row["id"]), name, str(row["email"]) if row.get("email") else None, active)
