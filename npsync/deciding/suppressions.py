"""Who must not be asked: somebody is added to those, or lifted again by an act of their own."""

from __future__ import annotations

from collections.abc import Sequence

from nps.asking import Suppression, SuppressionReason
from nps.errors import ConfigError
from npsync.deciding.deciders import Decider, Decision

_ABOUT = "suppression"  # the names of the person are in the trail of suppressions, and in no audit


def add(decider: Decider, keys: Sequence[str], reason: SuppressionReason, detail: str) -> int:
    """Whoever has one of these names is not asked any more. How many names are new."""
    said = [
        Suppression(key=key, reason=reason, at=decider.now, source=decider.who, detail=detail) for key in keys
    ]
    new = decider.store.suppress(said)
    if new:
        decider.note(Decision.ADD, _ABOUT, {"reason": reason.value, "names": new})
    return new


def lift(
    decider: Decider, keys: Sequence[str], reason: SuppressionReason, *, by: str, why: str
) -> Sequence[str]:
    """The names under which it was lifted. `by` and `why`: whose act it was, and which. Raises ConfigError."""
    if not by.strip() or not why.strip():
        raise ConfigError("only the person's own act lifts a suppression: say whose (--by) and which (--why)")
    lifted = [key for key in keys if decider.store.lift(key, reason, by=by, why=why, now=decider.now)]
    if not lifted:
        raise ConfigError(f"there is no suppression of this person for {reason.value}")
    decider.note(Decision.LIFT, _ABOUT, {"reason": reason.value, "names": len(lifted)})
    return lifted
