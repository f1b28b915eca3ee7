"""The workspace: its channels, its people, the address that posts into one channel, and the app that posts anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.faults import Fault
from sandbox.serving import reply, same
from sandbox.shelves import Shelves
from sandbox.slack.message import mentions, pieces, problem_of, texts_of
from sandbox.switches import switched
from sandbox.toy import Room, Row, Show, name_call

TEAM, SERVICE, SECRET = "T024ACME", "B024NPS", "sandboxSlackSecret0000000"
BOT_TOKEN, CHAT_ONLY_TOKEN = "xoxb-sandbox-npsync", "xoxb-sandbox-chat-only"
ALERTS = "C024ALERTS"
_COLUMNS = {
    "messages": ("at", "channel", "text", "mentions", "via"),
    "channels": ("id", "name", "archived", "app_is_in"),
    "users": ("id", "name", "email", "deactivated"),
}
_PEOPLE = ("Alex Morgan", "Priya Shah", "Tom Becker", "Lena Fuchs", "Nora Winter")
_MOST_SHOWN = 100


@dataclass(frozen=True)
class Settings:
    """What control may switch."""

    per_second: float = 1.0  # messages into one channel; 0 turns the limit off
    burst: int = 4  # that many at once are tolerated
    says_ratelimited: bool = False  # the API's 429 says ratelimited, without the underscore


class Workspace(Shelves):
    """Its own fault kind, not_ok: 200 whose body says `"ok": false` (detail: error)."""

    title = "Slack"
    fault_kinds = frozenset({"not_ok"})

    def __init__(self, room: Room) -> None:
        super().__init__(room, _COLUMNS, self._furnish_workspace)
        limits = {name: number for name, number in room.limits.items() if name in ("per_second", "burst")}
        self._settings = switched(Settings(), limits)
        self._room_left: dict[
            str, tuple[float, float]
        ] = {}  # channel → (messages it still takes, since when)
        self.knobs |= {
            "set": self._set,
            "archive": self._archive,
            "clear": self._clear,
            "remove_webhook": self._gone,
        }
        self._webhook_gone = False
        self.app: ASGIApp = Starlette(
            routes=[
                Route("/services/{team}/{service}/{secret}", self._hook, methods=["POST"]),
                Route("/api/chat.postMessage", self._post_message, methods=["POST"]),
                Route("/api/users.lookupByEmail", self._look_up, methods=["GET", "POST"]),
                Route("/api/auth.test", self._who_am_i, methods=["GET", "POST"]),
            ]
        )

    def env(self, url: str) -> dict[str, str]:
        return {
            "SLACK_URL": f"{url}/services/{TEAM}/{SERVICE}/{SECRET}",
            "SLACK_API_URL": f"{url}/api",
            "SLACK_TOKEN": BOT_TOKEN,
            "SLACK_CHAT_ONLY_TOKEN": CHAT_ONLY_TOKEN,
            "SLACK_CHANNEL": ALERTS,
        }

    def refusal(self, fault: Fault) -> Response:
        word = {429: "rate_limited", 500: "rollup_error"}.get(fault.status, "server_error")
        wait = 1 if fault.retry_after is None and fault.status == 429 else fault.retry_after
        headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
        return PlainTextResponse(fault.detail.get("text", word), fault.status, headers)

    # ------------------------------------------------------------ one address, one channel

    async def _hook(self, request: Request) -> Response:
        name_call(request.scope, "webhook")
        refused = self._hook_refused(request.path_params)
        body = {} if refused else _parsed(await request.body())
        if not refused:
            problem = "invalid_payload" if body is None else problem_of(body)
            # Codes of one kind each: a webhook's own list has no word for a text that is too long.
            refused = (400, "invalid_payload" if problem == "msg_too_long" else problem) if problem else None
        if refused:
            return PlainTextResponse(*refused[::-1])
        if wait := self._wait_for(ALERTS):
            return PlainTextResponse("rate_limited", 429, {"Retry-After": str(wait)})
        self._keep(ALERTS, body or {}, "webhook")
        return PlainTextResponse("ok")

    def _hook_refused(self, told: Mapping[str, str]) -> tuple[int, str] | None:
        if told["team"] != TEAM:
            return 404, "no_team"
        if told["service"] != SERVICE or self._webhook_gone:
            return 404, "no_service"
        if not same(told["secret"], SECRET):
            return 403, "invalid_token"
        return (410, "channel_is_archived") if self.shelves["channels"][ALERTS]["archived"] else None

    # ------------------------------------------------------------ the app

    async def _post_message(self, request: Request) -> Response:
        name_call(request.scope, "post_message")
        body = await _told(request)
        if error := self._not_let_in(request, "chat:write") or self._message_refused(body):
            return _failed(error)
        channel = str(body["channel"])
        if wait := self._wait_for(channel):
            word = "ratelimited" if self._settings.says_ratelimited else "rate_limited"
            return reply({"ok": False, "error": word}, 429, {"Retry-After": str(wait)})
        row = self._keep(channel, body, "app")
        message = {"type": "message", "bot_id": SERVICE, "text": body.get("text", ""), "ts": row["ts"]}
        return reply({"ok": True, "channel": channel, "ts": row["ts"], "message": message})

    def _message_refused(self, body: Mapping[str, Any]) -> str | None:
        told = str(body.get("channel", ""))
        channel = self.shelves["channels"].get(told)
        if channel is None and told not in self.shelves["users"]:
            return "channel_not_found"
        if channel is not None and channel["archived"]:
            return "is_archived"
        if channel is not None and not channel["app_is_in"]:
            return "not_in_channel"
        return problem_of(body)

    async def _look_up(self, request: Request) -> Response:
        name_call(request.scope, "look_up")
        if error := self._not_let_in(request, "users:read.email"):
            return _failed(error)
        email = str((await _told(request)).get("email", "")).lower()
        for user in self.shelves["users"].values():
            if user["email"] == email and not user["deactivated"]:
                profile = {"email": user["email"], "real_name": user["name"]}
                told = {
                    "id": user["id"],
                    "name": email.partition("@")[0],
                    "deleted": False,
                    "profile": profile,
                }
                return reply({"ok": True, "user": told})
        return _failed("users_not_found")

    async def _who_am_i(self, request: Request) -> Response:
        name_call(request.scope, "auth_test")
        if error := self._not_let_in(request, None):
            return _failed(error)
        return reply({"ok": True, "team": "Acme", "team_id": TEAM, "user": "npsync", "bot_id": SERVICE})

    def _not_let_in(self, request: Request, scope: str | None) -> str | None:
        if rule := self.room.faults.take("not_ok", request.method, request.url.path):
            return str(rule.detail.get("error", "internal_error"))
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "not_authed"
        if token not in (BOT_TOKEN, CHAT_ONLY_TOKEN):
            return "invalid_auth"
        return "missing_scope" if token == CHAT_ONLY_TOKEN and scope == "users:read.email" else None

    # ------------------------------------------------------------ messages

    def _wait_for(self, channel: str) -> int:
        """Whole seconds until the channel takes one more; 0: it takes this one."""
        rate, now = self._settings.per_second, self.room.clock.time()
        if not rate:
            return 0
        left, since = self._room_left.get(channel, (float(self._settings.burst), now))
        left = min(float(self._settings.burst), left + (now - since) * rate)
        if left < 1:
            self.room.traffic.limit_met("slack", "per_second")
            return max(1, round((1 - left) / rate))
        self._room_left[channel] = left - 1, now
        return 0

    def _keep(self, channel: str, body: Mapping[str, Any], via: str) -> Row:
        number, now = self.next_number(), self.room.clock.time()
        ts = f"{int(now)}.{number:06d}"
        row = {
            "id": ts,
            "ts": ts,
            "at": now,
            "channel": channel,
            "text": body.get("text") or "",
            "blocks": body.get("blocks") or [],
            "thread_ts": body.get("thread_ts"),
            "mentions": mentions(body),
            "unfurl_links": body.get("unfurl_links"),
            "via": via,
        }
        self.put("messages", ts, row)
        written = {"text": (None, row["text"])}
        self.room.traffic.wrote("slack", "messages", ts, written, at=now)
        return row

    def _furnish_workspace(self) -> None:
        for number, name in enumerate(_PEOPLE):
            first = name.split()[0]
            user = {"id": f"U024{first.upper()}", "name": name, "email": f"{first.lower()}@acme.example"}
            self.put("users", str(user["id"]), {**user, "deactivated": number == len(_PEOPLE) - 1})
        for id, name, archived, inside in (
            (ALERTS, "nps-alerts", False, True),
            ("C024RENEWALS", "renewals", False, True),
            ("C024BOARD", "board", False, False),
            ("C024OLD", "nps-2024", True, True),
        ):
            self.put("channels", id, {"id": id, "name": name, "archived": archived, "app_is_in": inside})

    # ------------------------------------------------------------ knobs

    def _set(self, given: Row) -> Row:
        self._settings = switched(self._settings, given)
        return asdict(self._settings)

    def _archive(self, given: Row) -> Row:
        """{channel, archived: true}"""
        row = self.row("channels", str(given.get("channel", ALERTS)))
        row["archived"] = bool(given.get("archived", True))
        return row

    def _gone(self, given: Row) -> Row:
        """Somebody removed the webhook; {"gone": false} brings it back."""
        self._webhook_gone = bool(given.get("gone", True))
        return {"gone": self._webhook_gone}

    def _clear(self, given: Row) -> Row:
        self.shelves["messages"].clear()
        self._room_left.clear()
        return {}

    # ------------------------------------------------------------ for people

    def looks(self, show: Show) -> list[Route]:
        async def shown(request: Request) -> Response:
            names = {id: row["name"] for id, row in self.shelves["channels"].items()}
            names |= {id: row["name"] for id, row in self.shelves["users"].items()}
            rows = list(self.shelves["messages"].values())[: -_MOST_SHOWN - 1 : -1]
            wanted = request.query_params.get("channel")
            messages = [_seen(row, names) for row in rows if wanted in (None, row["channel"])]
            channels = [row for row in self.shelves["channels"].values() if not row["archived"]]
            return show("slack.html", messages=messages, channels=channels, chosen=wanted)

        return [Route("/", shown)]


def _seen(row: Row, names: Mapping[str, str]) -> Row:
    """Blocks are what people see; the text stands in where there are none."""
    told: Sequence[tuple[str, str]] = list(texts_of(row)) or [("mrkdwn", row["text"])]
    lines = [list(pieces(text)) if kind == "mrkdwn" else text for kind, text in told]
    everybody = [one for one in row["mentions"] if one.startswith("!")]
    return {**row, "lines": lines, "where": names.get(row["channel"], row["channel"]), "everybody": everybody}


def _parsed(raw: bytes) -> Any:
    """None for what is no JSON object."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


async def _told(request: Request) -> dict[str, Any]:
    """JSON, a form or the query: the API takes each."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return _parsed(await request.body()) or {}
    form = {name: str(value) for name, value in (await request.form()).items()}
    return {**request.query_params, **form}


def _failed(error: str) -> Response:
    return reply({"ok": False, "error": error})
