"""Figures that are there before somebody asks: when they are counted, what leaves a note, what pages show meanwhile."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from answered import NOW, YAML, config_in, matched, people
from asgi_caller import Caller
from fake_clock import FakeClock
from typer.testing import CliRunner

from npsync.cli import application
from npsync.figures import Figures
from npsync.figures.checking import check
from npsync.figures.counting import ASKED_FOR, REST, Counter
from npsync.reports import Wish, wish
from npsync.sign_in import tokens
from npsync.web.app import app
from store import funnels, open_store, questions, tallies
from store.api.asking import Verdict
from store.api.figures import Refused
from store.api.tallying import Order
from store.sql import SqlStore
from store.stirring import ANSWERS, ASKED, MADE_OF, stirs

TODAY = NOW.date()


class Desk:
    """Whoever looks, and whoever counts."""

    def __init__(self, folder: Path, store: SqlStore) -> None:
        self.config, self.store, self.clock = config_in(folder, YAML), store, FakeClock(NOW)
        self.figures = Figures(self.config, store, self.clock, few=-1)
        self.counter = Counter(self.config, store, self.clock, few=-1)

    def wish(self, **others: object) -> Wish:
        return wish(self.config, "relationship", today=self.clock.now().date(), **others)  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path, store: SqlStore) -> Desk:
    matched(store, people(store, {10: 40, 3: 10}), account="001A", plan="Pro")
    return Desk(tmp_path, store)


# ------------------------------------------------------------ when they are counted


def test_what_nobody_has_counted_is_not_waited_for(desk: Desk):
    shown = desk.figures.report(desk.wish())
    assert (shown.value, shown.as_of, shown.counting) == (None, None, True)
    desk.counter.turn()
    shown = desk.figures.report(desk.wish())
    assert shown.value is not None
    assert shown.value.whole is not None
    assert (shown.value.whole.answers, shown.as_of, shown.counting) == (50, NOW, False)


def test_old_figures_are_shown_as_what_they_are_until_newer_ones_are_counted(desk: Desk):
    desk.counter.turn()
    people(desk.store, {9: 1})
    shown = desk.figures.report(desk.wish())
    assert shown.value is not None
    assert shown.value.whole is not None
    assert (shown.value.whole.answers, shown.counting) == (50, True)


def test_counting_takes_at_most_a_tenth_of_the_time(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    took = iter([0.0, 8.0, 8.0, 8.0])
    monkeypatch.setattr("npsync.figures.counting.time.monotonic", lambda: next(took, 8.0))
    assert desk.counter.turn().seconds == 8.0
    people(desk.store, {9: 1})
    assert not desk.counter.turn().did_something
    desk.clock.advance(REST * 8 - 1)
    assert not desk.counter.turn().did_something
    desk.clock.advance(2)
    assert desk.counter.turn().did_something


def test_what_somebody_waits_for_comes_without_a_rest_and_is_kept_for_a_day(desk: Desk):
    desk.counter.turn()
    unusual = desk.wish(since=TODAY - timedelta(days=9))
    assert desk.figures.report(unusual).value is None
    assert desk.counter.turn().figures == 1
    assert not desk.figures.report(unusual).counting
    desk.clock.advance(ASKED_FOR.total_seconds())
    desk.counter.turn()
    assert all(one.asked_at is None for one in desk.store.figures())


def test_where_nothing_changed_nothing_is_counted_until_the_next_day(desk: Desk):
    assert desk.counter.turn().did_something
    desk.clock.advance(3 * 3600)
    assert not desk.counter.turn().did_something
    desk.clock.advance(24 * 3600)
    assert desk.figures.report(desk.wish()).counting
    assert desk.counter.turn().did_something
    assert not desk.figures.report(desk.wish()).counting


def test_another_configuration_is_another_question(desk: Desk, tmp_path: Path):
    desk.counter.turn()
    other = config_in(tmp_path, YAML.replace("relationship: 40", "relationship: 55"))
    assert Figures(other, desk.store, desk.clock, few=-1).report(desk.wish()).value is None
    Counter(other, desk.store, desk.clock, few=-1).turn()
    shown = Figures(other, desk.store, desk.clock, few=-1).report(desk.wish())
    assert shown.value is not None
    assert shown.value.target == 55


def test_one_process_counts_at_a_time(desk: Desk):
    lease = desk.store.acquire("figures", "somebody else", now=NOW, seconds=60)
    assert lease is not None
    assert not desk.counter.turn().did_something
    desk.store.release(lease)
    assert desk.counter.turn().did_something


def test_a_list_of_accounts_is_replaced_and_the_one_before_goes(desk: Desk):
    desk.counter.turn()
    matched(desk.store, people(desk.store, {0: 5}), account="001B", plan="Pro")
    counter = Counter(desk.config, desk.store, desk.clock, few=-1)
    counter.turn()
    page = desk.figures.accounts("relationship").value
    assert page is not None
    assert [(one.id, one.tally.answers) for one in page.accounts] == [("001B", 5), ("001A", 50)]
    people(desk.store, {9: 1})
    Counter(desk.config, desk.store, desk.clock, few=-1).turn()
    with desk.store.database.read() as tx:
        kept = {edition for (edition,) in tx.rows("SELECT DISTINCT edition FROM account_figure")}
        named = {edition for (edition,) in tx.rows("SELECT edition FROM figure WHERE edition IS NOT NULL")}
    assert len(kept - named) <= 1  # the one before goes with the next


def test_accounts_for_who_sees_nobody_are_a_list_of_their_own(desk: Desk):
    """Of whole months, without those of few people, and without one more where these few are too few together. Where
    it has no account, it is not another list's."""

    def told() -> tuple[list[str], int]:
        Counter(desk.config, desk.store, desk.clock, few=-1).turn()
        page = desk.figures.large_accounts("relationship").value
        assert page is not None
        return [one.id for one in page.accounts], page.all_of_them

    assert told() == ([], 0)  # all of them answered in this month
    before = NOW - timedelta(days=40)
    for account, many in (("001B", 6), ("001C", 7), (None, 1)):
        matched(desk.store, people(desk.store, {9: many}, at=before), account=account)
    assert told() == (["001C"], 1)
    matched(desk.store, people(desk.store, {9: 4}, at=before), account="001E")
    assert told() == (["001C", "001B"], 2)  # the few are five together
    found = check(desk.config, desk.store)
    assert not found.wrong


@pytest.mark.parametrize("few", [-1, 1000], ids=["ready-made", "counted now"])
@pytest.mark.parametrize("order", [Order.WORST, Order.NAME], ids=str)
def test_the_account_that_is_left_out_leaves_no_gap_where_it_stood(desk: Desk, order: Order, few: int):
    before = NOW - timedelta(days=40)
    for account, scores in (("001B", {0: 10}), ("001C", {9: 3, 0: 3}), ("001D", {9: 8}), ("001E", {0: 1})):
        matched(desk.store, people(desk.store, scores, at=before), account=account)
    desk.counter.turn()
    figures = Figures(desk.config, desk.store, desk.clock, few=few)

    def told(limit: int, offset: int) -> list[str]:
        page = figures.large_accounts("relationship", order, limit=limit, offset=offset).value
        assert page is not None
        assert (page.all_of_them, page.with_enough) == (2, 2)
        return [one.id for one in page.accounts]

    whole = told(50, 0)
    assert sorted(whole) == ["001B", "001D"]
    assert [told(1, offset) for offset in range(4)] == [[whole[0]], [whole[1]], [], []]
    assert [told(2, offset) for offset in range(2)] == [whole, whole[1:]]


@pytest.mark.parametrize("after", [1, 40, 200, 1000, 3000])
def test_counting_that_is_to_end_ends_in_the_middle_of_a_statement_and_the_next_one_counts_the_rest(
    tmp_path: Path, sqlite_url: str, after: int, monkeypatch: pytest.MonkeyPatch
):
    store = open_store(sqlite_url)
    matched(store, people(store, {10: 40, 3: 10}), account="001A", plan="Pro")
    desk = Desk(tmp_path, store)
    monkeypatch.setattr("store.breaking_off.STEPS", 1)
    desk.counter.turn()
    people(desk.store, {9: 1})
    asked = itertools.count(1)
    counted = Counter(desk.config, desk.store, desk.clock, few=-1, stop=lambda: next(asked) > after).turn()
    assert next(asked) > after + 1  # it was asked, and ended there
    assert counted.figures < len(desk.store.figures())
    assert check(desk.config, desk.store).wrong == []
    assert Counter(desk.config, desk.store, desk.clock, few=-1).turn().did_something
    checked = check(desk.config, desk.store)
    assert (checked.wrong, checked.old, len(checked.right)) == ([], [], len(desk.store.figures()))
    store.close()


# ------------------------------------------------------------ notes


def test_every_table_that_figures_are_read_from_leaves_a_note_when_it_changes():
    made_here = {"answer", "valid", "placed", "pairs", "grouped", "accounts", "the", "standing"}
    # The tasks are read by `given_tasks`.
    assert read_by(questions, tallies) - made_here == set(MADE_OF[ANSWERS]) - {"outbox"}
    assert read_by(funnels) == set(MADE_OF[ASKED])


def read_by(*modules: ModuleType) -> set[str]:
    texts = (text for module in modules for text in vars(module).values() if isinstance(text, str))
    return set(re.findall(r"\b(?:FROM|JOIN) ([a-z_]+)", " ".join(texts)))


@pytest.mark.parametrize(("part", "table"), [(part, table) for part in MADE_OF for table in MADE_OF[part]])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {} (a) VALUES (1)",
        "INSERT OR FAIL INTO {} (a) VALUES (1)",
        "\n    UPDATE {} SET a = 1",
        "DELETE FROM {} WHERE a = 1",
    ],
)
def test_whatever_writes_to_it_is_recognised(part: str, table: str, statement: str):
    assert part in stirs(statement.format(table))
    assert not stirs(f"SELECT * FROM {table} FOR UPDATE")
    assert not stirs(statement.format(f"{table}_of_others"))


def test_a_change_that_is_taken_back_leaves_no_note(desk: Desk):
    lease = desk.store.acquire("figures", "me", now=NOW, seconds=60)
    assert lease is not None
    assert desk.store.take_stirred(ANSWERS, lease=lease)
    with pytest.raises(ZeroDivisionError):
        _change_and_fail(desk.store)
    assert not desk.store.take_stirred(ANSWERS, lease=lease)
    with desk.store.database.write() as tx:
        tx.run("DELETE FROM member")
    assert desk.store.take_stirred(ANSWERS, lease=lease)
    assert not desk.store.take_stirred(ANSWERS, lease=lease)


def test_who_is_not_asked_makes_no_report_old_and_an_answer_no_funnel(desk: Desk):
    not_asked(desk.store)
    desk.counter.turn()
    assert {one.stale for one in desk.store.figures()} == {False}
    not_asked(desk.store)
    assert kinds(desk, stale=True) == {"invitations"}
    Counter(desk.config, desk.store, desk.clock, few=-1).turn()
    people(desk.store, {9: 1})
    assert kinds(desk, stale=False) == {"invitations"}


def kinds(desk: Desk, *, stale: bool) -> set[str]:
    return {json.loads(one.question)["kind"] for one in desk.store.figures() if one.stale is stale}


def not_asked(store: SqlStore) -> None:
    said = Verdict(trigger="yearly", at=NOW, scope="crm.Contact", record_id="003A", code="rest", reason="")
    store.decide_event(None, [], [said], {}, now=NOW)


def test_few_invitations_are_counted_while_somebody_waits_whatever_is_stored_of_answers(desk: Desk):
    not_asked(desk.store)
    few = 10  # of fifty answers
    shown = Figures(desk.config, desk.store, desk.clock, few=few).invitations(7)
    assert shown.value is not None
    assert (shown.value.refused, shown.counting) == ([Refused("yearly", "rest", 1)], False)
    assert Counter(desk.config, desk.store, desk.clock, few=few).turn().did_something
    assert "invitations" not in {json.loads(one.question)["kind"] for one in desk.store.figures()}


def _change_and_fail(store: SqlStore) -> None:
    with store.database.write() as tx:
        tx.run("DELETE FROM member")
        raise ZeroDivisionError


# ------------------------------------------------------------ pages


@pytest.fixture
def page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[int, str]]:
    """A page, and its text, for somebody who is signed in to a store with many answers."""
    monkeypatch.setattr(Figures.__init__, "__kwdefaults__", {"few": -1})
    caller = Caller(app(desk.config, desk.store, desk.clock), headers={"host": "127.0.0.1:8642"})
    token = tokens.create(desk.store, "ann", ("read",), now=NOW)
    door = caller.get("/sign-in")
    csrf = re.search(r'name="csrf" value="([^"]*)"', door.body.decode())
    form = f"token={token}&csrf={csrf[1] if csrf else ''}".encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    cookie = door.headers.get("set-cookie", "").partition(";")[0]
    cookie = caller.post("/sign-in", form, cookie=cookie, **kind).headers["set-cookie"].partition(";")[0]

    def get(path: str) -> tuple[int, str]:
        replied = caller.get(path, cookie=cookie)
        return replied.status, replied.body.decode()

    return get


@pytest.mark.parametrize("path", ["/", "/report", "/report?by=plan", "/accounts", "/invitations"])
def test_a_page_says_that_figures_are_counted_and_looks_again(
    desk: Desk, page: Callable[[str], tuple[int, str]], path: str
):
    status, text = page(path)
    assert status == 200
    assert "These figures are being counted" in text
    assert 'hx-trigger="load delay:1s"' in text
    desk.counter.turn()
    status, text = page(path)
    assert status == 200
    assert "being counted" not in text
    people(desk.store, {9: 1})
    not_asked(desk.store)
    assert re.search(r"As of .* 07:00 America/New_York.*newer figures are being counted", page(path)[1], re.S)


def test_a_file_of_figures_that_are_not_there_yet_is_asked_for_again(
    desk: Desk, page: Callable[[str], tuple[int, str]]
):
    assert page("/report.csv")[0] == 503
    desk.counter.turn()
    assert page("/report.csv")[0] == 200


# ------------------------------------------------------------ npsync db figures


def test_figures_are_counted_again_and_compared_by_a_command(
    desk: Desk, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("SF_ID", "SF_SECRET", "WOOTRIC_ID", "WOOTRIC_SECRET"):
        monkeypatch.setenv(name, "x")
    file = tmp_path / "npsync.yaml"
    file.write_text(YAML.replace("sqlite:///npsync.db", url), encoding="utf-8")

    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        done = CliRunner().invoke(application(), ["-c", str(file), "db", "figures", "--json", *arguments])
        return done.exit_code, json.loads(done.stdout)

    assert run()[1]["figures"] == 11
    code, checked = run("--check")
    assert (code, checked["wrong"], len(str(checked["right"])) > 20) == (0, [], True)
    with desk.store.database.write() as tx:
        tx.run("UPDATE account_figure SET promoters = 7")
    assert run("--check")[0] == 1
    assert run()[0] == 0
    assert run("--check")[0] == 0
