"""Alerts to a program of yours: JSON by POST, signed as Standard Webhooks asks."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Alerter, Connector, Needs, Tools
from connectors.outgoing_webhook.settings import OutgoingWebhookSettings


def _alerter(settings: OutgoingWebhookSettings, tools: Tools) -> Alerter:
    from connectors.outgoing_webhook.alerter import OutgoingWebhook

    return OutgoingWebhook(settings, tools)


def _grants(settings: OutgoingWebhookSettings, needs: Needs) -> Sequence[str]:
    return ["Your program answers a POST of JSON with a 2xx, and knows a repeated one by its webhook-id."]


CONNECTOR = Connector(
    name="outgoing_webhook",
    title="Outgoing webhook (a program of yours)",
    settings=OutgoingWebhookSettings,
    grants=_grants,
    alerter=_alerter,
    limits="Yours; npsync keeps to per_minute. An alert may arrive more than once, with the same webhook-id.",
    starter="""\
type: outgoing_webhook
url: https://alerts.example.com/npsync  # where JSON is posted to
# secret: "${ALERTS_SECRET}"            # whsec_…: signs every request, so that you know it is ours
""",
)
