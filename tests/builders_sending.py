"""Messages to people, with defaults."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from nps.asking import StepKind
from nps.sending import Message, Recipient

INVITATION = "Zk3vQ9xT7bH2mN5pL8sR1w"
ANN = Recipient(
    connection="crm",
    object="Contact",
    record_id="003AX",
    name="Ann O'Brien",
    email="ann@petrov.example",
    phone="+14155550123",
    external_id="C-007",
)


def recipient(**more: Any) -> Recipient:
    return msgspec.structs.replace(ANN, **more)


def message(**more: Any) -> Message:
    usual: dict[str, Any] = {
        "invitation": INVITATION,
        "step": 1,
        "kind": StepKind.ASK,
        "to": ANN,
        "survey": "support-csat",
        "metric": "csat",
        "ask": "How satisfied are you with the help you got?",
        "then": "What is the main reason for your score?",
        "link": f"https://nps.acme.example/s/{INVITATION}",
        "unsubscribe": f"https://nps.acme.example/u/{INVITATION}",
        "deadline": datetime(2026, 3, 16, 12, tzinfo=UTC),
        "why": "because your support case was closed",
    }
    return Message(**(usual | more))
