"""A decision is done by the same code and noted in the same words, whoever takes it and wherever."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from answered import NOW, SYNC
from peopled import YAML, Peopled, fill

from nps.asking import SuppressionReason
from nps.errors import ConfigError
from npsync.deciding import answers, follow_ups, held, letters, pausing, sends, suppressions
from npsync.deciding.deciders import Decider, Decision
from npsync.deciding.inbox import Item, settled_in
from npsync.deciding.writing import want_written
from npsync.web.api import described
from store.api import State

OBJECTION = SuppressionReason.OBJECTION
TABLE = Path(__file__).parents[3] / "docs" / "how-to" / "decide.md"


@pytest.fixture
def town(tmp_path: Path, sqlite_url: str) -> Peopled:
    return Peopled(tmp_path, YAML)


@pytest.fixture
def ann(town: Peopled) -> Decider:
    return Decider(town.config, town.store, "user:ann", NOW)


def noted(town: Peopled) -> list[tuple[str, str]]:
    return [(one.what, one.about) for one in reversed(town.store.audited(who="user:ann"))]


def items_of(town: Peopled, numbers: Sequence[int]) -> list[Item]:
    stored = [
        one
        for version in town.store.versions(numbers).values()
        for one in town.store.answers_named(version.response.id, version.response.source)
    ]
    return [item for one in stored for item in settled_in(town.config, town.store, one)]


def test_the_table_names_every_decision_and_nothing_that_is_not_there():
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| `")]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    assert {row[0] for row in rows} == {each.value for each in Decision}
    assert {row[3] for row in rows if row[3]} <= {
        path.removeprefix("/api/v1") for path in described()["paths"]
    }
    commands = (TABLE.parents[1] / "reference" / "commands.md").read_text("utf-8")
    for word, _, command, *_ in rows:
        name, _, option = command.partition(" --")
        assert f"## {name}\n" in commands, name
        assert not option or f"`--{option}`" in commands, option
        assert (option or name.split()[-1]) == word, command


def test_an_answer_is_ignored_once_and_undone_once(town: Peopled, ann: Decider):
    numbers = town.waiting(State.REVIEW, "many", "two records", ("kim", 4, None), ("lou", 9, None))
    items = items_of(town, numbers)
    assert [item.sync for item in answers.ignore(ann, items, "  a test ").done] == [SYNC, SYNC]
    assert town.store.states(SYNC, numbers)[numbers[0]].reason == "ignored by user:ann on 2025-12-15: a test"
    again = answers.ignore(ann, items, "")
    assert (len(again.done), len(again.left)) == (0, 2)
    undone = answers.undo(ann, items[0].answer)
    assert (undone.left_out, list(undone.again)) == ((SYNC,), [SYNC])
    name = f"answer mail:{items[0].answer.response.id}"
    assert noted(town) == [("ignore", "answers"), ("undo", name)]


def test_what_is_held_is_released_or_discarded_and_what_is_settled_is_neither(town: Peopled, ann: Decider):
    kim, lou = town.waiting(State.HELD, "too_soon", "3 seconds", ("kim", 10, None), ("lou", 9, None))
    one, other = (held.choice_of(items_of(town, [number])) for number in (kim, lou))
    released = held.release(ann, one)
    [action] = want_written(ann, released.again)
    assert (action.kind, action.about, action.arguments["answers"]) == ("take_up", SYNC, [kim])
    assert len(held.discard(ann, other, "a scanner").done) == 1
    assert held.discard(ann, other, "again").left == tuple(other.answers)
    assert [what for what, _ in noted(town)] == ["release", "discard"]


def test_nothing_is_discarded_without_a_reason_where_one_is_needed(town: Peopled, ann: Decider):
    fill(town)
    [letter] = town.store.dead_letters()
    [entry] = town.store.refused_page()
    for discarding in (
        lambda: letters.discard(ann, [letter], " "),
        lambda: follow_ups.discard(ann, [entry.id], ""),
    ):
        with pytest.raises(ConfigError, match="say why they are discarded"):
            discarding()
    assert noted(town) == []
    assert letters.discard(ann, [letter], "a test").done == (letter.id,)
    assert follow_ups.retry(ann, [entry.id, 4711]).left == (4711,)
    assert noted(town) == [("discard", f"dead letter {letter.id}"), ("retry", f"follow-up {entry.id}")]


def test_what_is_so_already_is_not_noted_again(town: Peopled, ann: Decider):
    for _ in range(2):
        sends.stop(ann, "a wrong mail")
        pausing.pause_sync(ann, SYNC)
        pausing.pause_trigger(ann, "half-yearly")
    for _ in range(2):
        sends.resume(ann)
        pausing.resume_sync(ann, SYNC)
        pausing.resume_trigger(ann, "half-yearly")
    subjects = ["sends", SYNC, "trigger half-yearly"]
    assert noted(town) == [
        *zip(["stop", "pause", "pause"], subjects, strict=True),
        *zip(["resume"] * 3, subjects, strict=True),
    ]


def test_an_invitation_is_cancelled_once(town: Peopled, ann: Decider):
    fill(town)
    waits, answered = (town.store.invitation(id) for id in ("i5", "i0"))
    assert waits is not None
    assert answered is not None
    for _ in range(2):
        one = sends.cancel(ann, waits, "left the company")
    assert one.reason == "cancelled by user:ann on 2025-12-15: left the company"
    assert noted(town) == [("cancel", f"{one.connection}/{one.object}/{one.record_id}")]
    with pytest.raises(ConfigError, match="can be cancelled no more"):
        sends.cancel(ann, answered, "")


def test_who_is_suppressed_and_lifted_is_noted_without_a_name(town: Peopled, ann: Decider):
    keys = ["email:kim@example.com", "phone:+12025550143"]
    assert [suppressions.add(ann, keys, OBJECTION, "a letter") for _ in range(2)] == [2, 0]
    assert {one.source for one in town.store.suppressions(keys)} == {"user:ann"}
    with pytest.raises(ConfigError, match="only the person's own act"):
        suppressions.lift(ann, keys, OBJECTION, by="kim", why=" ")
    assert suppressions.lift(ann, keys, OBJECTION, by="kim", why="by phone") == keys
    with pytest.raises(ConfigError, match="there is no suppression"):
        suppressions.lift(ann, keys, OBJECTION, by="kim", why="again")
    assert noted(town) == [("add", "suppression"), ("lift", "suppression")]
    kept = [one.facts for one in town.store.audited(who="user:ann")]
    assert kept == [{"reason": "objection", "names": 2}] * 2


def test_what_fills_the_ledger_is_noted(town: Peopled, ann: Decider, tmp_path: Path):
    file = tmp_path / "sent.csv"
    file.write_text("email,date\nkim@example.com,2025-03-02\nnobody,2025-03-02\n", "utf-8")
    assert (sends.import_sends(ann, file).new, sends.import_sends(ann, file).new) == (1, 0)
    assert sends.rebuild_ledger(ann, [], "Last_Survey__c") == (0, 0)
    assert noted(town) == [("import", "sends"), ("import", "sends"), ("rebuild", "ledger")]
    [_, _, first] = town.store.audited(who="user:ann")
    assert first.facts == {"new": 1, "known": 0, "refused": 1}
