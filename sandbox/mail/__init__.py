"""An SMTP inbox: takes every mail on this machine, shows it to people and tests, and misbehaves on request."""

from sandbox.mail.inbox import MailHost
from sandbox.toy import Room


def toy(room: Room) -> MailHost:
    return MailHost(room)
