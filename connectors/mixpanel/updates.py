"""Profile updates on their way: in one request as far as they fit, in smaller ones where Mixpanel does not say which of
them it refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.http import Http
from connectors.limits import Limiter, Window
from connectors.mixpanel.confirming import Failed, NotAll, Taken, Unclear, verdict
from connectors.mixpanel.settings import MixpanelSettings
from connectors.replies import FINE, Reply, Ruling, Stop, judge, unreadable
from connectors.wire import FateUnknown
from nps.changes import Cause, Change, Outcome, Rejected, Unknown, Written
from nps.errors import AccessError, ConfigError
from nps.values import Json

MOST_UPDATES = 2_000  # of one request
MOST_BYTES = 1_000_000  # of one update
_TOGETHER = 8_000_000  # bytes in one request; what Mixpanel takes of all together is not told


@dataclass(frozen=True)
class Update:
    """What one change comes to: properties set, properties taken away. One profile, at most two operations."""

    record_id: str
    operations: tuple[dict[str, Json], ...]
    size: int

    @classmethod
    def of(cls, change: Change, token: str) -> Update:
        whose: dict[str, Json] = {"$token": token, "$distinct_id": change.record_id}
        values: dict[str, Json] = {name: value for name, value in change.after.items() if value is not None}
        emptied: list[Json] = [name for name, value in change.after.items() if value is None]
        operations: list[dict[str, Json]] = []
        if values:
            operations.append({**whose, "$set": dict(values)})
        if emptied:
            operations.append({**whose, "$unset": emptied})
        return cls(change.record_id, tuple(operations), len(orjson.dumps(operations)))


class Updates:
    """Sends to the ingestion API, which knows the project by its token alone."""

    def __init__(self, settings: MixpanelSettings, tools: Tools) -> None:
        self._confirm = settings.confirm
        self._tools = tools
        policy = CallPolicy(
            tools,
            Limiter(tools, {"": [Window(20, 1)]}, name="updates"),
            judge=self._judge,
            first_wait=2.0,
            longest_wait=60.0,
        )
        self._http = Http(settings.ingestion, policy, allow_http=settings.allow_http)

    def send(self, updates: Sequence[Update]) -> Iterator[dict[str, Outcome]]:
        """Exactly one outcome for each, as the requests are answered: what ends a later one takes none of them back."""
        too_large = [one.record_id for one in updates if one.size > MOST_BYTES]
        if too_large:
            words = "takes 1 MB; add `truncate:`"
            yield {id: Rejected(id, "too_large", words, cause=Cause.MAPPING) for id in too_large}
        for part in _parts([one for one in updates if one.size <= MOST_BYTES]):
            yield from self._part(part)

    def close(self) -> None:
        self._http.close()

    # ------------------------------------------------------------ inside

    def _part(self, part: Sequence[Update]) -> Iterator[dict[str, Outcome]]:
        operations: list[Json] = [dict(one) for update in part for one in update.operations]
        owners = [update.record_id for update in part for _ in update.operations]
        try:
            reply = self._http.request(
                "POST",
                "/engage",
                params={"ip": "0", self._confirm: "1"},
                json=operations,
                what="write profiles",
                idempotent=True,  # the same values once more change nothing
            )
        except FateUnknown as error:
            yield {update.record_id: Unknown(update.record_id, str(error)) for update in part}
            return
        said = NotAll("too large (413)") if reply.status == 413 else verdict(reply, len(operations))
        match said:
            case Taken():
                yield {update.record_id: Written(update.record_id) for update in part}
            case Failed(reasons):
                refused = {owners[index]: reason for index, reason in reasons.items()}
                yield {one.record_id: _outcome(one, refused.get(one.record_id)) for one in part}
            case NotAll(reason):
                if len(part) == 1:
                    yield {part[0].record_id: _outcome(part[0], reason)}
                    return
                half = len(part) // 2
                yield from self._part(part[:half])
                yield from self._part(part[half:])
            case Unclear(reason):
                told = f"{self._tools.connection}: write profiles: {reason}; another `confirm` may be answered clearly"
                yield {update.record_id: Unknown(update.record_id, told) for update in part}

    def _judge(self, reply: Reply) -> Ruling:
        match reply.status:
            case 413:
                return FINE
            case 200 | 400:
                return unreadable(reply) or FINE
            case 401 | 403:
                return Stop(
                    AccessError,
                    f"Mixpanel refuses the updates ({reply.status}): is project_token the project's?",
                )
            case 404:
                return Stop(ConfigError, "nothing takes updates at this address (404): is base_url right?")
            case _:
                return judge(reply, self._tools.clock)


def _outcome(update: Update, reason: str | None) -> Outcome:
    if reason is None:
        return Written(update.record_id)
    return Rejected(update.record_id, "refused", reason, cause=Cause.MAPPING)


def _parts(updates: Sequence[Update]) -> list[list[Update]]:
    parts: list[list[Update]] = []
    count = size = 0
    for update in updates:
        count, size = count + len(update.operations), size + update.size
        if not parts or count > MOST_UPDATES or size > _TOGETHER:
            parts.append([])
            count, size = len(update.operations), update.size
        parts[-1].append(update)
    return parts
