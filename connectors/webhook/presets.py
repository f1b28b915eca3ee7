"""What known senders do, as defaults of the same keys that anybody can write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Preset = Literal["segment", "rudderstack", "mixpanel_cohort"]

_TRACK: Mapping[str, Any] = {
    "event": "event",
    "id": "messageId",
    "external_id": "userId",
    "email": ["context.traits.email", "traits.email", "properties.email"],
    "account": "context.groupId",
    "occurred_at": ["timestamp", "receivedAt"],
    "properties": "properties",
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "segment": {
        # Of a batch Segment signs the first element alone.
        "auth": {"kind": "hmac", "header": "X-Signature", "algorithm": "sha1", "signed": "first_batch_item"},
        "fields": _TRACK,
        "only": {"type": "track"},
        "erasure": {"type": "delete"},
    },
    "rudderstack": {
        "auth": {"kind": "header", "name": "Authorization"},
        "fields": _TRACK,
        "only": {"type": "track"},
    },
    "mixpanel_cohort": {
        "auth": {"kind": "basic"},
        "items": "parameters.members",
        # A full list (`members`) comes when a cohort is connected: these people did nothing just now.
        "only": {"action": "add_members"},
        "fields": {
            "event": "parameters.mixpanel_cohort_name",
            # A sync that failed begins at its top again; who leaves a cohort and comes back later is new.
            "id": "{parameters.mixpanel_cohort_id}/{mixpanel_distinct_id}/{received.date}",
            "external_id": "mixpanel_distinct_id",
            "email": "email",
            "phone": "phone_number",
        },
        "reply": {"repeat": "action", "add": {"status": "success"}},
    },
}
