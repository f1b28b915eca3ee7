"""Creating data attributes. One that exists keeps its type for good, and a name that was archived stays taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.contract import Tools
from connectors.intercom import replies
from connectors.intercom.attributes import OWN, Attributes, attributes
from connectors.intercom.settings import IntercomSettings
from connectors.intercom.workspace import open_workspace
from connectors.provisioning import (
    Hindrance,
    Missing,
    Step,
    Wanted,
    WantedField,
    misfit,
    not_made,
)
from connectors.replies import Reply
from nps.errors import RejectedError
from nps.schema import FieldType
from nps.values import Json

_DATA_TYPES: Mapping[FieldType, str] = {
    FieldType.TEXT: "string",
    FieldType.INTEGER: "integer",
    FieldType.NUMBER: "float",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.CHOICE: "options",
}
_LEAST_OPTIONS = 2
_WHAT_TO_DO = "the API does not change that: do it in Settings > Data, or write another attribute"


class IntercomProvisioner:
    """Fulfils `connectors.provisioning.Provisioner`."""

    def __init__(self, settings: IntercomSettings, tools: Tools) -> None:
        self._tools = tools
        self._settings = settings
        self._workspace = open_workspace(settings, tools)
        own = settings.provision
        token = own.access_token if own is not None else settings.access_token
        self._http = self._workspace.with_token(token.get_secret_value())

    def missing(self, wanted: Sequence[Wanted]) -> Missing:
        there: list[WantedField] = []
        steps: list[Step] = []
        fields, hindrances = not_made(wanted, "in Intercom npsync creates data attributes alone")
        for object in dict.fromkeys(one.object for one in fields):
            known = self._known(object)
            for one in (each for each in fields if each.object == object):
                held = known.fields.get(one.name)
                if held is None:
                    why = _why_not(known, one)
                    if why:
                        hindrances.append(Hindrance(one, why))
                    else:
                        steps.append(Step(one, _says(self._workspace.model(object), one)))
                elif why := misfit(one, held.schema):
                    hindrances.append(Hindrance(one, f"{why}; {_WHAT_TO_DO}"))
                else:
                    there.append(one)
        return Missing(there, steps, hindrances)

    def create(self, step: Step) -> str:
        one = step.wanted
        assert isinstance(one, WantedField)  # no other step is planned
        model = self._workspace.model(one.object)
        reply = self._http.request(
            "POST",
            "/data_attributes",
            json=_body(model, one),
            what=f"create a data attribute of {model}",
            idempotent=False,
        )
        return _created(one, reply)

    def close(self) -> None:
        self._tools.shared.give_back()

    def _known(self, object: str) -> Attributes:
        """As they are now: somebody may have created one a moment ago."""
        model = self._workspace.model(object)
        zone = self._settings.zone(self._tools.time_zone)
        return attributes(self._tools.connection, object, zone, self._workspace.listed(model, self._http))


def _why_not(known: Attributes, one: WantedField) -> str:
    if one.name in known.archived:
        return "its name belongs to an archived attribute; bring that back in Settings > Data, or use another name"
    if not one.name.startswith(OWN):
        return f"a field of Intercom's own cannot be created; call it {OWN}{one.name}"
    if one.type is None:
        return "what it will hold is not known without an answer; say it with `as:`"
    if one.type not in _DATA_TYPES:
        return f"Intercom has no attribute for {one.type.in_words}; write it as text"
    if one.type is FieldType.CHOICE and len(one.options) < _LEAST_OPTIONS:
        return f"Intercom takes choices of at least {_LEAST_OPTIONS} options"
    return ""


def _says(model: str, one: WantedField) -> str:
    assert one.type is not None
    options = f" ({', '.join(one.options)})" if one.type is FieldType.CHOICE else ""
    return f"data attribute {one.name.removeprefix(OWN)} of {model}: {_DATA_TYPES[one.type]}{options}"


def _body(model: str, one: WantedField) -> dict[str, Json]:
    assert one.type is not None
    options: list[Json] = [{"value": option} for option in one.options]
    return {
        "name": one.name.removeprefix(OWN),
        "model": model,
        "data_type": _DATA_TYPES[one.type],
        **({"description": one.help} if one.help else {}),
        **({"options": options} if one.type is FieldType.CHOICE else {}),
    }


def _created(one: WantedField, reply: Reply) -> str:
    row = replies.mapped(reply.json()) if reply.status == 200 else {}
    if row.get("name") != one.name.removeprefix(OWN):
        raise RejectedError(
            f"Intercom refuses to create {one.name} ({replies.told(reply)})",
            code=replies.code(reply),
            field=one.name,
        )
    return str(row.get("id") or row["name"])
