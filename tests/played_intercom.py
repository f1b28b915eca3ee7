"""Intercom played by replies: the workspace's attributes, and whatever a test says of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fake_clock import FakeClock, fake_tools
from played_vendor import PlayedVendor, Said, playing

from connectors.contract import Tools
from connectors.intercom.destination import Intercom
from connectors.intercom.settings import IntercomSettings
from nps.changes import Batch, Change, Outcome
from nps.values import Json

BASE = "https://api.intercom.io"
OWN = "custom_attributes."


def attribute(name: str, type: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "data_attribute",
        "name": name,
        "data_type": type,
        "custom": True,
        "api_writable": True,
        "archived": False,
        "options": [],
        **more,
    }


ATTRIBUTES = [
    attribute("nps_score", "integer"),
    attribute("nps_segment", "string", options=["promoter", "passive", "detractor"]),
    attribute("nps_last_survey_at", "date"),
    attribute("nps_asked_at", "datetime"),
    attribute("nps_comment", "string"),
    attribute("rating", "float"),
    attribute("vip", "boolean"),
    attribute("plan", "string", api_writable=False),
    attribute("old_score", "integer", archived=True),
    attribute("role", "string"),
]


def contact(id: str = "a1", **fields: Any) -> dict[str, Any]:
    own = {name.removeprefix("own_"): fields.pop(name) for name in list(fields) if name.startswith("own_")}
    return {
        "type": "contact",
        "id": id,
        "external_id": f"X-{id}",
        "role": "user",
        "email": f"{id}@acme.example",
        "phone": None,
        "custom_attributes": own,
        **fields,
    }


def page(*rows: Mapping[str, Any], after: str | None = None) -> dict[str, Any]:
    following = {"next": {"starting_after": after}} if after else {}
    return {"type": "list", "data": [*rows], "pages": {"type": "pages", **following}}


def refused(code: str, message: str = "") -> dict[str, Any]:
    return {"type": "error.list", "request_id": "req-1", "errors": [{"code": code, "message": message}]}


def merged_into(id: str) -> Said:
    return 410, refused("gone"), {"Link": f'<{BASE}/contacts/{id}>; rel="canonical"'}


@dataclass
class Office:
    """An open connection, and the vendor it talks to."""

    vendor: PlayedVendor
    crm: Intercom
    tools: Tools
    clock: FakeClock

    def says(self, path: str, *said: Said) -> None:
        self.vendor.at[path] = [*said]

    def asked(self, path: str) -> list[Any]:
        return [each for each in self.vendor.asked if each.path == path]

    def write(self, *changes: Change) -> list[Outcome]:
        object = changes[0].object
        batch = Batch(1, object, "one_by_one", changes)
        return list(self.crm.write(batch, lambda handle: None))


@contextmanager
def office(**settings: Any) -> Iterator[Office]:
    clock = FakeClock()
    tools = fake_tools("chat", clock=clock)
    with playing(BASE) as vendor:
        vendor.says = [(404, refused("not_found"))]
        vendor.at["/data_attributes"] = [(200, {"type": "list", "data": ATTRIBUTES})]
        given = {"access_token": "t0ken", "limits": {"parallel": 1}, **settings}
        crm = Intercom(IntercomSettings.model_validate(given), tools)
        yield Office(vendor, crm, tools, clock)
        crm.close()


def change(id: str = "a1", object: str = "contacts", **own: Json) -> Change:
    after = {OWN + name: value for name, value in own.items()}
    return Change(object=object, record_id=id, before=dict.fromkeys(after), after=after)
