"""Slack: alerts to a channel, by an incoming webhook or by a bot."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Alerter, Confidence, Connector, Needs, Tools
from connectors.slack.settings import SlackSettings


def _alerter(settings: SlackSettings, tools: Tools) -> Alerter:
    from connectors.slack.alerter import Slack

    return Slack(settings, tools)


def _grants(settings: SlackSettings, needs: Needs) -> Sequence[str]:
    if settings.token is None:
        return ["An incoming webhook of one channel (its address is the secret: whoever has it can post)."]
    return [
        "A bot token (xoxb-…) with the scope chat:write, and the bot invited to the channel.",
        "The scope users:read.email, if alerts shall mention the owner of the record.",
    ]


CONNECTOR = Connector(
    name="slack",
    title="Slack",
    settings=SlackSettings,
    grants=_grants,
    alerter=_alerter,
    limits="About one message a second and channel; npsync keeps to per_second. An alert whose fate is not known is "
    "not repeated.",
    confidence=Confidence.PARTIAL,
    starter="""\
type: slack
webhook_url: "https://hooks.slack.com/services/${SLACK_PATH}"   # as Slack gave it to you; its end is the secret
# token: "${SLACK_TOKEN}"               # or a bot's token, and
# channel: C0123456789                  # the channel's id
# mention_owner: true                   # with a token: mention the record's owner by e-mail
""",
)
