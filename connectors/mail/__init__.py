"""Mail over SMTP: our own message through the operator's relay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.contract import Alerter, Connector, Inbound, Needs, Sender, Sends, Tools
from connectors.mail.settings import MailSettings
from nps.asking import Channel


def _sender(settings: MailSettings, tools: Tools) -> Sender:
    from connectors.mail.sender import Mail

    return Mail(settings, tools)


def _alerter(settings: MailSettings, tools: Tools) -> Alerter:
    from connectors.mail.alerting import AlertMail

    return AlertMail(settings, tools)


def _called(invitation: str, step: int) -> str:
    from connectors.mail.composing import reference

    return reference(invitation, step)


def _inbound(settings: MailSettings, folder: Path) -> Inbound:
    from connectors.mail.hooks import MailHooks

    return MailHooks(settings)


def _grants(settings: MailSettings, needs: Needs) -> Sequence[str]:
    grants = [
        f"The relay {settings.host} lets npsync send as {settings.from_.addr_spec}"
        + (f", logged in as {settings.username}." if settings.username else "."),
        f"DNS of {settings.domain}: SPF names the relay, DMARC has a policy.",
        "The relay signs with DKIM for that domain, the headers List-Unsubscribe and List-Unsubscribe-Post included.",
    ]
    if settings.bounce_to:
        grants.append(f"Mail to {settings.bounce_to} with any +tag arrives in that mailbox.")
    return grants


CONNECTOR = Connector(
    name="mail",
    title="Mail (SMTP)",
    settings=MailSettings,
    grants=_grants,
    sender=_sender,
    inbound=_inbound,
    alerter=_alerter,
    sends=lambda settings: Sends(channel=Channel.EMAIL, needs="email", called=_called),
    limits="Your relay's. npsync keeps to per_minute, and to per_minute_and_domain where you set it.",
    starter="""\
type: mail
host: smtp.example.com
username: "${SMTP_USER}"
password: "${SMTP_PASSWORD}"
sender: Example Inc. <feedback@example.com>   # of a domain the relay signs for
# security: starttls                    # port 587; or tls (465)
# reply_to: support@example.com
# bounce_to: bounces@example.com        # then a bounce names the message it is about
# per_minute: 60
""",
)
