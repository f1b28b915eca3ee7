"""The type of an error says what to do about it."""

from __future__ import annotations


class NpsyncError(Exception):
    """Everything npsync raises on purpose. The text is written for the person who reads it:
    what happened, where, and the next step, without secrets or personal data."""


class ConfigError(NpsyncError):
    """A person has to edit the YAML or the environment."""


class AccessError(NpsyncError):
    """Credentials or permissions no longer work. Stop using this connection."""


class UnavailableError(NpsyncError):
    """The vendor is busy or down. The same call may succeed later."""


class BudgetError(UnavailableError):
    """The call budget (the vendor's daily one, or the share we may use) is spent.
    The run ends cleanly; what is left stays pending."""


class StillUnderWay(UnavailableError):
    """The vendor has what was sent and is not done with it. Nothing of it is sent again; the next run asks."""


class Interrupted(NpsyncError):
    """A person or the machine asked for the end. Not a failure: what was not begun stays pending, and the next run goes
    on there. A call that would have had to wait was not made."""

    def __init__(
        self, message: str = "the run was asked to stop; the next run goes on where it ended"
    ) -> None:
        super().__init__(message)


class Collided(UnavailableError):
    """Two transactions waited for each other, and the database gave one of them up. Nothing of it was stored; the same
    may succeed at once."""


class BrokenOff(UnavailableError):
    """The database broke off what it was at, because we asked for it or its operator did. Nothing of it was kept; the
    same may succeed later."""


class RejectedError(NpsyncError):
    """One answer or record cannot be written as it is. Park it, carry on with the next.

    `code` is a stable word for machines ("map_miss", or the vendor's own code), `field` the CRM field or
    response field concerned, if one is.
    """

    def __init__(self, message: str, *, code: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class LeaseLost(NpsyncError):
    """Another process took over this sync; this one must not write any more."""


class ShardLost(NpsyncError):
    """Another process does this part of the run; what this one found out about it does not count."""
