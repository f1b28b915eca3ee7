"""Pages of a Mixpanel cohort's sync, as the vendor file shows them."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import orjson

from connectors.contract import Posted, Taken
from connectors.mixpanel.settings import MixpanelSettings
from nps.events import Hint

HOOKS = {"username": "npsync", "password": "a-password-of-the-sync"}
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
JO = {"email": "Jo@Example.com", "mixpanel_distinct_id": "u-1001", "first_name": "Jo", "phone_number": "+1"}


def settings(**hooks: Any) -> MixpanelSettings:
    return MixpanelSettings.model_validate({"project_id": "1", "hooks": HOOKS | hooks})


def login(username: str = "npsync", password: str = HOOKS["password"]) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def posted(told: Any, header: str | None = None) -> Posted:
    body = told if isinstance(told, bytes) else orjson.dumps(told)
    headers = {"authorization": login() if header is None else header}
    return Posted("POST", "https://ask.acme.example/hooks/product", headers, body, NOW)


def page(action: str, *members: Any, number: int = 1, of: int = 1, session: str = "s-1") -> dict[str, Any]:
    """As the vendor file shows it."""
    return {
        "action": action,
        "parameters": {
            "mixpanel_project_id": "1",
            "mixpanel_cohort_name": "Used export",
            "mixpanel_cohort_id": "99",
            "mixpanel_cohort_description": "d",
            "mixpanel_session_id": session,
            "page_info": {"total_pages": of, "page_count": number},
            "members": list(members),
        },
    }


def hints(taken: Taken) -> list[Hint]:
    return [one for one in taken.arrivals if isinstance(one, Hint)]
