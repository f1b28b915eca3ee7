"""Alerts by mail: plain text, through the same relay as survey mails."""

from __future__ import annotations

from email.message import EmailMessage
from hashlib import blake2b

from connectors.contract import Alert, Grant, Needs, Tools, Verdict
from connectors.limits import Limiter, Window
from connectors.mail.composing import BODY, Letter, on_the_wire
from connectors.mail.relay import Relay
from connectors.mail.settings import MailSettings, as_address
from connectors.wire import FateUnknown
from nps import sending
from nps.errors import ConfigError, RejectedError, UnavailableError
from nps.keys import email_key
from nps.sending import Accepted, FailedPermanent, FailedRetryable

_LONGEST_SUBJECT = 150


class AlertMail:
    """One mail per alert. What may have arrived is not sent again: mail knows no idempotency key."""

    def __init__(self, settings: MailSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._limiter = Limiter(tools, {"": [Window(settings.per_minute, 60)]})
        self._relay = Relay(settings, tools)

    def alert(self, alert: Alert) -> str:
        made = letter_of(alert, self._recipient(alert), self._settings, self._tools)
        self._limiter.acquire()
        where = f"{self._tools.connection}: send an alert"
        match self._relay.deliver(made):
            case Accepted():
                return made.reference
            case FailedPermanent(code, reason):
                raise RejectedError(f"{where}: {reason}", code=code)
            case FailedRetryable(_, reason):
                raise UnavailableError(f"{where}: {reason}")
            case sending.FateUnknown(reason):
                raise FateUnknown(f"{where}: {reason}")
            case other:
                raise RejectedError(f"{where}: the relay does not write to this address", code=str(other))

    def access(self, needs: Needs) -> list[Grant]:
        self._relay.try_out()
        sender = f"send as {self._settings.domain}"
        return [Grant(sender, "alerts", Verdict.OK, "the relay took the sender's address")]

    def close(self) -> None:
        self._relay.close()

    def _recipient(self, alert: Alert) -> str:
        to = alert.to or alert.owner_email or ""
        if not to:
            raise ConfigError(f"{self._tools.connection}: to whom? Say `to`, or let the record have an owner")
        if email_key(to) is None:
            raise ConfigError(f"{self._tools.connection}: `to` is no e-mail address")
        return to


def letter_of(alert: Alert, to: str, settings: MailSettings, tools: Tools) -> Letter:
    """The alert as a mail: everything in it is text, so nothing a customer wrote is markup."""
    called = f"alert-{blake2b(alert.key.encode(), digest_size=16).hexdigest()}"
    mail = EmailMessage(policy=BODY)
    mail["From"] = settings.from_
    mail["To"] = as_address(to)
    mail["Subject"] = _one_line(alert.title)[:_LONGEST_SUBJECT]
    mail["Date"] = tools.clock.now()
    mail["Message-ID"] = f"<{called}@{settings.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(alert))
    international = not mail["To"].addresses[0].username.isascii()
    content = on_the_wire(mail, international=international)
    return Letter(settings.from_.addr_spec, mail["To"].addresses[0].addr_spec, content, called, international)


def text_of(alert: Alert) -> str:
    """The parts below each other, a blank line between them."""
    parts = [
        _one_line(alert.title),
        "\n".join(f"{_one_line(name)}: {_one_line(value)}" for name, value in alert.facts),
        alert.text.strip(),
        "\n".join(f"> {line}" for line in alert.comment.strip().splitlines()),
        "\n".join(f"{_one_line(name)}: {url}" for name, url in alert.links),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _one_line(text: str) -> str:
    """A line break in a header would forge another one."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
