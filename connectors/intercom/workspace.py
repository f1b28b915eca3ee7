"""One Intercom workspace, as every part of a connection sees it: its calls and its attributes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

import msgspec

from connectors import one_by_one
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.http import Http
from connectors.intercom import replies
from connectors.intercom.attributes import MODELS, Attributes, attributes
from connectors.intercom.replies import Row
from connectors.intercom.settings import IntercomSettings
from connectors.limits import Limiter, Window
from connectors.replies import Reply
from nps.changes import Deferred, Unknown
from nps.errors import ConfigError

_WROTE = "wrote/"  # in the connection's memory: records npsync wrote, and when

T = TypeVar("T")
R = TypeVar("R")


def open_workspace(settings: IntercomSettings, tools: Tools) -> Workspace:
    """The one that other parts of the connection use already, if any. `tools.shared.give_back()` closes it."""
    return tools.shared.take(lambda: Workspace(settings, tools))


class Wrote(msgspec.Struct, frozen=True):
    """What is remembered of a record that npsync wrote."""

    at: datetime
    external_id: str | None = None


class Workspace:
    """Thread-safe. `conversations` reads what events are made of, `lenient` takes a 403 for an answer."""

    def __init__(self, settings: IntercomSettings, tools: Tools) -> None:
        self.settings = settings
        self.tools = tools
        limits = settings.limits
        self._limiter = Limiter(tools, {"": [Window(limits.per_10_seconds, replies.WINDOW)]})
        policy = CallPolicy(
            tools, self._limiter, judge=partial(replies.judge, clock=tools.clock), learn=self._learn
        )
        lenient = replace(policy, judge=partial(replies.judge_leniently, clock=tools.clock))
        conversations = replace(policy, judge=partial(replies.judge_conversations, clock=tools.clock))
        token = settings.access_token.get_secret_value()
        self.http = self._http(policy, token)
        self.lenient = self._http(lenient, token)
        self.conversations = self._http(conversations, token)
        self._opened = [self.http, self.lenient, self.conversations]
        self._policy = policy
        self._pool = ThreadPoolExecutor(limits.parallel, thread_name_prefix="npsync-intercom")
        self._lock = threading.Lock()
        self._attributes: dict[str, Attributes] = {}

    def close(self) -> None:
        self._pool.shutdown()
        for http in self._opened:
            http.close()

    # ------------------------------------------------------------ attributes

    def attributes(self, object: str) -> Attributes:
        """The fields of an object; asked for once. ConfigError for an object that npsync knows nothing of."""
        known = self._attributes.get(object)
        if known is None:
            model = self.model(object)
            with self._lock:
                known = self._attributes.get(object) or attributes(
                    self.tools.connection,
                    object,
                    self.settings.zone(self.tools.time_zone),
                    self.listed(model),
                )
                self._attributes[object] = known
        return known

    def model(self, object: str) -> str:
        """Intercom's word for the kind of an object's attributes."""
        if object not in MODELS:
            close = get_close_matches(object, MODELS, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else f"; there is {', '.join(MODELS)}"
            raise ConfigError(f'{self.tools.connection}: Intercom has no object "{object}" to write to{hint}')
        return MODELS[object]

    def listed(self, model: str, http: Http | None = None) -> list[Row]:
        """The attributes of a model as Intercom describes them, archived ones among them."""
        reply = (http or self.http).request(
            "GET",
            "/data_attributes",
            params={"model": model, "include_archived": "true"},
            what=f"read the data attributes of {model}",
        )
        rows = replies.listed(replies.mapped(replies.body(reply)).get("data"))
        return [row for row in rows if isinstance(row, dict)]

    # ------------------------------------------------------------ what was written

    def note_writing(self, ids: Sequence[str]) -> None:
        """These are about to be written: the search may show them as they were for a while."""
        self._remember({id: Wrote(self.tools.clock.now()) for id in ids})

    def note_written(self, external_ids: Mapping[str, str]) -> None:
        """Records that were just written → their external ids, which lead on to whom they may be merged into."""
        now = self.tools.clock.now()
        self._remember({id: Wrote(now, external) for id, external in external_ids.items()})

    def written_lately(self, ids: Sequence[str]) -> set[str]:
        since = self.tools.clock.now() - self.settings.search_lag
        return {id for id, wrote in self._wrote(ids).items() if wrote.at >= since}

    def external_id(self, id: str) -> str | None:
        """What a record's external id was when it was last written, if it was."""
        wrote = self._wrote([id]).get(id)
        return wrote.external_id if wrote is not None else None

    def _remember(self, wrote: Mapping[str, Wrote]) -> None:
        if wrote:
            self.tools.memory.put(
                {_WROTE + id: msgspec.json.encode(one).decode() for id, one in wrote.items()}
            )

    def _wrote(self, ids: Sequence[str]) -> dict[str, Wrote]:
        if not ids:
            return {}
        kept = self.tools.memory.get([_WROTE + id for id in ids])
        return {key.removeprefix(_WROTE): msgspec.json.decode(text, type=Wrote) for key, text in kept.items()}

    # ------------------------------------------------------------ calls

    def with_token(self, token: str) -> Http:
        """The same workspace, at the same pace, with another access token."""
        opened = self._http(self._policy, token)
        self._opened.append(opened)
        return opened

    def updates(
        self, update: Callable[[T], R], waiting: Mapping[str, T]
    ) -> Iterator[tuple[str, R | Unknown | Deferred]]:
        """Updates that overlap as far as `limits.parallel` allows (`one_by_one.updates`)."""
        return one_by_one.updates(self._pool, update, waiting)

    def all(self, do: Callable[[T], R], each: Sequence[T]) -> list[R]:
        """Calls that overlap as far as `limits.parallel` allows, where each must succeed."""
        return [do(each[0])] if len(each) == 1 else one_by_one.all_of(self._pool, do, each)

    def _http(self, policy: CallPolicy, token: str) -> Http:
        return Http(
            self.settings.address,
            policy,
            allow_http=self.settings.allow_http,
            headers={"Authorization": f"Bearer {token}", "Intercom-Version": self.settings.version},
        )

    def _learn(self, reply: Reply) -> None:
        """Other apps of the workspace call, too: when together they are done for these seconds, nobody asks in vain."""
        allowed = replies.window(reply)
        if allowed is not None and allowed < self.settings.limits.per_10_seconds:
            self._limiter.tighten(allowed, replies.WINDOW)
        if replies.is_spent(reply) and reply.status != 429:
            pause = replies.until_reset(reply, self.tools.clock)
            if pause is not None:
                self._limiter.pause(pause, why="Intercom allows no more calls in these seconds: a pause")
