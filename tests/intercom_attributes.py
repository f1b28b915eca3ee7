"""The data attributes that surveys fill, made in the toy Intercom as an administrator makes them."""

from __future__ import annotations

from typing import Any

import requests
from sandbox_process import RunningSandbox

SURVEYS: tuple[dict[str, Any], ...] = (
    {"name": "nps_score", "data_type": "integer"},
    {
        "name": "nps_segment",
        "data_type": "options",
        "options": [{"value": "promoter"}, {"value": "passive"}, {"value": "detractor"}],
    },
    {"name": "nps_last_survey_at", "data_type": "date"},
    {"name": "nps_comment", "data_type": "string"},
)


def provide_attributes(sandbox: RunningSandbox, model: str) -> None:
    """Those that are missing."""
    headers = {"Authorization": f"Bearer {sandbox.env['INTERCOM_TOKEN']}", "Intercom-Version": "2.16"}
    at = f"{sandbox.env['INTERCOM_URL']}/data_attributes"
    listed = requests.get(at, params={"model": model}, headers=headers, timeout=10).json()["data"]
    there = {one["name"] for one in listed if one["custom"]}
    for wanted in SURVEYS:
        if wanted["name"] not in there:
            made = requests.post(at, json={"model": model, **wanted}, headers=headers, timeout=10)
            assert made.status_code == 200, made.text
