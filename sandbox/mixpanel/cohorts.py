"""Cohort sync to a custom webhook: pages of a thousand people, in order, and a reply that must say success."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.deliveries import Channel, Heard, Manner, Post
from sandbox.toy import NoSuchRecord, Room, Row

PAGE = 1_000
PROJECT_ID = "2195193"
_PAUSES = frozenset({400, 401, 403, 404})
Member = Mapping[str, str]


@dataclass
class Cohort:
    """`told` is who the receiver was told of; a sync sends what differs."""

    id: str
    name: str
    url: str
    user: str | None
    password: str
    page: int
    first: str  # members, or add_members as the vendor's worked example has it
    members: dict[str, Member] = field(default_factory=dict)
    told: dict[str, Member] | None = None
    paused: str | None = None


@dataclass(frozen=True)
class Page:
    cohort: Cohort
    action: str
    session: str
    number: int  # 1 is the first
    total: int
    members: tuple[Member, ...]
    later: tuple[Page, ...] = ()  # they leave when this one was taken
    done: dict[str, Member] | None = None  # who is told once the last page was


class Cohorts:
    def __init__(self, room: Room) -> None:
        self._room = room
        self._cohorts: dict[str, Cohort] = {}
        self._channels: dict[str, Channel] = {}
        self._sessions = itertools.count(1)

    # ------------------------------------------------------------ knobs

    def set(self, given: Row) -> Row:
        """{id, name, url, user, password, page, first: members|add_members}; url null ends it"""
        id = str(given.get("id", "99"))
        if given["url"] is None:
            self._cohorts.pop(id, None)
            self._room.deliveries.close("mixpanel", f"cohort {id}")
            return {"cohorts": list(self._cohorts)}
        first, page = given.get("first", "members"), int(given.get("page", PAGE))
        if first not in ("members", "add_members") or not 1 <= page <= PAGE:
            raise ValueError(f"first is members or add_members, page 1 to {PAGE}")
        name, user = str(given.get("name", "Used export")), given.get("user")
        password = str(given.get("password", ""))
        self._cohorts[id] = Cohort(id, name, given["url"], user, password, page, first)
        # 429 and 5xx are tried five times within a minute, then the next cycle begins anew.
        manner = Manner(
            gaps=(4, 8, 12, 16, 20), timeout=30, taken=lambda heard: _success(heard), tries_again=_again
        )
        self._channels[id] = self._room.deliveries.channel(
            "mixpanel", f"cohort {id}", given["url"], self._post, manner, heard=self._taken
        )
        return {"cohorts": list(self._cohorts)}

    def sync(self, given: Row) -> Row:
        """{id, members: [{mixpanel_distinct_id, email, …}], add, remove, full}: the half-hourly sync with these
        people, all of them, or more and less of them; full sends everybody again"""
        cohort = self._of(given)
        if "members" in given:
            cohort.members = _by_id(given["members"])
        cohort.members |= _by_id(given.get("add", ()))
        for gone in given.get("remove", ()):
            cohort.members.pop(str(gone), None)
        if given.get("full"):
            cohort.told = None
        self._begin(cohort)
        return self.shown(cohort)

    def resume(self, given: Row) -> Row:
        """{id}: a person resumes a sync that paused"""
        cohort = self._of(given)
        cohort.paused = None
        return self.shown(cohort)

    def shown(self, cohort: Cohort) -> Row:
        told = cohort.told
        return {
            "id": cohort.id,
            "name": cohort.name,
            "members": len(cohort.members),
            "told": None if told is None else len(told),
            "paused": cohort.paused,
        }

    def members(self, id: str) -> frozenset[str]:
        """Distinct ids; of a cohort there is not, none."""
        cohort = self._cohorts.get(id)
        return frozenset(cohort.members) if cohort else frozenset()

    def rows(self) -> list[Row]:
        return [self.shown(cohort) for cohort in self._cohorts.values()]

    def _of(self, given: Row) -> Cohort:
        id = str(given.get("id", "99"))
        if id not in self._cohorts:
            raise NoSuchRecord(f"no cohort {id}")
        return self._cohorts[id]

    # ------------------------------------------------------------ pages

    def _begin(self, cohort: Cohort) -> None:
        if cohort.paused is not None:
            return
        before, now = cohort.told, dict(cohort.members)
        if before is None:
            told = [(cohort.first, list(now.values()))]
        else:
            added = [now[id] for id in now.keys() - before.keys()]
            removed = [before[id] for id in before.keys() - now.keys()]
            # A sync without a difference is an empty call.
            told = [
                (action, who) for action, who in (("add_members", added), ("remove_members", removed)) if who
            ]
            told = told or [("add_members", [])]
        pages: list[Page] = []
        session = f"s-{next(self._sessions)}"
        for action, members in told:
            lots = [
                members[start : start + cohort.page] for start in range(0, len(members), cohort.page)
            ] or [[]]
            pages += [
                Page(cohort, action, session, number, len(lots), tuple(lot))
                for number, lot in enumerate(lots, start=1)
            ]
        first, *later = pages
        self._put(first, tuple(later), now)

    def _put(self, page: Page, later: tuple[Page, ...], done: dict[str, Member]) -> None:
        waiting = Page(
            page.cohort, page.action, page.session, page.number, page.total, page.members, later, done
        )
        self._channels[page.cohort.id].put(waiting)

    def _taken(self, items: Sequence[Any], heard: Heard) -> None:
        page: Page = items[0]
        if heard.status in _PAUSES:
            page.cohort.paused = f"the receiver answered {heard.status}"
        elif orjson.loads(heard.body)["action"] != page.action:
            return  # not about what was sent: the next sync begins at the top
        elif page.later:
            self._put(page.later[0], page.later[1:], page.done or {})
        else:
            page.cohort.told = page.done

    def _post(self, items: Sequence[Any], attempt: int) -> Post:
        page: Page = items[0]
        cohort = page.cohort
        body = {
            "action": page.action,
            "parameters": {
                "mixpanel_project_id": PROJECT_ID,
                "mixpanel_cohort_name": cohort.name,
                "mixpanel_cohort_id": cohort.id,
                "mixpanel_cohort_description": "",
                "mixpanel_session_id": page.session,
                "page_info": {"total_pages": page.total, "page_count": page.number},
                "members": [dict(member) for member in page.members],
            },
        }
        headers = {"Content-Type": "application/json"}
        if cohort.user is not None:
            login = base64.b64encode(f"{cohort.user}:{cohort.password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        return Post(cohort.url, orjson.dumps(body), headers)


def _success(heard: Heard) -> bool:
    """A pause ends it as much as a success does: nobody is called again until a person resumes."""
    if heard.status in _PAUSES:
        return True
    if not heard.ok:
        return False
    try:
        reply = orjson.loads(heard.body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(reply, dict) and reply.get("status") == "success" and "action" in reply


def _again(heard: Heard) -> bool:
    return heard.status == 0 or heard.status == 429 or heard.status >= 500


def _by_id(members: Any) -> dict[str, Member]:
    return {str(one["mixpanel_distinct_id"]): one for one in members}
