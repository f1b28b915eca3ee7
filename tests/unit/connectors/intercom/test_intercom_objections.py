"""What a contact says against being asked, read with the conversation that was closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_clock import fake_tools
from played_vendor import PlayedVendor, playing

from connectors.contract import Watch
from connectors.intercom.events import IntercomEvents
from connectors.intercom.kinds import CONVERSATION_CLOSED
from connectors.intercom.settings import IntercomSettings
from nps.events import Hint, Signal, SignalKind, Subject

CLOSED_AT, HEARD_AT, CHANGED_AT = 1_772_400_000, 1_772_400_060, 1_772_300_000
WATCHES = [Watch(CONVERSATION_CLOSED)]
CONVERSATION = {
    "id": "7",
    "open": False,
    "state": "closed",
    "updated_at": CLOSED_AT,
    "statistics": {"last_close_at": CLOSED_AT},
    "contacts": {"contacts": [{"id": "a1"}]},
}


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing("https://api.intercom.io") as played:
        yield played


def signals(vendor: PlayedVendor, occurred_at: datetime | None, **contact: Any) -> list[Signal]:
    vendor.at = {
        "/conversations/7": [(200, CONVERSATION)],
        "/contacts/a1": [
            (200, {"id": "a1", "email": "ann@acme.com", "unsubscribed_from_emails": True} | contact)
        ],
    }
    source = IntercomEvents(IntercomSettings(access_token="t"), fake_tools("chat"))  # type: ignore[arg-type]
    hint = Hint(connection="chat", key="n", subject=Subject("conversations", "7"), occurred_at=occurred_at)
    [reading] = source.read(WATCHES, [hint])
    source.close()
    return list(reading.signals)


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("updated_at", "occurred_at", "at"),
    [
        (CHANGED_AT, moment(HEARD_AT), CHANGED_AT),
        (None, moment(HEARD_AT), HEARD_AT),
        (None, None, CLOSED_AT),
    ],
)
def test_an_opt_out_counts_also_where_the_contact_does_not_say_when_it_changed(
    vendor: PlayedVendor, updated_at: int | None, occurred_at: datetime | None, at: int
) -> None:
    [signal] = signals(vendor, occurred_at, updated_at=updated_at)
    assert (signal.kind, signal.address, signal.at) == (SignalKind.UNSUBSCRIBE, "ann@acme.com", moment(at))
