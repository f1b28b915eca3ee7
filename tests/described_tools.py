"""Survey tools that are read by a description, opened against a played vendor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fake_clock import MemoryInMemory, Notices, fake_tools

from connectors import registry
from connectors.contract import Source
from nps.responses import SurveyResponse

API = "https://api.tool.example/v1"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
GIVEN: dict[str, dict[str, Any]] = {
    "asknicely": {"tenant": "acme", "api_key": "k-1", "customer_id": "customer_id_c"},
    "formbricks": {"api_key": "k-1", "surveys": ["s-1"]},
    "retently": {"api_key": "k-1", "customer_id": "Customer Id"},
    "satismeter": {"api_key": "k-1", "project": "p-1", "campaigns": ["c-1"]},
    "surveymonkey": {"access_token": "k-1", "surveys": ["s-1"]},
    "typeform": {"token": "k-1", "forms": ["f-1"]},
    "zendesk_csat": {"subdomain": "acme", "email": "npsync@acme.com", "api_token": "k-1"},
}


def opened(
    name: str, notices: Notices | None = None, memory: MemoryInMemory | None = None, **changes: Any
) -> Source:
    connector = registry.load(name)
    assert connector.source is not None
    settings = connector.settings.model_validate({"base_url": API} | GIVEN[name] | changes)
    return connector.source(settings, fake_tools("tool", memory=memory, notice=notices))


def read(name: str, notices: Notices | None = None, **changes: Any) -> list[SurveyResponse]:
    """Every answer once, in the order they first came."""
    source = opened(name, notices, **changes)
    found = {one.id: one for page in source.read(None, since=SINCE) for one in page.responses}
    source.close()
    return list(found.values())
