"""A package beside npsync may bring a survey tool as a description, without code."""

from __future__ import annotations

from npsync.connect import Needs, described

PULSE = """
title: Pulse
limits: 60 calls a minute.
grants: [A key that reads answers.]
starter: |
  type: pulse
  key: "${PULSE_KEY}"
parameters:
  key: {about: The API key., secret: true}
base_url: https://api.pulse.example
auth: {kind: header, header: X-Api-Key, value: "{key}"}
request: {path: /v1/answers}
fields: {id: id, score: score, answered_at: at}
"""


def test_a_description_is_a_connector_with_settings_of_its_own() -> None:
    connector = described("pulse", PULSE)
    settings = connector.settings.model_validate({"key": "s3cret"})
    assert (connector.name, connector.title) == ("pulse", "Pulse")
    assert connector.settings.model_json_schema()["required"] == ["key"]
    assert connector.source is not None
    assert connector.grants(settings, Needs()) == ("A key that reads answers.",)
    assert "s3cret" not in repr(settings)
