"""A real SMTP server on loopback that plays a relay: it keeps what it takes, and refuses what it is told to."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

PASSWORD = "relay-pass-71c0"


@dataclass
class Taken:
    """One mail as the relay got it."""

    sender: str
    to: list[str]
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        read: Any = message_from_bytes(self.raw, policy=default)
        return read

    def header(self, name: str) -> str:
        """The header as it stood on the wire, folds and all."""
        head = self.raw.partition(b"\r\n\r\n")[0].decode("ascii")
        lines = head.split("\r\n")
        at = next(n for n, line in enumerate(lines) if line.lower().startswith(f"{name.lower()}:"))
        end = at + 1
        while end < len(lines) and lines[end][:1] in " \t":
            end += 1
        return "\r\n".join(lines[at:end])


@dataclass
class PlayedRelay:
    """`say` maps a stage (mail, rcpt, data) or an address to the reply it gets. `hang_up_at`: the stage at which the
    connection is cut: mail, content (before the reply to the whole mail)."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    say: dict[str, str] = field(default_factory=dict)
    hang_up_at: str = ""
    hang_ups: int = 1_000_000
    connections: int = 0
    peers: set[Any] = field(default_factory=set)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> Any:
        if session.peer not in self.peers:
            self.peers.add(session.peer)
            self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self._hangs_up(server, "mail"):
            return "421 gone"
        if "mail" in self.say:
            return self.say["mail"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        said = self.say.get(address, self.say.get("rcpt"))
        if said is not None:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if "data" in self.say:
            return self.say["data"]
        raw = envelope.content
        assert isinstance(raw, bytes)
        assert envelope.mail_from is not None
        self.taken.append(Taken(envelope.mail_from, list(envelope.rcpt_tos), raw))
        self._hangs_up(server, "content")
        return "250 2.0.0 queued"

    def _hangs_up(self, server: Any, stage: str) -> bool:
        if self.hang_up_at != stage or not self.hang_ups:
            return False
        self.hang_ups -= 1
        server.transport.abort()
        return True

    def settings(self, **more: object) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "plain",
            "hello": "npsync.test",
            "sender": "Acme <feedback@acme.example>",
            **more,
        }


class _Controller(Controller):
    """On whatever port is free: the base class would knock at port 0 to see whether it runs."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def played_relay(
    *,
    tls: ssl.SSLContext | None = None,
    login: bool = False,
    implicit: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Iterator[PlayedRelay]:
    relay = PlayedRelay()
    more: dict[str, Any] = dict(options or {})
    if tls is not None and not implicit:
        more |= {"tls_context": tls, "require_starttls": True}
    if tls is not None and implicit:
        more["ssl_context"] = tls
    if login:
        more |= {
            "authenticator": _authenticate,
            "auth_required": True,
            "auth_require_tls": tls is not None and not implicit,
        }
    controller = _Controller(relay, hostname="127.0.0.1", port=0, server_hostname="relay.test", **more)
    controller.start()
    try:
        relay.port = controller.port
        yield relay
    finally:
        controller.stop()


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and given.password == PASSWORD.encode()
    return AuthResult(success=right, handled=right)


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's TLS context for 127.0.0.1, and a client's that trusts it."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = folder / "relay.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cafile=str(chain))
