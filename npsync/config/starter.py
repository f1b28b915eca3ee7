"""The file `npsync init` writes: chosen connectors, one survey, one sync each, comments to go on from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import dedent, indent

from connectors import registry
from connectors.contract import Connector

USUAL = ("wootric", "salesforce")


def chosen(names: Iterable[str]) -> list[Connector]:
    """The connectors by name, each once; ConfigError for one that does not exist."""
    return [registry.load(name) for name in dict.fromkeys(names)]


def variables(text: str) -> list[str]:
    """The variables of the environment a file refers to, comments aside."""
    lines = (line.partition(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#"))
    return list(dict.fromkeys(re.findall(r"(?<!\$)\$\{(\w+)\}", "\n".join(lines))))


def text(connectors: Sequence[Connector]) -> str:
    """A commented file that passes `npsync check --offline` once its variables are set."""
    sources = [each for each in connectors if each.source]
    destinations = [each for each in connectors if each.destination]
    parts = [_HEAD, _connections(connectors)]
    parts.extend(_people(destinations))
    if sources:
        parts.append(_surveys(sources))
    if any(_tells_nps(each) for each in sources):
        parts.extend(_syncs(destinations))
    return "\n".join(parts)


_HEAD = """\
# npsync: survey answers onto the records where people work.
# Check it with `npsync check --offline`; look before you leap with `npsync plan`.
# Completion in editors: run `npsync schema --out npsync.schema.json` and make this the first line:
#   yaml-language-server: $schema=npsync.schema.json

time_zone: UTC            # the business zone, like America/New_York: dates are taken here
# phone_region: US        # the country of phone numbers written without +
"""


def _connections(connectors: Sequence[Connector]) -> str:
    lines = [
        "# Accounts. Secrets come from the environment: ${NAME}, or ${file:NAME} below secrets_folder.",
        "connections:",
    ]
    for each in connectors:
        lines.append(f"  {each.name}:   # a name of your own; change it everywhere")
        lines.append(indent(_block(each), "    "))
    return "\n".join(lines)


def _block(connector: Connector) -> str:
    block = dedent(connector.starter).strip("\n")
    return f"{block}\n" if block.startswith("type:") else f"type: {connector.name}\n{block}\n"


def _people(destinations: Sequence[Connector]) -> list[str]:
    if not destinations:
        return []
    lines = ["# Who a customer is, once for each connection. The first rule with any hit decides.", "people:"]
    for each in destinations:
        lines += [f"  {each.name}:", f"    object: {_object(each)}", "    match:", *_rules(each)]
    return ["\n".join(lines) + "\n"]


def _object(connector: Connector) -> str:
    return connector.objects[0] if connector.objects else "contacts"


def _rules(connector: Connector) -> list[str]:
    """E-mail, where records can be found by it; the others are ready to be uncommented."""
    if connector.match_fields and "email" not in connector.match_fields:
        return [
            f"      - {{response: {kind}, record: {field}}}" for kind, field in connector.match_fields.items()
        ]
    fields = {"external_id": "YOUR_ID_FIELD", "email": "email", **connector.match_fields}
    lines = [
        f"      # - {{response: external_id, record: {fields['external_id']}}}   # when answers carry your id",
        f"      - {{response: email, record: {fields['email']}}}",
    ]
    if "phone" in fields:
        lines.append(f"      # - {{response: phone, record: {fields['phone']}}}   # needs phone_region")
    return lines


def _tells_nps(source: Connector) -> bool:
    return not source.metrics or "nps" in source.metrics


def _surveys(sources: Sequence[Connector]) -> str:
    """One for all that may be an NPS, and one for each of the others: their scores mean something else."""
    lines = [
        f'# The questions. To take one survey of a tool only, name its id: at: {{{sources[0].name}: "1146"}}',
        "surveys:",
    ]
    if usual := ", ".join(each.name for each in sources if _tells_nps(each)):
        lines += ["  relationship:", "    metric: nps", f"    at: [{usual}]"]
    for each in sources:
        if not _tells_nps(each):
            lines += [f"  {each.name}:", f"    metric: {each.metrics[0]}", f"    at: [{each.name}]"]
    return "\n".join(lines) + "\n"


def _syncs(destinations: Sequence[Connector]) -> list[str]:
    if not destinations:
        return []
    lines = ["# What is written where, and when. `npsync check` says which fields the records lack.", "sync:"]
    for each in destinations:
        lines.append(indent(_sync(each), "  ").rstrip("\n"))
    return ["\n".join(lines) + "\n"]


def _sync(connector: Connector) -> str:
    """Field names in the vendor's manner."""
    words = ("score", "segment", "last survey", "comment")
    score, segment, day, comment = (connector.own_field(f"NPS {word}") for word in words)
    return f"""\
nps-to-{connector.name}:
  every: 15 minutes
  survey: relationship
  to: {connector.name}
  # valid_for: 365 days     # then the fields are cleared
  fields:
    {score}: score
    {segment}: {{from: segment, map: {{promoter: Promoter, passive: Passive, detractor: Detractor}}}}
    {day}: {{from: answered_at, as: date}}
    {comment}: {{from: comment, truncate: 255}}
  tests:
    - name: a nine is a promoter
      given: {{score: 9, answered_at: "2026-03-02T12:00:00Z"}}
      expect: {{{score}: 9, {segment}: Promoter, {day}: "2026-03-02"}}
"""
