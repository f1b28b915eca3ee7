"""What needs a person now: each with the page that shows it and the command that settles it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from npsync.clockwork.agreeing import in_words, on_other_files
from npsync.deciding.to_do import LATE
from npsync.operating.connection_health import BUDGET, health_of
from npsync.web.site import Site
from store.api import RunRow
from store.api.remarks import Undone
from triggers.ledger import why_none_is_sent

SEEN = timedelta(minutes=2)  # so long after it was last seen a serving process is not there

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
    now = site.clock.now()
    found = [
        *_connections(site, now),
        *_runs(site),
        *_file(site),
        *_left_open(site),
        *_followed(site, now),
        *_sends(site),
        *_paused(site),
        *_verified(site),
    ]
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


def _connections(site: Site, now: datetime) -> Iterator[Need]:
    """Credentials that are refused, vendors that do not answer, budgets that are spent."""
    for name, health in health_of(site.store, list(site.config.connections), now).items():
        at = f"/connections/{quote(name, safe='')}"
        if health.refused(now) is not None:
            said = f"{name}: its credential is refused, or lacks a permission"
            yield Need(said, at, "/connections", f"npsync connect {name}", failed=True)
        elif (trouble := health.trouble) is not None:
            said = "its calls for today are spent" if trouble.kind == BUDGET else "it does not answer"
            command = f"npsync quota {name}" if trouble.kind == BUDGET else f"npsync connect {name}"
            yield Need(f"{name}: {said}", at, "/connections", command)


def _runs(site: Site) -> Iterator[Need]:
    for name in site.config.sync:
        for run in site.store.runs(sync=name, kind="run", limit=1):
            if run.status in ("failed", "stopped"):
                said = f"{name}: its last run {_ended(run)}"
                yield Need(said, f"/runs/{run.id}", "/syncs", f"npsync runs {run.id}", failed=True)


def _ended(run: RunRow) -> str:
    if run.status == "failed":
        return "failed"
    reasons = run.report.get("stopped_by")
    return "was stopped by the breaker before the first write" if reasons else "was stopped half-way"


def _file(site: Site) -> Iterator[Need]:
    """A changed file that could not be taken: everything goes on by the one before. Or two files in use."""
    serving, now = site.store.serving(), site.clock.now()
    if any(one.problem and now - one.seen_at < SEEN for one in serving):
        said = f"{site.config.file.name} was changed and not taken: it has a problem"
        yield Need(said, "/config", "/connections", "npsync check", failed=True)
        return
    for one, clock in on_other_files(serving, now):
        yield Need(in_words(one, clock), "/config", "/connections", "npsync health")


def _followed(site: Site, now: datetime) -> Iterator[Need]:
    """Tasks, messages and lists: refused, of unknown fate, or left lying."""
    if refused := site.store.count_refused():
        said = (
            "task, message or place on a list was refused, or may not have arrived"
            if refused == 1
            else "tasks, messages or places on lists were refused, or may not have arrived"
        )
        yield Need(
            f"{refused:,} {said}", "/follow-ups#refused", "/review", "npsync follow-ups list", number=refused
        )
    if late := site.store.count_late_tasks(given_before=now - LATE):
        said = (
            "task was given long ago and is open still"
            if late == 1
            else "tasks were given long ago and are open still"
        )
        yield Need(f"{late:,} {said}", "/follow-ups#late", "/review", "npsync follow-ups list", number=late)


def _sends(site: Site) -> Iterator[Need]:
    if site.config.has_to_ask and (halted := why_none_is_sent(site.store)) is not None:
        yield Need(f"No survey is sent: {halted}", "/invitations", "/invitations", "npsync sends status")


def _verified(site: Site) -> Iterator[Need]:
    for name in site.config.sync:
        for run in site.store.runs(sync=name, kind="verify", limit=1):
            drifted = run.report.get("records_drifted")
            if isinstance(drifted, int) and drifted:
                said = f"{name}: {drifted:,} {'record is' if drifted == 1 else 'records are'} not as npsync left them"
                yield Need(said, f"/runs/{run.id}", "/syncs", f"npsync verify {name}")


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
