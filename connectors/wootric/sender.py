"""Asks through Wootric: a survey mail of theirs, or their in-app survey made due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote

from connectors.contract import Grant, Needs, Tools, Verdict
from connectors.handing import handed_over
from connectors.replies import Reply
from connectors.wire import FateUnknown
from connectors.wootric.account import Account
from connectors.wootric.rows import Row
from connectors.wootric.settings import WootricSettings
from nps.asking import INVITATION
from nps.errors import AccessError, UnavailableError
from nps.keys import email_key
from nps.sending import Accepted, FailedPermanent, Message, SendOutcome, SuppressedByVendor

Pairs = list[tuple[str, str]]

_OPTED_OUT = SuppressedByVendor("opted_out", "this person switched surveys off in Wootric", opted_out=True)


class WootricSender:
    """Accepted means that Wootric was asked: its own rules may still keep the survey back, and it tells nobody."""

    def __init__(self, settings: WootricSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._account = tools.shared.take(lambda: Account(settings, tools))
        self._http = self._account.sending
        self._closed = False

    def send(self, message: Message) -> SendOutcome:
        email = (message.to.email or "").strip()
        if email_key(email) is None:
            return FailedPermanent("bad_address", "the record's e-mail is no address", address=True)
        return handed_over(lambda: self._sent(message, email))

    def find(self, message: Message) -> SendOutcome | None:
        """Wootric does not say what it sent."""
        return None

    def access(self, needs: Needs) -> list[Grant]:
        reply = self._http.request("GET", "/v1/end_users", params={"page": 1, "per_page": 1})
        if reply.status != 200:
            raise UnavailableError(f"{reply.what}: status {reply.status} where end users were expected")
        how = "send survey mails" if self._settings.send == "email" else "make in-app surveys due"
        return [Grant(how, "asking", Verdict.UNTESTED, "only a real survey would tell")]

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._tools.shared.give_back()

    # ------------------------------------------------------------ inside

    def _sent(self, message: Message, email: str) -> SendOutcome:
        person = self._person(email)
        if person is not None and self._opted_out(person):
            return _OPTED_OUT
        return (
            self._mailed(message, email)
            if self._settings.send == "email"
            else self._made_due(message, person)
        )

    def _person(self, email: str) -> Row | None:
        """The end user with this address, if Wootric knows one."""
        reply = self._http.request(
            "GET",
            f"/v1/end_users/{quote(email, safe='@')}",
            params={"lookup_by_email": "true"},
            what="look up an end user",
        )
        if reply.status == 404:
            return None
        read = reply.json() if reply.status == 200 else None
        if not isinstance(read, dict):
            raise UnavailableError(f"{reply.what}: status {reply.status} where an end user was expected")
        return read

    def _opted_out(self, person: Row) -> bool:
        told = person.get("settings")
        if not isinstance(told, dict):
            return False
        return (
            bool(told.get("surveys_disabled_by_end_user")) or told.get(f"{self._settings.send}_nps") is False
        )

    def _mailed(self, message: Message, email: str) -> SendOutcome:
        """One person per call: how several are paired with their ids is not documented."""
        form: Pairs = [("emails[]", email)]
        if message.to.external_id:
            form.append(("external_ids[]", message.to.external_id))
        form.append((f"end_user[properties][{INVITATION}]", message.invitation))
        form += _wishes(self._settings, message)
        if self._settings.token_in_body and self._http.policy.token is not None:
            form.append(("access_token", self._http.policy.token.get()))
        return self._ruled(
            self._http.request("POST", "/v1/email_survey", form=form, what="send a survey mail")
        )

    def _made_due(self, message: Message, person: Row | None) -> SendOutcome:
        number = None if person is None else person.get("id")
        if not isinstance(number, int):
            return FailedPermanent(
                "unknown_end_user",
                "Wootric does not know this person: in-app surveys need somebody its SDK has seen",
            )
        self._mark(number, message)
        due = self._http.request(
            "PUT",
            f"/v1/end_users/{number}/settings",
            form=[(f"force_{self._settings.send}_survey", "true")],
            what="make an in-app survey due",
        )
        return self._ruled(due)

    def _mark(self, number: int, message: Message) -> None:
        """The survey works without; its answer is then matched by its keys, as any other."""
        try:
            marked = self._http.request(
                "PUT",
                f"/v1/end_users/{number}",
                form=[(f"properties[{INVITATION}]", message.invitation)],
                what="mark an end user",
            )
        except FateUnknown as failure:  # of the mark: nobody was asked yet
            self._tools.notice("wootric_end_user_not_marked", reason=str(failure))
            return
        if marked.status >= 300:
            self._tools.notice("wootric_end_user_not_marked", status=marked.status)

    def _ruled(self, reply: Reply) -> SendOutcome:
        if reply.status < 300:
            return Accepted()
        if reply.status == 404:
            raise AccessError(f"{reply.what}: Wootric knows no such call for this account (404)")
        # What it says may quote the person.
        return FailedPermanent(str(reply.status), f"Wootric refused the survey (status {reply.status})")


def _wishes(settings: WootricSettings, message: Message) -> Pairs:
    """How the mail looks and when Wootric itself holds it back: always said, for its defaults contradict each other."""
    wanted = settings.email_survey
    sampling: Mapping[str, timedelta | None] = {
        "response_throttle": wanted.response_throttle,
        "decline_throttle": wanted.decline_throttle,
        "first_survey_delay": wanted.first_survey_delay,
    }
    pairs: Pairs = [
        (f"survey_settings[sampling][{name}]", str(length.days))
        for name, length in sampling.items()
        if length is not None
    ]
    if wanted.registered_percent is not None:
        pairs.append(("survey_settings[sampling][registered_percent]", str(wanted.registered_percent)))
    for name in ("product_name", "audience_text", "logo_url"):
        if value := getattr(wanted, name):
            pairs.append((f"survey_settings[{name}]", value))
    if wanted.pass_language and (language := message.to.language):
        pairs.append(("survey_settings[language]", language))
    for name in ("subject", "intro", "senders_name", "reply_to_email"):
        if value := getattr(wanted, name):
            pairs.append((name, value))
    if wanted.survey_immediately:
        pairs.append(("survey_immediately", "true"))
    return pairs
