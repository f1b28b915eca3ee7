"""What a connector can do, in a sentence each: for the terminal and the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.contract import Connector, Creates, Needs, Sends, Settings
from nps.asking import Channel

_CHANNELS = {
    Channel.EMAIL: "by e-mail",
    Channel.SMS: "by text message",
    Channel.IN_APP: "in the app",
    Channel.OTHER: "by a link that somebody else sends",
}
_NEEDS = {"email": "an e-mail address", "phone": "a phone number", "external_id": "your own id of the person"}


YES, PARTLY, NO = "yes", "partly", "-"


def capabilities(connector: Connector) -> Mapping[str, str]:
    """What a connection of this type can do, as it is declared; partly: only with some settings, see `write_only`."""
    records = YES if connector.destination else NO
    return {
        "source": YES if connector.source else NO,
        "find": records,
        "write": records,
        "undo": PARTLY if connector.write_only.when else records,
        **{each.value: YES if each in connector.creates else NO for each in Creates},
        "provision": YES if connector.provisioner else NO,
        "events": YES if connector.event_kinds else NO,
        "send": YES if connector.sender else NO,
        "alert": YES if connector.alerter else NO,
    }


def asks(connector: Connector) -> str:
    """How a connection of this type asks, as its starter sets it up; "" when it cannot."""
    if connector.sender is None:
        return ""
    sends = usual_sends(connector)
    return "when its settings say how" if sends is None else how(sends)


def how(sends: Sends) -> str:
    parts = [_CHANNELS[sends.channel]]
    parts.append("in your words" if sends.words == "ours" else "in the tool's own words")
    if sends.page:
        parts.append("answered on our page")
    if sends.needs in _NEEDS:
        parts.append(f"needs {_NEEDS[sends.needs]}")
    if sends.needs_survey_id:
        parts.append("and the survey's id there (`at`)")
    if not sends.can_remind:
        parts.append("no reminders")
    return ", ".join(parts)


def usual_sends(connector: Connector) -> Sends | None:
    return connector.sends(usual_settings(connector))


def usual_grants(connector: Connector) -> Sequence[str]:
    """What somebody grants who does everything with it that can be done, as far as its starter's settings go."""
    fields = frozenset(connector.match_fields.values())
    needs = Needs(
        answers=connector.source is not None,
        sends=connector.sender is not None,
        events=frozenset(kind.name for kind in connector.event_kinds),
        read=dict.fromkeys(connector.objects[:1], fields),
        write={each: frozenset({"YOUR_FIELD"}) for each in connector.objects[:1]},
        creates=connector.creates,
        history={connector.own_field("NPS response"): frozenset({"YOUR_FIELD"})}
        if Creates.HISTORY in connector.creates
        else {},
    )
    return connector.grants(usual_settings(connector), needs)


def usual_settings(connector: Connector) -> Settings:
    """Those of its starter."""
    from ruamel.yaml import YAML  # a tenth of a second that nobody else pays

    given = YAML(typ="safe").load(connector.starter) or {}
    given.pop("type", None)
    return connector.settings.model_validate(given)
