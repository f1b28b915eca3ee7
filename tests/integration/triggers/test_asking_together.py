"""Real processes over one store: a hundred triggers for one person make one send, and a kill anywhere loses nothing and
sends nothing twice."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from asking_process import HOOKS, PRODUCT, Asker, lines, sent
from builders_triggers import CRM, Desktop, case
from fake_clock import NOON
from postgres_server import PostgresServer, database_name

from nps.asking import InvitationState, PastKind
from nps.events import Event, PersonKey
from store import open_store

KINDS = {CRM: "case_closed", PRODUCT: "track", HOOKS: "done"}


@pytest.fixture(scope="module")
def askers() -> Iterator[tuple[Asker, Asker]]:
    pair = Asker(), Asker()
    yield pair
    for one in pair:
        one.close()


def noted(url: str, *events: Event) -> None:
    desk = Desktop(url).open()
    desk.store.note_events(events, now=NOON)
    desk.close()


def happened(number: int, person: str, connection: str = CRM) -> Event:
    """Person pN of the town, named as each tool names people."""
    key = {
        CRM: PersonKey("record", f"c{int(person) + 1}"),
        PRODUCT: PersonKey("external_id", f"000{person}"),
        HOOKS: PersonKey("email", f"p{person}@example.com"),
    }[connection]
    return case(number, key, kind=KINDS[connection], connection=connection)


def test_a_hundred_triggers_for_one_person_through_three_tools_and_two_processes_make_one_send(
    url: str, askers: tuple[Asker, Asker], tmp_path: Path
):
    noted(url, *(happened(number, "0", list(KINDS)[number % 3]) for number in range(100)))
    given = {
        "url": url,
        "sent": str(tmp_path / "sent"),
        "can_find": False,
        "threads": 2,
        "at_a_time": 5,
    }
    for hours in (0, 1):  # all of them are decided, then all of them are due
        for number, asker in enumerate(askers):
            asker.begin(**given, hours=hours, log=str(tmp_path / f"log{number}"))
        assert [asker.ended() for asker in askers] == [0, 0]
    store = open_store(url)
    states = Counter(one.state for one in store.invitations(limit=1000))
    store.close()
    decided = ["before the commit of reserve" in (tmp_path / f"log{number}").read_text() for number in (0, 1)]
    assert decided == [True, True]
    assert len(sent(tmp_path / "sent")) == 1
    assert states == {InvitationState.SENT: 1, InvitationState.SUPPRESSED: 99}


# ------------------------------------------------------------ killed


@dataclass
class Bench:
    """A store in which something is decided and sent, killed at one boundary after the other."""

    asker: Asker
    folder: Path
    copy: Callable[[str], str]  # a fresh copy of the template under this name → its URL
    can_find: bool

    def boundaries(self) -> list[str]:
        url = self.copy("whole")
        assert self.run(url, "whole") == 0
        return [line.split("\t")[1] for line in lines(self.folder / "whole.log")]

    def run(self, url: str, name: str, die_at: int = -1) -> int:
        return self.asker.run(
            url=url,
            sent=str(self.folder / f"{name}.sent"),
            log=str(self.folder / f"{name}.log"),
            can_find=self.can_find,
            die_at=["", die_at],
            hours=1,
            turns=2,
        )

    def killed_at(self, number: int) -> list[str]:
        """What is wrong after a kill there and a restart."""
        name = f"kill{number}"
        url = self.copy(name)
        assert self.run(url, name, number) == -9
        for hours in (1, 2):  # what surely was not sent is tried again a little later
            code = self.asker.run(
                url=url,
                sent=str(self.folder / f"{name}.sent"),
                log=str(self.folder / f"{name}.log2"),
                can_find=self.can_find,
                hours=hours,
                turns=2,
            )
            assert code == 0
        return list(self.violations(url, name))

    def violations(self, url: str, name: str) -> Iterator[str]:
        left = Counter(invitation for invitation, _, _ in sent(self.folder / f"{name}.sent"))
        store = open_store(url)
        try:
            if any(store.undecided_events(10)):
                yield "an event was lost"
            found = {one.id: one for one in store.invitations(limit=100)}
            if len(found) != 3:
                yield f"{len(found)} invitations instead of 3"
            for id, one in found.items():
                if left[id] > 1:
                    yield f"{left[id]} messages of one invitation"
                if one.state is InvitationState.SENT and left[id] != 1:
                    yield "said to be sent, and it was not"
                if one.state is InvitationState.UNKNOWN and self.can_find:
                    yield "unknown, though the vendor can tell"
                if one.state not in (InvitationState.SENT, InvitationState.UNKNOWN):
                    yield f"{one.state}: lost"
                keys = [f"record:crm.contacts/{one.record_id}"]
                past = store.past(keys, since=NOON - timedelta(days=1), now=NOON + timedelta(days=1))
                if [each.what for each in past] != [PastKind.SEND]:
                    yield f"the ledger holds {[str(each.what) for each in past]}"
            if sum(one.state is InvitationState.UNKNOWN for one in found.values()) > 1:
                yield "more unknown than one kill can leave"
        finally:
            store.close()


def sqlite_copies(folder: Path) -> Callable[[str], str]:
    template = folder / "template.db"
    noted(f"sqlite:///{template}", *(happened(number, str(number)) for number in range(3)))

    def copy(name: str) -> str:
        shutil.copy(template, folder / f"{name}.db")
        return f"sqlite:///{folder / name}.db"

    return copy


@pytest.mark.parametrize("can_find", [True, False])
def test_killed_between_decide_send_and_record_nothing_is_lost_and_nothing_is_sent_twice(
    can_find: bool, askers: tuple[Asker, Asker], tmp_path: Path
):
    bench = Bench(askers[0], tmp_path, sqlite_copies(tmp_path), can_find)
    boundaries = bench.boundaries()
    assert {"before the message leaves", "the message has left", "before the commit of settle_step"} <= {
        *boundaries
    }
    points = range(1 if can_find else 2, len(boundaries) + 1, 2 if can_find else 4)  # a sample
    wrong = {(at, boundaries[at - 1]): found for at in points if (found := bench.killed_at(at))}
    assert wrong == {}


def test_killed_on_postgresql_it_is_the_same(
    askers: tuple[Asker, Asker], postgres: PostgresServer, tmp_path: Path
):
    template = postgres.new_database()
    noted(template, *(happened(number, str(number)) for number in range(3)))
    bench = Bench(askers[0], tmp_path, lambda name: postgres.new_database(database_name(template)), True)
    boundaries = bench.boundaries()
    wanted = ("settle_step", "reserve", "decide_event", "message")
    points = [at for at, name in enumerate(boundaries, 1) if any(word in name for word in wanted)]
    wrong = {at: found for at in points[::4] if (found := bench.killed_at(at))}
    assert wrong == {}


def test_a_sender_that_forgets_its_step_sends_twice_so_the_kills_do_tell(
    askers: tuple[Asker, Asker], tmp_path: Path
):
    """The proof is the committed `sending`: take it away, and the same kill is a second message."""
    bench = Bench(askers[0], tmp_path, sqlite_copies(tmp_path), True)
    boundaries = bench.boundaries()
    at = boundaries.index("the message has left") + 1
    url = bench.copy("forgetful")
    assert bench.run(url, "forgetful", at) == -9
    store = open_store(url)
    with store.database.write() as tx:  # as if it had never been written down
        tx.run("UPDATE step SET state = 'queued' WHERE state = 'sending'")
        tx.run("DELETE FROM ledger_key")
        tx.run("DELETE FROM ledger")
    store.close()
    assert bench.run(url, "forgetful") == 0
    assert max(Counter(one for one, _, _ in sent(tmp_path / "forgetful.sent")).values()) == 2
