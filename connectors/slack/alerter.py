"""Alerts into Slack. There is no idempotency key: what may have arrived is not repeated."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from connectors.calls import CallPolicy
from connectors.contract import Alert, Clock, Grant, Needs, Tools, Verdict
from connectors.http import Http
from connectors.limits import Limiter, Window
from connectors.replies import FINE, Reply, Retry, Ruling, Stop, judge, retry_after
from connectors.slack.messages import message
from connectors.slack.settings import SlackSettings
from nps.errors import AccessError, ConfigError, Interrupted, RejectedError, UnavailableError
from nps.values import Json

_ATTEMPTS, _PATIENCE = 4, 60.0
_POST = "post an alert"

# Of a webhook, by its plain-text answer; of the API, by `error`. What is not listed is about this one message.
_ABOUT_THE_CREDENTIAL = frozenset(
    {"invalid_token", "action_prohibited", "not_authed", "invalid_auth", "account_inactive", "missing_scope"}
)
_ABOUT_THE_CHANNEL = {
    "channel_not_found": "there is no such channel, or the bot does not see it",
    "not_in_channel": "the bot is not in the channel; invite it",
    "is_archived": "the channel is archived",
    "channel_is_archived": "the channel is archived",
    "no_service": "the webhook is gone or switched off; make a new one",
    "no_team": "the webhook's workspace is gone",
}
_BUSY = frozenset({"rate_limited", "ratelimited"})
_STUMBLED = "rollup_error"


class Slack:
    """Thread-safe. Nothing it raises holds the webhook's address or what an alert says."""

    def __init__(self, settings: SlackSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        by_webhook = settings.webhook_url is not None
        limiter = Limiter(tools, {"post": [Window(settings.per_second, 1)]})
        policy = CallPolicy(
            tools,
            limiter,
            judge=lambda reply: (_webhook_judge if by_webhook else _api_judge)(reply, tools.clock),
            attempts=_ATTEMPTS,
            patience=_PATIENCE,
            advice="check webhook_url or token in the YAML's connection",
        )
        base, self._path = _split(settings)
        headers = {} if settings.token is None else {"Authorization": f"Bearer {_secret(settings)}"}
        self._http = Http(
            base, policy, allow_http=settings.allow_http, headers=headers, timeouts=(10.0, 30.0)
        )
        self._mentions: dict[str, str] = {}

    def alert(self, alert: Alert) -> str:
        if self._settings.token is None:
            self._post(self._path, message(alert))
            return ""
        channel = alert.to or self._settings.channel
        if channel is None:
            raise ConfigError(
                f"{self._tools.connection}: which channel? Say `channel` in the connection, or `to`"
            )
        body = {"channel": channel, **message(alert, self._mention(alert.owner_email))}
        return str(_fields(self._post("/chat.postMessage", body)).get("ts") or "")

    def access(self, needs: Needs) -> list[Grant]:
        how = "incoming webhook" if self._settings.token is None else "chat:write in the channel"
        detail = "Slack has no way to ask without posting; npsync alerts test posts one message"
        return [Grant(how, "alerts", Verdict.UNTESTED, detail)]

    def close(self) -> None:
        self._http.close()

    def _post(self, path: str, body: Mapping[str, Json]) -> Reply:
        return self._http.request("POST", path, json=dict(body), what=_POST, bucket="post")

    def _mention(self, email: str | None) -> str:
        """The Slack user with this address; "" when there is none. An alert without a mention is better than none."""
        if not email or not self._settings.mention_owner:
            return ""
        if email not in self._mentions:
            self._mentions[email] = self._looked_up(email)
        return self._mentions[email]

    def _looked_up(self, email: str) -> str:
        try:
            reply = self._http.request(
                "GET", "/users.lookupByEmail", params={"email": email}, what="look up an owner"
            )
        except (AccessError, Interrupted, RejectedError, UnavailableError) as failure:
            self._tools.notice("owner_not_mentioned", reason=type(failure).__name__)
            return ""
        user = _fields(reply).get("user")
        return str(user.get("id") or "") if isinstance(user, dict) else ""


def _split(settings: SlackSettings) -> tuple[str, str]:
    """The address calls go below, and the webhook's path. The path is the secret: it stands in no message, because
    every call says what it does in words."""
    if settings.webhook_url is None:
        return settings.base_url, ""
    url = urlsplit(settings.webhook_url.get_secret_value())
    return f"{url.scheme}://{url.netloc}", url.path or "/"


def _secret(settings: SlackSettings) -> str:
    return "" if settings.token is None else settings.token.get_secret_value()


def _fields(reply: Reply) -> Mapping[str, Json]:
    read = reply.json()
    return read if isinstance(read, dict) else {}


def _webhook_judge(reply: Reply, clock: Clock) -> Ruling:
    said = reply.body[:100].decode("ascii", "replace").strip()
    if reply.status == 200:
        # A 200 of anything else is a proxy's page: the alert did not arrive.
        return FINE if said == "ok" else Stop(UnavailableError, "status 200 came without Slack's ok")
    if reply.status == 500 and said == _STUMBLED:
        return Retry("Slack stumbled")
    if 400 <= reply.status < 500 and reply.status not in (408, 425, 429):
        return _refused(said)
    return judge(reply, clock)


def _api_judge(reply: Reply, clock: Clock) -> Ruling:
    """A 200 may be a refusal: `ok` and `error` tell."""
    if reply.status != 200:
        return judge(reply, clock)
    said = _fields(reply) if reply.is_json else {}
    if said.get("ok") is True:
        return FINE
    error = str(said.get("error") or "")
    if error in _BUSY:
        return Retry("Slack is busy", after=retry_after(reply, clock) or 1.0)
    return _refused(error)


def _refused(said: str) -> Ruling:
    code = said if said.replace("_", "").isalnum() and len(said) < 60 else "no reason"
    if said in _ABOUT_THE_CREDENTIAL:
        return Stop(AccessError, f"Slack refuses the credential ({code})")
    if said in _ABOUT_THE_CHANNEL:
        return Stop(ConfigError, f"{_ABOUT_THE_CHANNEL[said]} ({code})")
    return Stop(lambda text: RejectedError(text, code=code), f"Slack refuses this message ({code})")
