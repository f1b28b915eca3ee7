"""What somebody asked for, in words."""

from __future__ import annotations

from store.api import Action, Stand

UNFINISHED = (Stand.WANTED, Stand.DOING)

_WANTED = {
    "run": "a run of {about}",
    "plan": "a plan of {about}",
    "verify": "a verification of {about}",
    "undo": "an undo of {about}",
    "redo": "a redo of {about}",
    "reload": "a look at the changed configuration",
    "check": "a check of the file against the connected systems",
    "link": "a decision about {about}",
    "take_up": "a run of what was decided in {about}",
}
_PILL = {
    Stand.WANTED: ("waits", "busy"),
    Stand.DOING: ("under way", "busy"),
    Stand.DONE: ("done", "good"),
    Stand.FAILED: ("failed", "failed"),
}


_FORESEEN = {
    "undo": "what an undo of {about} would restore",
    "redo": "what a redo of {about} would write again",
}


def wanted(action: Action) -> str:
    """What it is: "a run of nps-to-contacts"."""
    if action.arguments.get("plan") is True and action.kind in _FORESEEN:
        return _FORESEEN[action.kind].format(about=action.about)
    return (
        _WANTED.get(action.kind, action.kind.replace("_", " ") + " {about}")
        .format(about=action.about)
        .strip()
    )


def title(action: Action) -> str:
    what = wanted(action)
    return what[0].upper() + what[1:]


def name_of(who: str) -> str:
    """A person or a token without its kind: ann."""
    return who.partition(":")[2] or who


_KINDS = {"token": "token", "cli": "command line"}


def kind_of(who: str) -> str:
    """What distinguishes them from a person of the same name who signed in; "" for that person."""
    return _KINDS.get(who.partition(":")[0], "") if ":" in who else ""


def said(action: Action) -> str:
    """One sentence: who wanted what, and how far it is."""
    stand = {
        Stand.WANTED: "waits for npsync serve",
        Stand.DOING: "is under way",
        Stand.DONE: "is done",
        Stand.FAILED: "failed",
    }[action.stand]
    return f"{title(action)}, asked for by {name_of(action.who)}, {stand}."


def pill(action: Action) -> tuple[str, str]:
    """The word for how far it is, and which kind of word."""
    outcome = action.outcome or {}
    if action.stand is Stand.DONE and action.kind == "plan":
        # That answers wait for people is no news of a plan.
        asks = outcome.get("problems") or outcome.get("breaker")
        return ("needs a look", "asks") if asks else _PILL[Stand.DONE]
    if action.stand is Stand.DONE and outcome.get("status") in ("partial", "stopped", "failed"):
        return "needs a look", "asks"
    return _PILL[action.stand]


def problem(action: Action) -> str:
    """Why it failed."""
    found = (action.outcome or {}).get("problem")
    return str(found) if found else ""
