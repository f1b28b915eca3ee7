"""What the account is known by, and how it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

API_KEY = "promoter-sandbox-key-7C2E"
CAMPAIGNS = {99: "Relationship", 100: "After support"}
CAMPAIGN_STATUS = {99: "ACTIVE", 100: "COMPLETE"}


class Refusal(ValueError):
    """400 and its like: `{"field": ["what is wrong"]}`."""

    def __init__(self, body: Mapping[str, Any], status: int = 400) -> None:
        super().__init__(str(body))
        self.body = body
        self.status = status
