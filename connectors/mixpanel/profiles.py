"""Profiles found and read through the query API, 60 times an hour for the whole project: a thousand at a time."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.http import Http
from connectors.limits import Limiter, Window
from connectors.mixpanel.queries import Queries
from connectors.mixpanel.settings import MixpanelSettings
from connectors.replies import FINE, Reply, Ruling, Stop, judge, unreadable
from nps.errors import AccessError, BudgetError, ConfigError, UnavailableError
from nps.values import Json

PAGE = 1_000  # profiles in one answer, and distinct ids in one question
_SOMETHING = "$last_seen"  # asked for where nothing is wanted but whether there is a profile

Found = dict[str, Mapping[str, Json]]  # distinct id → its properties


@dataclass(frozen=True)
class _Page:
    profiles: Found
    session: str
    number: int
    is_full: bool


class Profiles:
    """Reads with the service account."""

    def __init__(self, settings: MixpanelSettings, tools: Tools) -> None:
        assert settings.service_account is not None
        self._settings, self._tools = settings, tools
        self._queries = Queries(tools, key="profiles/queries", what="looks at profiles")
        account = settings.service_account
        login = f"{account.username}:{account.secret.get_secret_value()}"

        def count() -> None:
            self._queries.spend()
            tools.count_call()

        policy = CallPolicy(
            replace(tools, count_call=count),  # every attempt is a query
            Limiter(tools, {"": [Window(3, 1)]}, name="profiles"),
            judge=self._judge,
        )
        self._http = Http(
            settings.query,
            policy,
            allow_http=settings.allow_http,
            headers={"Authorization": f"Basic {b64encode(login.encode()).decode()}"},
        )

    def read(self, ids: Sequence[str], properties: Sequence[str]) -> Found:
        """The profiles that there are."""
        found: Found = {}
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), PAGE):
            some = set(wanted[start : start + PAGE])
            asked = {"distinct_ids": orjson.dumps(sorted(some)).decode()}
            for page in self._pages(asked, properties):
                found |= {id: shown for id, shown in page.items() if id in some}
        return found

    def all(self, properties: Sequence[str]) -> Iterator[Found]:
        """Everybody, a page at a time."""
        return self._pages({}, properties)

    def close(self) -> None:
        self._http.close()

    # ------------------------------------------------------------ inside

    def _pages(self, asked: Mapping[str, str], properties: Sequence[str]) -> Iterator[Found]:
        form = {**asked, "output_properties": orjson.dumps(list(properties) or [_SOMETHING]).decode()}
        page = self._page(form)
        yield page.profiles
        while page.is_full:
            if not page.session:
                raise self._strange("a full page without a session_id to go on with")
            following = self._page({**form, "session_id": page.session, "page": str(page.number + 1)})
            if following.number <= page.number:
                raise self._strange("the same page again")
            page = following
            yield page.profiles

    def _page(self, form: Mapping[str, str]) -> _Page:
        reply = self._http.request(
            "POST",
            "/api/query/engage",
            params={"project_id": self._settings.project_id},
            form=form,
            what="read profiles",
            reads=True,
        )
        return self._read_page(reply.json())

    def _read_page(self, said: Any) -> _Page:
        """How profiles are told is not described to the letter, so what differs is said and nothing is guessed."""
        rows = said.get("results") if isinstance(said, dict) else None
        if not isinstance(rows, list):
            raise self._strange("no list of results")
        profiles: Found = {}
        for row in rows:
            id = row.get("$distinct_id") if isinstance(row, dict) else None
            shown = row.get("$properties") if isinstance(row, dict) else None
            if not isinstance(id, str | int) or isinstance(id, bool) or not isinstance(shown, dict):
                raise self._strange("a result without $distinct_id and $properties")
            profiles[str(id)] = shown
        size = said.get("page_size")
        number = said.get("page")
        return _Page(
            profiles=profiles,
            session=str(said.get("session_id") or ""),
            number=number if isinstance(number, int) else 0,
            is_full=len(rows) >= (size if isinstance(size, int) and size > 0 else PAGE),
        )

    def _strange(self, what: str) -> UnavailableError:
        return UnavailableError(
            f"{self._tools.connection}: read profiles: the answer has {what}, which is not how Mixpanel's query API is "
            "known to answer; nothing was taken from it"
        )

    def _judge(self, reply: Reply) -> Ruling:
        match reply.status:
            case 200:
                return unreadable(reply) or FINE
            case 401:
                return Stop(
                    AccessError,
                    "Mixpanel refuses the service account (401): has it expired, and is residency right?",
                )
            case 402 | 403:
                return Stop(
                    AccessError,
                    f"the service account may not read profiles of this project ({reply.status}): is it a member of "
                    "the project?",
                )
            case 400 | 404:
                return Stop(
                    ConfigError,
                    f"Mixpanel refuses the question ({reply.status}): are project_id and residency right?",
                )
            case 429:
                self._queries.refused()
                return Stop(
                    BudgetError,
                    "the project's looks at profiles of this hour are spent (429); a later run goes on",
                )
            case _:
                return judge(reply, self._tools.clock)
