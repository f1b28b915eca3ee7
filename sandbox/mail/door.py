"""The SMTP side of the inbox: who may send, what is refused, when the line goes dead."""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.faults import VendorFaults
from sandbox.traffic import Call, Traffic

USER, PASSWORD = "survey-relay", "smtp-sandbox-secret"
LARGEST = 20 * 1024 * 1024

# kind → the reply when the rule names none; `detail: {"reply": "552 5.2.2 Mailbox full"}` says another
REPLIES = {
    "refuse_sender": "550 5.7.1 Message rejected due to policy",
    "refuse_recipient": "550 5.1.1 The email account that you tried to reach does not exist",
    "defer_recipient": "451 4.3.0 Try again later",
    "refuse_message": "554 5.7.1 Message looks like spam",
    "defer_message": "451 4.7.1 Greylisted, try again later",
}
FAULT_KINDS = frozenset({*REPLIES, "drop_before_data", "drop_after_data", "refuse_login", "busy"})


@dataclass
class Rules:
    """What control may change; each connection has the rules of the moment it began."""

    auth_required: bool = False
    certificate: ssl.SSLContext | None = None  # STARTTLS is offered
    tls_required: bool = False


Keep = Callable[[str, tuple[str, ...], bytes, str | None, bool], None]


class Door:
    def __init__(self, faults: VendorFaults, traffic: Traffic, time: Callable[[], float], keep: Keep) -> None:
        self.rules = Rules()
        self._faults = faults
        self._traffic = traffic
        self._time = time
        self._keep = keep

    async def open(self, listener: socket.socket) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(self._protocol, sock=listener)

    def _protocol(self) -> asyncio.Protocol:
        from aiosmtpd.smtp import SMTP  # only when somebody connects: most sandboxes never see a mail

        # It warns of an attribute that it sets itself whenever somebody signs in.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        protocol: asyncio.Protocol = SMTP(
            self,
            hostname="mx.sandbox.example",
            ident="npsync sandbox",
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            authenticator=self._authenticate,
            auth_required=self.rules.auth_required,
            auth_require_tls=False,
            tls_context=self.rules.certificate,
            require_starttls=self.rules.tls_required,
        )
        return protocol

    # ------------------------------------------------------------ what aiosmtpd asks

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        user, password = login.login, login.password
        right = hmac.compare_digest(user, USER.encode()) and hmac.compare_digest(password, PASSWORD.encode())
        if not right or self._faults.take("refuse_login", "AUTH", user.decode(errors="replace")):
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=user.decode())

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self._faults.take("busy", "MAIL", address.lower()):
            self._note(address, 421)
            await self._hang_up(server, b"421 4.3.2 Service not available, closing channel\r\n")
            return "421 4.3.2 Service not available"
        if refused := self._reply("refuse_sender", "MAIL", address):
            return refused
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        for kind in ("refuse_recipient", "defer_recipient"):
            if refused := self._reply(kind, "RCPT", address):
                return refused
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        to = ",".join(envelope.rcpt_tos)
        if self._faults.take("drop_before_data", "DATA", to.lower()):
            self._note(to, 0)
            await self._hang_up(server)
            return "421 gone"
        for kind in ("refuse_message", "defer_message"):
            if refused := self._reply(kind, "DATA", to):
                return refused
        login = session.auth_data if session.authenticated else None
        recipients = tuple(envelope.rcpt_tos)
        self._keep(
            envelope.mail_from or "", recipients, bytes(envelope.original_content), login, bool(session.ssl)
        )
        dropped = self._faults.take("drop_after_data", "DATA", to.lower())
        self._note(to, 0 if dropped else 250)
        if dropped:
            await self._hang_up(server)  # the mail is kept, and the sender never learns it
        return "250 2.0.0 OK: queued"

    # ------------------------------------------------------------ inside

    def _reply(self, kind: str, verb: str, address: str) -> str | None:
        rule = self._faults.take(kind, verb, address.lower())
        if rule is None:
            return None
        reply = str(rule.detail.get("reply", REPLIES[kind]))
        self._note(address, int(reply[:3]))
        return reply

    def _note(self, who: str, status: int) -> None:
        self._traffic.called(Call("mail", "message", "SMTP", who, status, self._time()))

    async def _hang_up(self, server: Any, last_words: bytes = b"") -> None:
        if last_words:
            server.transport.write(last_words)
            server.transport.close()
        else:
            server.transport.abort()
