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
        "type": "typeform",
        "base_url": "${TYPEFORM_URL}",
        "token": "${TYPEFORM_TOKEN}",
        "forms": ["${TYPEFORM_FORM}"],
        "hook_secret": TYPEFORM_SECRET,
    }


def surveymonkey() -> dict[str, Any]:
    return {
        "type": "surveymonkey",
        "base_url": "${SURVEYMONKEY_URL}",
        "access_token": "${SURVEYMONKEY_TOKEN}",
        "surveys": ["${SURVEYMONKEY_SURVEY}"],
        "client_id": "${SURVEYMONKEY_CLIENT_ID}",
        "client_secret": "${SURVEYMONKEY_CLIENT_SECRET}",
    }


def formbricks() -> dict[str, Any]:
    return {
        "type": "formbricks",
        "base_url": "${FORMBRICKS_URL}",
        "api_key": "${FORMBRICKS_KEY}",
        "score_question": "${FORMBRICKS_SCORE}",
        "comment_question": "${FORMBRICKS_COMMENT}",
        "hook_secret": "${FORMBRICKS_WEBHOOK_SECRET}",
    }


def intercom() -> dict[str, Any]:
    return {
        "type": "intercom",
        "access_token": "${INTERCOM_TOKEN}",
        "base_url": "${INTERCOM_URL}",
        "hooks": {"client_secret": "${INTERCOM_CLIENT_SECRET}"},
        "answers": {"score": "5001", "comment": "5002"},
    }
