"""Asks by mail: our own message, our own page, the operator's relay."""

from __future__ import annotations

import ssl
from hashlib import blake2b
from zoneinfo import ZoneInfo

from connectors.contract import Grant, Needs, Tools, Verdict
from connectors.handing import TURN, handed_over
from connectors.limits import Limiter, Window
from connectors.mail.composing import BadAddress, Letter, Unsafe, letter
from connectors.mail.relay import Relay
from connectors.mail.rendering import TemplateProblem, Templates, render
from connectors.mail.settings import MailSettings
from nps.errors import RejectedError
from nps.phrases import choose
from nps.sending import FailedPermanent, Message, SendOutcome


class Mail:
    """One mail per message. Accepted: the relay took it; bounces come later, as mail or by the service's webhook."""

    def __init__(self, settings: MailSettings, tools: Tools, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tools = tools
        self._limiter = Limiter(tools, {"": [Window(settings.per_minute, 60)]})
        self._relay = Relay(settings, tools, tls)
        self._templates = Templates.of(settings.templates, tools.folder)
        self._zone = ZoneInfo(tools.time_zone)

    def send(self, message: Message) -> SendOutcome:
        try:
            made = self._written(message)
        except BadAddress as problem:
            return FailedPermanent("bad_address", str(problem), address=True)
        except Unsafe as problem:
            return FailedPermanent("unsafe_text", str(problem))
        except RejectedError as problem:
            return FailedPermanent(problem.code, str(problem))
        return handed_over(lambda: self._handed_over(made))

    def find(self, message: Message) -> SendOutcome | None:
        """No relay can be asked about a mail."""
        return None

    def access(self, needs: Needs) -> list[Grant]:
        self._relay.try_out()
        domain = self._settings.domain
        return [
            *(_unusable(problem) for problem in self._templates.problems()),
            Grant(f"send as {domain}", "survey mails", Verdict.OK, "the relay took the sender's address"),
            Grant(
                f"SPF, DKIM and DMARC for {domain}",
                "mailbox providers put unsigned mail aside; the relay signs, also the two unsubscribe headers",
                Verdict.UNTESTED,
                "send one mail to a mailbox of yours and look for dkim=pass in its headers",
            ),
        ]

    def close(self) -> None:
        self._relay.close()

    def _written(self, message: Message) -> Letter:
        words = render(message, self._tools.look, templates=self._templates, zone=self._zone)
        language = choose([message.language, message.to.language])
        return letter(message, words, self._settings, self._tools.clock.now(), language=language)

    def _handed_over(self, made: Letter) -> SendOutcome:
        self._wait_for_a_turn(made.to.rpartition("@")[2])
        return self._relay.deliver(made)

    def _wait_for_a_turn(self, domain: str) -> None:
        # What processes share of it stands in the store, where no customer's domain is to be read.
        bucket = blake2b(domain.encode(), digest_size=8).hexdigest()
        if self._settings.per_minute_and_domain is not None:
            self._limiter.tighten(self._settings.per_minute_and_domain, 60, bucket=bucket)
        self._limiter.acquire(bucket, patience=TURN)


def _unusable(problem: TemplateProblem) -> Grant:
    return Grant("a template that can be filled in", "the words of the mail", Verdict.MISSING, str(problem))
