"""Handing one message over by HTTP: what the shared call policy says about a call, as what became of the message."""

from __future__ import annotations

from collections.abc import Callable

from connectors import wire
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.limits import Limiter, Window
from connectors.replies import Judge
from nps.errors import BudgetError, UnavailableError
from nps.sending import FailedRetryable, FateUnknown, SendOutcome

# A claim does not wait for minutes: a vendor that is busy is asked again when the step is due again.
_ATTEMPTS = 3
_PATIENCE = 45.0

TURN = 120.0
"""Seconds that a message waits for its turn. After the 300 of its claim others take it for left behind, find that it
was not sent, and send it: both would."""


def sending_policy(tools: Tools, judge: Judge, *, per_minute: int) -> CallPolicy:
    """The usual policy, less patient than a run's, and paced."""
    limiter = Limiter(tools, {"": [Window(per_minute, 60)]})
    return CallPolicy(tools, limiter, judge=judge, attempts=_ATTEMPTS, patience=_PATIENCE, turn=TURN)


def handed_over(hand: Callable[[], SendOutcome]) -> SendOutcome:
    """What `hand` says became of it, also when the vendor could not be reached or did not answer. AccessError,
    ConfigError, BudgetError and Interrupted go on to the caller: they concern everybody."""
    try:
        return hand()
    except BudgetError:
        raise
    except (wire.FateUnknown, wire.Overlong) as failure:
        return FateUnknown(str(failure))
    except UnavailableError as failure:
        return FailedRetryable("unavailable", str(failure))
