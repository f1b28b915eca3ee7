"""Asking by writing a field of the person's record that an automation of the CRM waits for: a HubSpot workflow, a
Salesforce Flow. It then sends its own message, in its own words. This is what the settings say; `field_sender` does it.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from connectors.asking import Sends
from nps.asking import Channel

NAMES = ("survey", "metric", "invitation", "step", "kind", "link", "unsubscribe", "deadline", "ask", "why")
_ITS_OWN = frozenset({"invitation", "link", "step"})  # differ from one ask of a person to the next
_PAGES = frozenset({"link", "unsubscribe"})
_FORMATTER = string.Formatter()

DESCRIPTION = (
    "To ask people by an automation of the CRM: fields of the person's record and what to write there, with names in "
    f"braces ({', '.join(NAMES)}). One of them has to hold {{invitation}} or {{link}}: an automation that waits for a "
    "change sees none where the same text is written again. With {step} reminders go the same way."
)


def _templates(templates: Mapping[str, str]) -> Mapping[str, str]:
    if not templates:
        raise ValueError("name a field and what to write there")
    used = set().union(*(names_in(name, text) for name, text in templates.items()))
    if not used & _ITS_OWN:
        raise ValueError(
            "one of the fields has to hold {invitation} or {link}: written again, the same text is no change, and the "
            "automation would not see the next ask"
        )
    return templates


def names_in(field: str, template: str) -> set[str]:
    try:
        parsed = [(name, spec, how) for _, name, spec, how in _FORMATTER.parse(template) if name is not None]
    except ValueError:
        raise ValueError(f"{field} lacks a brace; write {{{{ for a brace of the text") from None
    for name, spec, how in parsed:
        if name not in NAMES or spec or how:
            raise ValueError(f"{field} says {{{name}}}, which is no name here; there are {', '.join(NAMES)}")
    return {name for name, _, _ in parsed}


Templates = Annotated[Mapping[str, str], AfterValidator(_templates)]


def sends(templates: Mapping[str, str] | None) -> Sends | None:
    """How a connection with these templates asks; None: it does not."""
    if not templates:
        return None
    used = set().union(*(names_in(name, text) for name, text in templates.items()))
    return Sends(
        channel=Channel.OTHER,
        needs="record",
        words="ours" if "ask" in used else "vendor",
        page=bool(used & _PAGES),
        can_remind="step" in used,
        can_find=True,
        writes=tuple(templates),
    )
