"""What looks as if a program gave it is held, told, released and discarded, and decides nothing until then."""

from __future__ import annotations

from typing import Any

import pytest
from cli_process import Npsync, config, to_contacts
from townspeople import Person, Town

HEADER = "id,answered_at,invited_at,score,comment,email"
COLUMNS = {name: name for name in HEADER.split(",")}
EXPORT = {"type": "file", "path": "answers.csv", "channel": "email", "columns": COLUMNS}


@pytest.fixture
def people(npsync: Npsync, town: Town) -> list[Person]:
    """Two people in an export, who both answered five seconds after they were mailed."""
    them = [town.person("ann"), town.person("bob")]
    rows = [
        f"{name},2026-03-02T09:00:05Z,2026-03-02T09:00:00Z,{score},,{one.email}"
        for name, score, one in zip(("a1", "b1"), (9, 0), them, strict=True)
    ]
    (npsync.folder / "answers.csv").write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
    made: dict[str, Any] = config(contacts=to_contacts())
    del made["sync"]["marketing"], made["connections"]["hub"], made["people"]["hub"]
    made["connections"]["email-nps"] = EXPORT
    made["surveys"]["relationship"] |= {"at": ["email-nps"]}
    del made["surveys"]["relationship"]["hold"]  # the defaults
    npsync.configured(made)
    return them


def score(town: Town, person: Person) -> Any:
    return town.in_salesforce(person)["NPS_Score__c"]


def test_a_held_answer_waits_for_a_person_who_lets_it_count_or_leaves_it_out(
    npsync: Npsync, town: Town, people: list[Person]
):
    ann, bob = people
    report = npsync("run", "contacts", exits=3).out
    assert "2 held" in report
    assert "npsync review list" in report
    assert (score(town, ann), score(town, bob)) == (None, None)
    assert "2 held" in npsync("runs").out

    listed = npsync("review", "list", "--state", "held").out
    assert "answered 5 seconds after" in " ".join(listed.split())
    assert "npsync review release email-nps:" in listed
    assert max(map(len, listed.splitlines())) <= 100
    assert ann.email not in listed
    why = " ".join(npsync("why", str(ann.email)).out.split())
    assert "held: answered 5 seconds after the mail left" in why
    assert "npsync.yaml:" in why
    assert "npsync review release email-nps:a1" in npsync("review", "show", "email-nps:a1").out

    released = npsync("review", "release", "email-nps:a1", "--json").json
    assert released["became"] == {"contacts": {"written": 1}}
    assert score(town, ann) == 9
    left = npsync("review", "discard", "--all-of", "too_soon", "--reason", "their gateway", "--json").json
    assert (left["answers"], left["left"]) == (["email-nps:b1"], 0)
    assert "discarded by cli:" in npsync("why", str(bob.email)).out
    with npsync.store() as store:
        noted = store.execute("SELECT what, about, substr(who, 1, 4) FROM audit ORDER BY id").fetchall()
    assert noted == [
        ("release", "answer email-nps:a1", "cli:"),
        ("discard", "answer email-nps:b1", "cli:"),
    ]

    npsync("run", "contacts", "--all")
    assert (score(town, ann), score(town, bob)) == (9, None)
    assert npsync("review", "list").out.startswith("Nothing is undecided")
    assert "is not held: it is unchanged in contacts" in npsync("review", "release", "a1", exits=2).err


def test_hold_off_writes_what_it_gets(npsync: Npsync, town: Town, people: list[Person]):
    text = (npsync.folder / "npsync.yaml").read_text("utf-8")
    (npsync.folder / "npsync.yaml").write_text(
        text.replace('"metric": "nps",', '"metric": "nps", "hold": "off",')
    )
    npsync("run", "contacts")
    assert [score(town, one) for one in people] == [9, 0]
