"""`npsync connectors`: what each connector declares about itself."""

from __future__ import annotations

from typing import Any

from connectors import registry
from connectors.contract import Connector, EventKind
from npsync.cli import output
from npsync.words.capabilities import NO, asks, capabilities, usual_grants

_WAYS = {"poll": "asking", "hook": "being told"}


def show(name: str | None, *, as_json: bool) -> None:
    if name is not None:
        connector = registry.load(name)
        if as_json:
            output.say_json(_facts(connector) | {"settings": connector.settings.model_json_schema()})
        else:
            _tell(connector)
        return
    found = [registry.load(each) for each in registry.names()]
    if as_json:
        output.say_json({"connectors": [_facts(each) for each in found]})
        return
    output.table(
        ("type", "what", "can", "confidence"),
        [(each.name, each.title, _can(each), each.confidence.value) for each in found],
    )
    output.say()
    for each in found:
        if each.write_only.when:
            output.say_wrapped(f"{each.name} only writes {each.write_only.when}.", then="  ")
    output.say("More about one: npsync connectors NAME")


def _can(connector: Connector) -> str:
    return ", ".join(name for name, how in capabilities(connector).items() if how != NO)


def _facts(connector: Connector) -> dict[str, Any]:
    return {
        "type": connector.name,
        "title": connector.title,
        "can": capabilities(connector),
        "objects": list(connector.objects),
        "write_only": connector.write_only.when,
        "match_fields": dict(connector.match_fields),
        "channels": list(connector.channels),
        "metrics": list(connector.metrics),
        "asks": asks(connector),
        "hook": connector.inbound is not None,
        "events": [_kind(each) for each in connector.event_kinds],
        "edits": connector.edits,
        "limits": connector.limits,
        "grants": list(usual_grants(connector)),
        "confidence": connector.confidence.value,
    }


def _tell(connector: Connector) -> None:
    output.say(f"{connector.title} (type: {connector.name}), {connector.confidence.value}")
    rows = [
        ("can", _can(connector)),
        ("writes records", ", ".join(connector.objects) if connector.destination else "-"),
        ("only writes", connector.write_only.when),
        ("matches by", ", ".join(f"{key} = {field}" for key, field in connector.match_fields.items())),
        ("channels", ", ".join(connector.channels)),
        ("scores", ", ".join(connector.metrics)),
        ("asks", asks(connector) or "-"),
        ("takes posts", "at /hooks/CONNECTION" if connector.inbound else ""),
        ("edited answers", connector.edits),
        ("limits", connector.limits),
    ]
    output.say()
    output.table(("", ""), [row for row in rows if row[1]])
    if connector.event_kinds:
        output.say()
        output.say("Events that can ask for a survey (triggers: NAME: event: {connection, kind, …})")
        output.table(
            ("kind", "when", "keys", "learnt by"), [kind_row(each) for each in connector.event_kinds]
        )
    output.say()
    output.say("To grant, for everything it can do (npsync connect CONNECTION: what your file needs)")
    for each in usual_grants(connector):
        output.say_wrapped(each, indent="  - ", then="    ")
    output.say()
    output.say("Settings")
    output.table(("key", "", "what"), list(_settings(connector)))
    if connector.starter:
        output.say()
        output.say("To begin with")
        output.say("  " + connector.starter.strip().replace("\n", "\n  "))


def _kind(kind: EventKind) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "about": kind.about,
        "object": kind.object,
        "opposite": kind.opposite,
        "by": list(kind.by),
        "past": kind.past,
        "parameters": kind.parameters.model_json_schema(),
    }


def kind_row(kind: EventKind) -> tuple[str, str, str, str]:
    """A kind of event for people: its name, when it happens, the keys a trigger gives beside it, how it is learnt."""
    fields = kind.parameters.model_fields.items()
    keys = ", ".join(name if field.is_required() else f"[{name}]" for name, field in fields)
    about = f"{kind.about}; taken back by {kind.opposite}" if kind.opposite else kind.about
    return kind.name, about, keys, " or ".join(_WAYS.get(way, way) for way in kind.by)


def _settings(connector: Connector) -> list[tuple[str, str, str]]:
    return [
        (field.alias or name, "required" if field.is_required() else "", field.description or "")
        for name, field in connector.settings.model_fields.items()
    ]
