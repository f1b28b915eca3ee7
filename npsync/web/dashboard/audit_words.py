"""What somebody did or looked at, in words."""

from __future__ import annotations

from collections.abc import Mapping

from npsync.deciding.deciders import Decision
from npsync.web.dashboard.words import many
from store.api import Audited

READ_PLAN = "read plan"
_SEARCHED = "searched for people"
_DONE = {each.value: each.done for each in Decision}
_WHERE = {
    "read": "{about}",
    "read of people": "{about}",
    "read comments": "comments",
    "read changes": "changes of {about}",
    "read answers": "answers of {about}",
}
PAGES: Mapping[str, tuple[str, str]] = {
    "answer": ("Review, an answer", ""),
    "review": ("Review, Whose are they?", "/review"),
    "held": ("Review, Suspicious", "/held"),
    "waiting": ("Review, No record yet", "/waiting"),
    "dead-letters": ("Review, Not written", "/dead-letters"),
    "follow-ups": ("Review, Follow-ups", "/follow-ups"),
    "decisions": ("Review, Decided", "/decisions"),
    "customers": ("Customers", "/customers"),
    "invitations": ("Invitations, Who was asked", "/invitations/asked"),
    "not asked": ("Invitations, Who was not", "/invitations/not-asked"),
    "due": ("Invitations, Due later", "/invitations/due"),
    "suppressions": ("Invitations, Never ask", "/suppressions"),
}
"""Pages as the trail names them: (what they are called where they are, their address)."""

_TOLD = ("page", "people", "action")  # in the sentence, or by the link
_COUNTED = ("answers", "letters", "follow_ups")  # of one, what it was done to is told by its name
LONGEST = 300


def said(one: Audited) -> str:
    """ "looked at 12 people: Invitations, Never ask", "ignored answer mail:a1"."""
    if one.what == "read a person" or (one.what == "read" and one.facts.get("page") == "why"):
        return f"looked at {one.about or 'somebody nothing is known of'}"
    if one.what == _SEARCHED:
        return f"searched for somebody: {_people(one) or 'nobody'} found"
    if one.what == READ_PLAN:
        return f"looked at a plan of {one.about}"
    if one.what in _WHERE:
        where = _WHERE[one.what].format(about=PAGES.get(one.about, (one.about, ""))[0])
        people = _people(one)
        return f"looked at {people}: {where}" if people else f"looked at {where}, where nobody was"
    about = f"an invitation of {one.about}" if one.what == Decision.CANCEL else one.about
    return f"{_DONE.get(one.what, one.what)} {about}".strip()


def facts(one: Audited) -> str:
    """What the sentence does not say."""
    told = (
        f"{name.replace('_', ' ')} {_shown(value)}"
        for name, value in one.facts.items()
        if name not in _TOLD and value not in (None, "", [], {}) and not (name in _COUNTED and value == 1)
    )
    return " · ".join(told)[:LONGEST]


def _people(one: Audited) -> str:
    number = one.facts.get("people")
    return many(number, "person", "people") if isinstance(number, int) and number else ""


def _shown(value: object) -> str:
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)
