"""Presets of tools that post without a signature: their posts say that there is something to read, and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import registry
from connectors.contract import Inbound, Posted, Refused

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASKNICELY = b'{"count":1,"person":{"id":4,"email":"ann@acme.example"},"question":{"id":77,"score":"9"}}'
RETENTLY = b'{"customer": "ann@acme.example", "score": 9}'
GIVEN = {"asknicely": {"tenant": "acme", "api_key": "key"}, "retently": {"api_key": "key"}}


def door(name: str, **more: str) -> Inbound | None:
    connector = registry.load(name)
    assert connector.inbound is not None
    return connector.inbound(connector.settings.model_validate(GIVEN[name] | more), Path())


@pytest.mark.parametrize(
    ("name", "body", "id"), [("asknicely", ASKNICELY, "77"), ("retently", RETENTLY, None)]
)
def test_a_post_with_your_header_has_the_list_read_and_is_not_believed(
    name: str, body: bytes, id: str | None
):
    inbound = door(name, hook_secret="a-long-secret")
    assert inbound is not None
    headers = {"x-npsync-secret": "a-long-secret"}
    [told] = inbound.receive(Posted("POST", "https://nps.acme.example/hooks/t", headers, body, NOW)).arrivals
    assert (told.id, told.response, told.deleted) == (id, None, False)
    assert "ann" not in repr(told)
    with pytest.raises(Refused):
        inbound.receive(Posted("POST", "https://nps.acme.example/hooks/t", {}, body, NOW))


@pytest.mark.parametrize("name", GIVEN)
def test_without_a_secret_nothing_is_taken(name: str):
    assert door(name) is None
