"""The syncs of `cli_process` with what follows an answer, on the Salesforce and HubSpot toys."""

from __future__ import annotations

from typing import Any

from cli_process import config, to_contacts, to_marketing

IN_SALESFORCE: dict[str, Any] = {
    "object": "NPS_Response__c",
    "key": "Response_Key__c",
    "fields": {
        "Contact__c": "record.id",
        "Score__c": "score",
        "Previous_Score__c": "previous_score",
        "Segment__c": {
            "from": "segment",
            "map": {"promoter": "Promoter", "passive": "Passive", "detractor": "Detractor"},
        },
        "Comment__c": "comment",
        "Answered_At__c": "answered_at",
    },
}
IN_HUBSPOT: dict[str, Any] = {
    "object": "nps_response",
    "key": "response_key",
    "fields": {"score": "score", "segment": "segment", "comment": "comment"},
}
AS_NOTES: dict[str, Any] = {
    "object": "notes",
    "fields": {"hs_note_body": {"template": "Scored {score}: {comment}"}, "hs_timestamp": "answered_at"},
}


def caring(
    contacts: dict[str, Any] | None = None, marketing: dict[str, Any] | None = None, **connections: Any
) -> dict[str, Any]:
    """Both syncs, followed up from the first of last year on, with whatever else these say."""
    since = {"follow_up_since": "2025-01-01"}
    given = config(
        to_contacts(**((since if "follow_up" in (contacts or {}) else {}) | (contacts or {}))),
        to_marketing(**((since if "follow_up" in (marketing or {}) else {}) | (marketing or {}))),
    )
    given["people"]["crm"] |= {"owner": "OwnerId", "account": {"object": "Account", "by": "AccountId"}}
    given["people"]["hub"] |= {
        "owner": "hubspot_owner_id",
        "account": {"object": "companies", "by": "primary_company"},
    }
    given["connections"] |= connections
    return given
