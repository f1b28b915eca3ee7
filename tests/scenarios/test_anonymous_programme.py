"""An anonymous programme: nothing says who answered, and small groups are not told."""

from __future__ import annotations

import pytest
from cli_process import Npsync, config
from erased import files_below, found
from townspeople import Town

PEPPER = "a-pepper-of-the-town-that-nobody-guesses"


@pytest.fixture
def npsync(npsync: Npsync) -> Npsync:
    npsync.configured(config(pepper=PEPPER, privacy={"anonymous": ["relationship"]}, sync={}))
    return npsync


def test_who_answered_is_never_stored_and_figures_are_told_for_groups(npsync: Npsync, town: Town):
    people = [town.person(f"secret{n}", external_id=f"EMPLOYEE-{n}") for n in range(6)]
    answers = [town.answers(one, 9 - n, f"I am number {n}") for n, one in enumerate(people[:4])]
    npsync("run")
    assert reported(npsync) is None, "four answers are too few to be told"

    for one in people[4:]:
        town.answers(one, 10)
    with npsync.store() as store:
        store.execute("UPDATE schedule SET due_at = 0 WHERE sync = 'anonymous'")
    assert "figures moved on" in npsync("run").err
    with npsync.store() as store:
        rows = store.execute("SELECT email, phone, external_id, comment, properties FROM response").fetchall()
        assert store.execute("SELECT count(*) FROM published").fetchone() == (1,)
    assert rows
    assert set(rows) == {(None, None, None, None, "{}")}
    hidden = ["I am number 3", *(str(one.email) for one in people), *(str(one.external_id) for one in people)]
    assert found(hidden, files_below(npsync.folder)) == []
    assert reported(npsync) == 6
    with npsync.store() as store:
        ids = [row[0] for row in store.execute("SELECT source_id FROM response")]
    assert not set(ids) & set(answers)


def reported(npsync: Npsync) -> int | None:
    """How many answers the report tells of; None: too few to tell."""
    [told] = npsync("report", "relationship", "--json").json["reports"]
    people: int | None = told["whole"]["people"]
    return people


def test_a_sync_of_an_anonymous_survey_is_refused_at_its_line(npsync: Npsync):
    npsync.configured(config(pepper=PEPPER, privacy={"anonymous": ["relationship"]}))
    told = npsync("check", "--offline", exits=2).everything
    assert '"relationship" is anonymous (privacy.anonymous): nothing of it is written to a record' in told
    assert "npsync.yaml:" in told
