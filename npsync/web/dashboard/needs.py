"""What needs a person now: each with the page that shows it and the command that settles it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from npsync.web.site import Site
from store.api.remarks import Undone

_LEFT = {
    "review": (
        "answer matches two or more records, or none for sure",
        "answers match two or more records, or none for sure",
        "/review",
        "npsync review list",
    ),
    "held": (
        "answer looks suspicious and is held",
        "answers look suspicious and are held",
        "/held",
        "npsync review list --state held",
    ),
    "rejected": (
        "answer could not be written",
        "answers could not be written",
        "/dead-letters",
        "npsync dead-letters list",
    ),
}


@dataclass(frozen=True)
class Need:
    """Something that waits for a person. `at` is the address that shows it, `page` the entry of the navigation that
    carries its number."""

    said: str
    at: str
    page: str
    next: str
    number: int = 1
    failed: bool = False


def needs_of(site: Site) -> list[Need]:
    """What is broken comes first."""
    found = [*_runs(site), *_paused(site), *_left_open(site)]
    return sorted(found, key=lambda need: not need.failed)


def waiting_by_page(needs: Iterable[Need]) -> Mapping[str, int]:
    """How much waits behind each entry of the navigation."""
    counts: Counter[str] = Counter()
    for need in needs:
        counts[need.page] += need.number
    return counts


def waiting_in(site: Site) -> int:
    """The answers that wait for a contact: they need nobody."""
    return sum(each.answers for each in _left(site) if each.state == "waiting")


def _runs(site: Site) -> Iterator[Need]:
    for name in site.config.sync:
        for run in site.store.runs(sync=name, kind="run", limit=1):
            if run.status in ("failed", "stopped"):
                said = f"{name}: its last run {'failed' if run.status == 'failed' else 'was stopped'}"
                yield Need(said, f"/runs/{run.id}", "/syncs", f"npsync runs {run.id}", failed=True)


def _paused(site: Site) -> Iterator[Need]:
    for name, due in site.store.due(list(site.config.sync)).items():
        if due.paused:
            at = f"/syncs/{quote(name, safe='')}"
            yield Need(
                f"{name}: paused, nothing runs until it is resumed", at, "/syncs", f"npsync resume {name}"
            )


def _left_open(site: Site) -> Iterator[Need]:
    for each in _left(site):
        if each.state in _LEFT:
            one, several, at, command = _LEFT[each.state]
            said = f"{each.sync}: {each.answers:,} {one if each.answers == 1 else several}"
            yield Need(
                said, f"{at}?sync={quote(each.sync, safe='')}", "/review", command, number=each.answers
            )


def _left(site: Site) -> list[Undone]:
    return site.store.left_to_people(list(site.config.sync))
