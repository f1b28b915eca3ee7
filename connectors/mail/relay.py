"""The connection to a relay: kept open for many mails, opened again when it broke, one mail at a time."""

from __future__ import annotations

import re
import smtplib
import ssl
import threading
from contextlib import suppress
from datetime import timedelta

from connectors.contract import Tools
from connectors.going import heard
from connectors.mail.composing import Letter
from connectors.mail.replies import SmtpReply, Stage, may_be_about_one_mail, outcome
from connectors.mail.settings import MailSettings
from nps.errors import AccessError, NpsyncError, UnavailableError
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown, SendOutcome

_IDLE = 30.0  # seconds after which the connection is asked whether it still lives
_OTHERS_FIRST = timedelta(hours=6)
_STOPPED_BY = "stopped_by"
_BROKEN = (smtplib.SMTPServerDisconnected, OSError)


class _Dead(Exception):
    """The connection broke before the content's end: the mail was surely not taken."""


class Relay:
    """Thread-safe: mails take turns. Nothing it raises holds an address or what the relay said about one."""

    def __init__(self, settings: MailSettings, tools: Tools, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tools = tools
        self._tls = tls or ssl.create_default_context()
        self._lock = threading.Lock()
        self._smtp: smtplib.SMTP | None = None
        self._carried = 0
        self._used_at = 0.0

    def deliver(self, letter: Letter) -> SendOutcome:
        """Hand one mail over, once. Raises AccessError when the relay refuses us rather than this person."""
        with self._lock:
            for _ in range(2):  # a connection that was kept may have gone stale: then a new one, once
                fresh = self._smtp is None
                try:
                    smtp = self._opened()
                except UnavailableError as failure:
                    return FailedRetryable("unreachable", str(failure))
                try:
                    return self._handed_over(smtp, letter)
                except _Dead:
                    self._drop()
                    if fresh:
                        break
        return FailedRetryable("connection_lost", "the relay closed the connection before it took the mail")

    def try_out(self) -> None:
        """Connect, encrypt and log in, and offer the sender's address. AccessError or UnavailableError say what is
        wrong."""
        with self._lock:
            smtp = self._opened()
            try:
                code, text = smtp.mail(self._settings.from_.addr_spec)
                smtp.rset()
            except _BROKEN:
                self._drop()
                raise UnavailableError(f"{self._where}: the relay closed the connection") from None
            if code != 250:
                refused = outcome(SmtpReply.of(code, text), Stage.SENDER, self._tools.connection)
                raise UnavailableError(f"{self._where}: {_reason(refused)}")

    def close(self) -> None:
        with self._lock:
            smtp, self._smtp = self._smtp, None
            if smtp is not None:
                with suppress(smtplib.SMTPException, OSError):
                    smtp.quit()
                smtp.close()

    # ------------------------------------------------------------ one mail

    def _handed_over(self, smtp: smtplib.SMTP, letter: Letter) -> SendOutcome:
        if letter.international and not smtp.has_extn("smtputf8"):
            return FailedPermanent(
                "needs_smtputf8", "the address has letters outside ASCII, and the relay does not take those"
            )
        if (limit := _size_limit(smtp)) and len(letter.content) > limit:
            return FailedPermanent("too_large", f"the relay takes mails of {limit} bytes at most")
        self._tools.count_call()
        options = ["SMTPUTF8"] if letter.international else []
        refused = self._before_the_content(smtp, letter, options)
        if refused is not None:
            return refused
        try:
            smtp.send(_dots_doubled(letter.content))
        except _BROKEN:
            raise _Dead from None  # without its last line the relay throws the mail away
        try:
            smtp.send(b".\r\n")
            code, text = smtp.getreply()
        except (smtplib.SMTPException, OSError):
            self._drop()
            return _unknown(
                "the connection broke after the whole mail had left, before the relay answered", letter
            )
        self._carried += 1
        self._used_at = self._tools.clock.monotonic()
        return self._ruled(smtp, code, text, letter)

    def _before_the_content(
        self, smtp: smtplib.SMTP, letter: Letter, options: list[str]
    ) -> SendOutcome | None:
        """None when the relay waits for the content."""
        try:
            stage, (code, text) = Stage.SENDER, smtp.mail(letter.sender, options)
            if code == 250:
                stage, (code, text) = Stage.RECIPIENT, smtp.rcpt(letter.to)
            if code in (250, 251) and stage is Stage.RECIPIENT:
                stage, (code, text) = Stage.CONTENT, smtp.docmd("DATA")
        except _BROKEN:
            raise _Dead from None
        if code in (421, -1):
            raise _Dead  # tired of this connection, not of the mail
        return None if code == 354 else self._not_taken(smtp, SmtpReply.of(code, text), stage, letter)

    def _ruled(self, smtp: smtplib.SMTP, code: int, text: bytes, letter: Letter) -> SendOutcome:
        if 200 <= code < 300:
            if self._carried >= self._settings.mails_per_connection:
                self._drop(politely=True)
            return Accepted(letter.reference)
        if not 400 <= code < 600:
            self._drop()
            return _unknown("the relay's answer to the whole mail cannot be understood", letter)
        return self._not_taken(smtp, SmtpReply.of(code, text), Stage.CONTENT, letter)

    def _not_taken(self, smtp: smtplib.SMTP, reply: SmtpReply, stage: Stage, letter: Letter) -> SendOutcome:
        if reply.code in (421, -1):
            self._drop()
        else:
            try:
                smtp.rset()
            except (smtplib.SMTPException, OSError):
                self._drop()
        try:
            return outcome(reply, stage, self._tools.connection)
        except AccessError:
            if may_be_about_one_mail(reply, stage) and self._stopped_us_before(letter):
                return self._out_of_the_way(reply)
            raise

    def _stopped_us_before(self, letter: Letter) -> bool:
        """Whether this mail was the one that stopped sending the last time. Remembered beyond this process: it is due
        first again, and would keep everybody else waiting for ever."""
        memory = self._tools.memory
        if memory.get([_STOPPED_BY]).get(_STOPPED_BY) == letter.reference:
            return True
        memory.put({_STOPPED_BY: letter.reference})
        return False

    def _out_of_the_way(self, reply: SmtpReply) -> SendOutcome:
        reason = f"the relay refuses this mail by policy ({reply}), again; others go first"
        return FailedRetryable(str(reply), reason, after=self._tools.clock.now() + _OTHERS_FIRST)

    # ------------------------------------------------------------ the connection

    @property
    def _where(self) -> str:
        host, port = self._settings.address
        return f"{self._tools.connection}: {host}:{port}"

    def _opened(self) -> smtplib.SMTP:
        if self._smtp is not None and self._tools.clock.monotonic() - self._used_at > _IDLE:
            with suppress(smtplib.SMTPException, OSError):
                if self._smtp.noop()[0] == 250:
                    self._used_at = self._tools.clock.monotonic()
                    return self._smtp
            self._drop()
        if self._smtp is None:
            self._smtp = self._connected()
            self._carried = 0
            self._used_at = self._tools.clock.monotonic()
        return self._smtp

    def _connected(self) -> smtplib.SMTP:
        # Raised outside the handlers: what the library says may quote what it sent, a password among it.
        failure: NpsyncError
        smtp: smtplib.SMTP | None = None
        try:
            with heard(self._tools):
                smtp = self._greeted()
                self._logged_in(smtp)
            return smtp
        except NpsyncError as known:
            failure = known
        except ssl.SSLCertVerificationError as error:
            failure = AccessError(
                f"{self._where}: the TLS certificate could not be verified ({error.verify_message}); "
                "a company's own certificates are named by SSL_CERT_FILE"
            )
        except ssl.SSLError as error:
            failure = UnavailableError(
                f"{self._where}: no TLS ({error.reason}); is `security` right for this port?"
            )
        except smtplib.SMTPResponseException as error:
            failure = self._greeting_refused(SmtpReply.of(error.smtp_code, error.smtp_error))
        except TimeoutError:
            failure = UnavailableError(f"{self._where}: no answer in time; are port and `security` right?")
        except (smtplib.SMTPException, OSError) as error:
            words = (
                "the relay closed the connection"
                if isinstance(error, smtplib.SMTPException)
                else "no connection"
            )
            failure = UnavailableError(
                f"{self._where}: {words}; check host and port, and this machine's firewall"
            )
        if smtp is not None:
            smtp.close()
        raise failure

    def _greeted(self) -> smtplib.SMTP:
        settings = self._settings
        host, port = settings.address
        seconds = settings.timeout.total_seconds()
        smtp: smtplib.SMTP
        if settings.security == "tls":
            smtp = smtplib.SMTP_SSL(host, port, settings.hello, timeout=seconds, context=self._tls)
        else:
            smtp = smtplib.SMTP(host, port, settings.hello, timeout=seconds)
        smtp.ehlo_or_helo_if_needed()
        if settings.security == "starttls":
            if not smtp.has_extn("starttls"):
                smtp.close()
                raise AccessError(
                    f"{self._where}: the relay offers no STARTTLS, and mail is not sent unencrypted; "
                    "say security: tls if it expects TLS from the start (usual on port 465)"
                )
            smtp.starttls(context=self._tls)
            smtp.ehlo_or_helo_if_needed()
        return smtp

    def _logged_in(self, smtp: smtplib.SMTP) -> None:
        settings = self._settings
        if settings.username is None or settings.password is None:
            return
        if not smtp.has_extn("auth"):
            raise AccessError(
                f"{self._where}: the relay offers no login; remove username and password, or encrypt"
            )
        try:
            smtp.login(settings.username, settings.password.get_secret_value())
            return
        except smtplib.SMTPNotSupportedError:
            code = 0
        except smtplib.SMTPAuthenticationError as error:
            code = error.smtp_code
        if 400 <= code < 500:
            raise UnavailableError(f"{self._where}: the relay cannot check the login now ({code})")
        if code:
            raise AccessError(
                f"{self._where}: the relay refuses the login ({code}); check username and password"
            )
        raise AccessError(
            f"{self._where}: the relay offers no way to log in that we know (PLAIN, LOGIN, CRAM-MD5)"
        )

    def _greeting_refused(self, reply: SmtpReply) -> NpsyncError:
        try:
            refused = outcome(reply, Stage.HELLO, self._tools.connection)
        except AccessError as refusal:
            return refusal
        return UnavailableError(f"{self._where}: {_reason(refused)}")

    def _drop(self, *, politely: bool = False) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            if politely:
                with suppress(smtplib.SMTPException, OSError):
                    smtp.quit()
            smtp.close()


def _unknown(reason: str, letter: Letter) -> FateUnknown:
    """A bounce that names the mail still finds it."""
    return FateUnknown(reason, letter.reference)


def _reason(refused: SendOutcome) -> str:
    return refused.reason if not isinstance(refused, Accepted) else ""


def _size_limit(smtp: smtplib.SMTP) -> int:
    told = smtp.esmtp_features.get("size", "")
    return int(told) if told.isdigit() else 0


def _dots_doubled(content: bytes) -> bytes:
    """A line that begins with a dot gets another one, and the last line ends."""
    doubled = re.sub(rb"(?m)^\.", b"..", content)
    return doubled if doubled.endswith(b"\r\n") else doubled + b"\r\n"
