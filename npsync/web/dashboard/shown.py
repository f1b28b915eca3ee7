"""Answers as pages show them: the score as a sync reads it, who gave it, and where each sync stands with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from npsync.syncing.jobs import target_of
from npsync.syncing.views import views_of
from npsync.web.site import Site
from store.api import Settled, Stored
from sync.explaining import View, score_of


@dataclass(frozen=True)
class Place:
    """One answer in one sync, and whose records that sync writes."""

    sync: str
    connection: str
    object: str
    settled: Settled


@dataclass(frozen=True)
class Card:
    """One answer, with everything a person needs to recognise it."""

    number: int
    name: str  # source:id
    score: int | float | str | None
    segment: str | None
    at: datetime
    channel: str | None
    comment: str | None
    key: str | None
    places: tuple[Place, ...]

    def __repr__(self) -> str:
        return f"Card({self.name})"  # never what was written


class Cards:
    """Makes cards. One for every request: it compiles the YAML's syncs at most once."""

    def __init__(self, site: Site) -> None:
        self._config = site.config
        self._views: dict[str, View] | None = None

    def card(self, answer: Stored, settled: Mapping[str, Settled]) -> Card:
        response = answer.response
        view = self._view(next(iter(settled), None))
        score, segment = score_of(view, response) if view is not None else (response.score, None)
        return Card(
            number=answer.number,
            name=f"{response.source}:{response.id}",
            score=score,
            segment=segment,
            at=response.answered_at,
            channel=response.channel,
            comment=response.comment,
            key=response.email or response.phone or response.external_id,
            places=tuple(
                self._place(sync, its) for sync, its in settled.items() if sync in self._config.sync
            ),
        )

    def cards(self, found: Iterable[tuple[Stored, Mapping[str, Settled]]]) -> list[Card]:
        return [self.card(answer, settled) for answer, settled in found]

    def _view(self, sync: str | None) -> View | None:
        if self._views is None:
            self._views = {view.sync: view for view in views_of(self._config)}
        return self._views.get(sync or "")

    def _place(self, sync: str, settled: Settled) -> Place:
        target = target_of(self._config, self._config.sync[sync])
        return Place(sync, target.connection, target.object, settled)
