"""Answers to Intercom's own surveys. Only notifications tell them: there is no list, so none can be read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from urllib.parse import quote

from msgspec.structs import replace

from connectors.contract import Grant, Needs, Tools, Verdict
from connectors.intercom.replies import Row, body, mapped
from connectors.intercom.settings import IntercomSettings
from connectors.intercom.told import CONTACT
from connectors.intercom.workspace import open_workspace
from nps.errors import ConfigError
from nps.events import Answered
from nps.responses import Cursor, Page, SurveyResponse


class IntercomAnswers:
    """Fulfils `connectors.contract.Source` and `ReadsAgain`."""

    list_after = timedelta(0)

    def __init__(self, settings: IntercomSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._workspace = open_workspace(settings, tools)

    def read(self, cursor: Cursor | None, *, since: object) -> Iterator[Page]:
        if self._settings.hooks is None or self._settings.answers is None:
            raise ConfigError(
                f"{self._tools.connection}: Intercom tells answers only by notifications; set hooks and answers"
            )
        yield Page((), Cursor({}))

    def again(self, told: Sequence[Answered]) -> list[SurveyResponse | None]:
        """With who gave them, as the workspace knows the person now."""
        people: dict[str, Row] = {}
        for one in told:
            contact = one.about.get(CONTACT)
            if contact is not None and contact not in people:
                people[contact] = self._contact(contact)
        return [
            None if one.response is None else _named(one.response, people.get(one.about.get(CONTACT, ""), {}))
            for one in told
        ]

    def access(self, needs: Needs) -> list[Grant]:
        why = "answers to Intercom's own surveys"
        if self._settings.hooks is None or self._settings.answers is None:
            return [Grant("notifications", why, Verdict.MISSING, "set hooks and answers in the YAML")]
        topic = "topic content_stat.survey, with the permission to read content data"
        return [Grant(topic, why, Verdict.UNTESTED, "Intercom tells nobody which topics an app has")]

    def close(self) -> None:
        self._tools.shared.give_back()

    def _contact(self, id: str) -> Row:
        """Nothing of somebody who is gone."""
        reply = self._workspace.conversations.request(
            "GET", f"/contacts/{quote(id, safe='')}", what="read a contact"
        )
        return {} if reply.status in (404, 410) else mapped(body(reply))


def _named(response: SurveyResponse, contact: Row) -> SurveyResponse:
    known = {name: contact.get(name) for name in ("email", "phone", "external_id")}
    return replace(
        response, **{name: value for name, value in known.items() if isinstance(value, str) and value}
    )
