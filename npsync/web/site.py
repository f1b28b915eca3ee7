"""What every part of the web is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from connectors.contract import Clock
from nps.events import Arrival
from npsync.config import Config
from npsync.sign_in.passwords import Passwords
from npsync.web.refusals import Refusals
from store.api import Store


class Intake(Protocol):
    """Where arrivals go before a sender hears that they arrived."""

    async def take(self, arrivals: Sequence[Arrival]) -> None:
        """They are on the disk when this returns. Raises UnavailableError when they may not be."""
        ...


@dataclass(frozen=True)
class Site:
    """`public_url` is the address others reach us at, without a slash at its end; "" when the YAML names none."""

    config: Config
    store: Store
    clock: Clock
    intake: Intake
    refusals: Refusals
    passwords: Passwords = field(default_factory=Passwords)

    @property
    def public_url(self) -> str:
        return self.config.public_url

    @property
    def root(self) -> str:
        """The path below which we stand at our public address; "" at its root."""
        return urlsplit(self.public_url).path.rstrip("/")
