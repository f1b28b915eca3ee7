"""Survey tools that push, as descriptions and settings over the sandbox's toys."""

from __future__ import annotations

from typing import Any

TYPEFORM_SECRET = "typeform-sandbox-secret"
WOOTRIC_SECRET = "09dfb1b73af9"


def wootric() -> dict[str, Any]:
    return {
        "type": "wootric",
        "client_id": "${WOOTRIC_ID}",
        "client_secret": "${WOOTRIC_SECRET}",
        "account_token": "${WOOTRIC_ACCOUNT_TOKEN}",
        "base_url": "${WOOTRIC_URL}",
        "hooks": {"secret": WOOTRIC_SECRET},
    }


def typeform() -> dict[str, Any]:
    return {
        "type": "http",
        "base_url": "${TYPEFORM_URL}",
        "auth": {"kind": "bearer", "token": "${TYPEFORM_TOKEN}"},
        "request": {"path": "/forms/{survey}/responses", "query": {"page_size": 1000}},
        "records": "items",
        "pages": {"kind": "last_row", "param": "before", "value": "token"},
        "since": {"kind": "time", "field": "submitted_at", "param": "since", "format": "unix_s"},
        "surveys": {"named": ["${TYPEFORM_FORM}"]},
        "fields": {
            "id": "token",
            "answered_at": "submitted_at",
            "score": "answers[?field.type=='nps'] | [0].number",
            "comment": "answers[?type=='text'] | [0].text",
            "email": "hidden.email",
            "external_id": "hidden.customer_id",
        },
        "throttle": {"calls": 2, "seconds": 1},
        "push": {
            "auth": {
                "kind": "hmac",
                "secret": TYPEFORM_SECRET,
                "header": "Typeform-Signature",
                "encoding": "base64",
                "prefix": "sha256=",
            },
            "only": "event_type == 'form_response'",
            "row": "form_response",
            "same": ["token", "landed_at", "submitted_at", "hidden", "answers"],
            "survey": "form_response.form_id",
            "key": "event_id",
        },
    }


def surveymonkey() -> dict[str, Any]:
    return {
        "type": "http",
        "base_url": "${SURVEYMONKEY_URL}",
        "auth": {"kind": "bearer", "token": "${SURVEYMONKEY_TOKEN}"},
        "request": {
            "path": "/surveys/{survey}/responses/bulk",
            "query": {"per_page": 100, "simple": True, "status": "completed", "sort_by": "date_modified"},
        },
        "records": "data",
        "pages": {"kind": "next_link", "next": "links.next"},
        "since": {
            "kind": "time",
            "field": "date_modified",
            "param": "start_modified_at",
            "overlap": "1 minutes",
        },
        "surveys": {"named": ["${SURVEYMONKEY_SURVEY}"]},
        "fields": {
            "id": "id",
            "answered_at": "date_created",
            "updated_at": "date_modified",
            "score": {
                "path": "pages[].questions[?id=='${SURVEYMONKEY_SCORE}'][] | [0].answers[0].simple_text",
                "number_in_text": True,
            },
            "external_id": "custom_variables.customer_id",
        },
        "push": {
            "auth": {
                "kind": "hmac",
                "secret": "${SURVEYMONKEY_CLIENT_ID}&${SURVEYMONKEY_CLIENT_SECRET}",
                "header": "Sm-Signature",
                "algorithm": "sha1",
                "encoding": "base64",
            },
            "id": "object_id",
            "survey": "resources.survey_id",
            "key": "event_id",
            "deleted": "event_type == 'response_deleted'",
            "list_after": "5 minutes",
        },
    }


def formbricks() -> dict[str, Any]:
    return {
        "type": "http",
        "base_url": "${FORMBRICKS_URL}",
        "auth": {"kind": "header", "header": "x-api-key", "value": "${FORMBRICKS_KEY}"},
        "request": {
            "path": "/v2/management/responses",
            "query": {"sortBy": "updatedAt", "order": "asc", "filterDateField": "updatedAt"},
        },
        "records": "data",
        "pages": {"kind": "moving_start", "param": "skip", "size": 250},
        "since": {"kind": "time", "field": "updatedAt", "param": "startDate", "order": "ascending"},
        "fields": {
            "id": "id",
            "answered_at": "createdAt",
            "updated_at": "updatedAt",
            "survey": "surveyId",
            "score": 'data."${FORMBRICKS_SCORE}"',
            "comment": 'data."${FORMBRICKS_COMMENT}"',
            "email": "contactAttributes.email",
            "external_id": "contactAttributes.userId",
        },
        "rows": {"partial": "!finished"},
        "push": {
            "auth": {
                "kind": "hmac",
                "secret": "${FORMBRICKS_WEBHOOK_SECRET}",
                "secret_is": "base64",
                "secret_prefix": "whsec_",
                "header": "webhook-signature",
                "encoding": "base64",
                "prefix": "v1,",
                "several": True,
                "signed": "id_dot_timestamp_dot_body",
                "id_header": "webhook-id",
                "timestamp_header": "webhook-timestamp",
            },
            "row": "data",
            "same": ["id", "createdAt", "updatedAt", "surveyId", "finished", "data", "contactAttributes"],
        },
    }


def intercom() -> dict[str, Any]:
    return {
        "type": "intercom",
        "access_token": "${INTERCOM_TOKEN}",
        "base_url": "${INTERCOM_URL}",
        "hooks": {"client_secret": "${INTERCOM_CLIENT_SECRET}"},
        "answers": {"score": "5001", "comment": "5002"},
    }
