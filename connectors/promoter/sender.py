"""Asks through a Promoter.io campaign: the tool's own wording, mail and page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.contract import Clock, Grant, Needs, Tools, Verdict
from connectors.handing import handed_over, sending_policy
from connectors.http import Http
from connectors.promoter.settings import PromoterSettings
from connectors.replies import FINE, Reply, Retry, Ruling, Stop, judge, retry_after, unreadable
from nps.asking import INVITATION
from nps.errors import AccessError, ConfigError, UnavailableError
from nps.keys import email_key
from nps.sending import Accepted, FailedPermanent, Message, SendOutcome, SuppressedByVendor
from nps.values import Json

# With their slash: without it the service redirects, and the redirect loses what was posted.
_SURVEY = "/v2/survey/"
_FEEDBACK = "/v2/feedback/"
_IN_SECONDS = re.compile(r"available in (\d+(?:\.\d+)?) second")


class Promoter:
    def __init__(self, settings: PromoterSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        policy = sending_policy(
            tools, lambda reply: _judge(reply, tools.clock), per_minute=settings.per_minute
        )
        self._http = Http(
            settings.base_url,
            policy,
            allow_http=settings.allow_http,
            headers={"Authorization": f"Token {settings.api_key.get_secret_value()}"},
            timeouts=(10.0, 30.0),
        )

    def send(self, message: Message) -> SendOutcome:
        if email_key(message.to.email) is None:
            return FailedPermanent("bad_address", "the record's e-mail is no address", address=True)
        if message.vendor_survey is None:
            raise ConfigError(
                f"{self._tools.connection}: the survey {message.survey} names no campaign; "
                f'add at: {{{self._tools.connection}: "CAMPAIGN ID"}}'
            )
        body = self._asked(message, message.vendor_survey)
        return handed_over(
            lambda: self._outcome(self._http.request("POST", _SURVEY, json=body, what="send a survey"))
        )

    def find(self, message: Message) -> SendOutcome | None:
        """The API lists answers, not what was sent."""
        return None

    def access(self, needs: Needs) -> list[Grant]:
        reply = self._http.request("GET", _FEEDBACK, params={"page": 1}, what="list feedback")
        if reply.status != 200:
            raise UnavailableError(f"{reply.what}: status {reply.status}; is base_url right?")
        return [
            Grant("use the API", "sending surveys", Verdict.OK),
            Grant(
                "send into the campaign",
                "the survey itself",
                Verdict.UNTESTED,
                "only a real survey would tell",
            ),
        ]

    def close(self) -> None:
        self._http.close()

    # ------------------------------------------------------------ inside

    def _asked(self, message: Message, campaign: str) -> Json:
        """Attributes are single values: of lists and objects the service keeps nothing."""
        contact: dict[str, Json] = {"email": (message.to.email or "").strip(), **_names(message.to.name)}
        if self._settings.external_id_attribute and message.to.external_id:
            contact["attributes"] = {self._settings.external_id_attribute: message.to.external_id}
        return {
            self._settings.campaign_field: int(campaign) if _is_number(campaign) else campaign,
            "contact": contact,
            "attributes": {INVITATION: message.invitation},
        }

    def _outcome(self, reply: Reply) -> SendOutcome:
        read: Any = reply.json() if reply.is_json else None
        told: Mapping[str, Any] = read if isinstance(read, dict) else {}
        if reply.status < 300:
            id = told.get("id")
            return Accepted(str(id) if isinstance(id, int | str) else None)
        if "non_field_errors" in told:
            return SuppressedByVendor(
                "not_eligible",
                "Promoter.io says this person is not eligible: surveyed lately, unsubscribed or inactive there",
            )
        if wrong := next((name for name in ("campaign_id", "campaign") if name in told), None):
            other = "campaign" if self._settings.campaign_field == "campaign_id" else "campaign_id"
            raise ConfigError(
                f"{reply.what}: Promoter.io does not take the campaign ({wrong}); check the id in the survey's `at`, "
                f"and try campaign_field: {other}"
            )
        contact = told.get("contact")
        if isinstance(contact, dict) and "email" in contact:
            return FailedPermanent("bad_email", "Promoter.io takes this e-mail for no address", address=True)
        # What it says may quote the person: the names of the fields are enough.
        fields = ", ".join(sorted(str(name) for name in told)) or "no reason given"
        return FailedPermanent(
            str(reply.status), f"Promoter.io refused the survey ({reply.status}: {fields})"
        )


def _names(name: str | None) -> Mapping[str, Json]:
    words = (name or "").split()
    match words:
        case []:
            return {}
        case [only]:
            return {"first_name": only}
        case [*first, last]:
            return {"first_name": " ".join(first), "last_name": last}
        case _:
            return {}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and text == str(int(text))


def _judge(reply: Reply, clock: Clock) -> Ruling:
    match reply.status:
        case 401 | 403:
            return Stop(AccessError, f"Promoter.io refuses the API key ({reply.status})")
        case 404 | 405 | 406 | 410:
            return Stop(ConfigError, f"Promoter.io knows no such call ({reply.status}); is base_url right?")
        case 429:
            return Retry("status 429", after=_wait(reply, clock))
        case status if 300 <= status < 400:
            return Stop(
                ConfigError, f"status {status}, a redirect: what was posted is lost; is base_url right?"
            )
        case status if status < 300:
            return unreadable(reply) or FINE
        case _:
            return judge(reply, clock)


def _wait(reply: Reply, clock: Clock) -> float | None:
    """By the header, else by the sentence: "Expected available in 42.0 seconds"."""
    told = retry_after(reply, clock)
    if told is None and (found := _IN_SECONDS.search(reply.body[:500].decode("utf-8", "replace"))):
        told = float(found[1])
    return told
