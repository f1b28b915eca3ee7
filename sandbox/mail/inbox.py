"""The inbox as the sandbox sees it: its mails, the knobs control has, and the pages to look at them."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.faults import Fault
from sandbox.knobs import Knob, turn
from sandbox.mail import pages, reports
from sandbox.mail.certificate import self_signed
from sandbox.mail.door import FAULT_KINDS, PASSWORD, USER, Door
from sandbox.mail.message import Mail
from sandbox.toy import NoSuchRecord, Room, Row, Show

_KEPT = 1_000  # the oldest mail goes when one more comes: memory stays flat


class MailHost:
    """Its own fault kinds are in door.py; `path` of a rule is a part of the address."""

    fault_kinds = FAULT_KINDS

    def __init__(self, room: Room) -> None:
        self._room = room
        self._numbers = itertools.count(1)
        self._mails: OrderedDict[str, Mail] = OrderedDict()
        self._arrived = 0
        self._door = Door(room.faults, room.traffic, room.clock.time, self._keep)
        self._server: asyncio.Server | None = None
        self.app: ASGIApp = Starlette()
        self._commands: dict[str, Knob] = {
            "clear": self._clear,
            "set": self._set,
            "bounce": self._bounce,
            "complain": self._complain,
            "away": self._away,
        }

    async def start(self) -> None:
        port = self._room.limits.get("port", 0)
        self._server = await self._door.open(socket.create_server((self._room.host, port)))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def env(self, url: str) -> dict[str, str]:
        """Nothing before `start`: until then nobody listens."""
        if self._server is None:
            return {}
        host, port = self._server.sockets[0].getsockname()[:2]
        return {
            "SMTP_HOST": host,
            "SMTP_PORT": str(port),
            "SMTP_USER": USER,
            "SMTP_PASSWORD": PASSWORD,
        }

    def refusal(self, fault: Fault) -> Response:
        return Response("There is only SMTP here.", fault.status)

    # ------------------------------------------------------------ state, for control and the pages

    def objects(self) -> Mapping[str, int]:
        return {"messages": len(self._mails)}

    def rows(self, object: str) -> Iterator[Row]:
        """Oldest first, as far as they are kept."""
        return (mail.shown() for mail in list(self._mails.values()))

    def row(self, object: str, id: str) -> Row:
        return self.mail(id).shown()

    def mails(self) -> list[Mail]:
        return list(self._mails.values())

    def mail(self, id: str) -> Mail:
        if id not in self._mails:
            raise NoSuchRecord(f"no mail {id}")
        return self._mails[id]

    def looks(self, show: Show) -> list[Route]:
        return pages.routes(self, show)

    def change(self, object: str, id: str, fields: Row) -> None:
        raise ValueError("a mail that arrived does not change")

    def add(self, object: str, fields: Row) -> str:
        raise ValueError("mails come by SMTP")

    def remove(self, object: str, id: str) -> None:
        del self._mails[self.mail(id).id]

    def merge(self, object: str, winner: str, loser: str) -> None:
        raise ValueError("mails do not merge")

    def command(self, name: str, arguments: Row) -> Any:
        """clear · set {auth: required|offered, starttls: off|offered|required}
        · bounce {id, status, action: failed|delayed, diagnostic, recipient}, complain {id}, away {id}: the report as
        it would arrive at the sender's mailbox → {raw, to}"""
        return turn(self._commands, name, arguments)

    # ------------------------------------------------------------ knobs

    def _clear(self, wanted: Row) -> Row:
        gone = len(self._mails)
        self._mails.clear()
        return {"cleared": gone}

    def _set(self, wanted: Row) -> Row:
        rules = self._door.rules
        told: dict[str, Any] = {}
        match wanted.get("auth"):
            case None:
                pass
            case "required" | "offered" as auth:
                rules.auth_required = auth == "required"
            case other:
                raise ValueError(f"auth is required or offered, not {other}")
        match wanted.get("starttls"):
            case None:
                pass
            case "off":
                rules.certificate, rules.tls_required = None, False
            case "offered" | "required" as tls:
                rules.certificate, path = self_signed(self._room.host)
                rules.tls_required = tls == "required"
                told["certificate"] = path
            case other:
                raise ValueError(f"starttls is off, offered or required, not {other}")
        return {
            "auth": "required" if rules.auth_required else "offered",
            "starttls": "required" if rules.tls_required else "offered" if rules.certificate else "off",
            **told,
        }

    def _bounce(self, wanted: Row) -> Row:
        status = str(wanted.get("status", "5.1.1"))
        action = str(wanted.get("action", "delayed" if status.startswith("4") else "failed"))
        usual = {"5.1.1": "550 5.1.1 User unknown", "5.2.2": "552 5.2.2 Mailbox full"}
        diagnostic = str(wanted.get("diagnostic", usual.get(status, f"{status[0]}50 {status} refused")))
        if action not in ("failed", "delayed"):
            raise ValueError(f"a mail is failed or delayed, not {action}")
        return self._report(
            wanted,
            lambda mail, recipient, number: reports.delivery_report(
                mail,
                recipient,
                action=action,
                status=status,
                diagnostic=diagnostic,
                at=self._room.clock.now(),
                number=number,
            ),
        )

    def _complain(self, wanted: Row) -> Row:
        now = self._room.clock.now()
        return self._report(
            wanted, lambda mail, who, number: reports.complaint(mail, who, at=now, number=number)
        )

    def _away(self, wanted: Row) -> Row:
        now = self._room.clock.now()
        return self._report(
            wanted, lambda mail, who, number: reports.absence_note(mail, who, at=now, number=number)
        )

    def _report(self, wanted: Row, write: Callable[[Mail, str, int], bytes]) -> Row:
        mail = self.mail(str(wanted["id"]))
        raw = write(mail, str(wanted.get("recipient", mail.recipients[0])), next(self._numbers))
        return {"to": mail.sender, "raw": raw.decode()}

    def _keep(
        self, sender: str, recipients: tuple[str, ...], raw: bytes, login: str | None, tls: bool
    ) -> None:
        self._arrived += 1
        id = str(self._arrived)
        self._mails[id] = Mail(id, self._room.clock.time(), sender, recipients, raw, login, tls)
        while len(self._mails) > _KEPT:
            self._mails.popitem(last=False)
