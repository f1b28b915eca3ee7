"""An answer is pushed, and stands on the record long before the next poll, which then brings nothing new."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from circle import PEOPLE, Circle, eventually, free_port, listens
from cli_process import Npsync
from pushing_tools import typeform, wootric
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Person, Town


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=4, responses=4) as sandbox:
        yield sandbox


@pytest.fixture
def circle(sandbox: RunningSandbox, tmp_path: Path) -> Circle:
    circle = Circle(Town(sandbox), Npsync(tmp_path, sandbox.env), f"http://127.0.0.1:{free_port()}")
    circle.npsync.configured(configured(circle.url))
    circle.npsync("run")  # what was answered before
    return circle


def configured(url: str) -> dict[str, Any]:
    """A poll an hour: whatever arrives sooner was pushed."""
    return {
        "public_url": url,
        "phone_region": "US",
        "connections": {
            "crm": {
                "type": "salesforce",
                "login_host": "acme.my.salesforce.com",
                "base_url": "${SALESFORCE_URL}",
                "auth": {
                    "flow": "client_credentials",
                    "client_id": "${SF_ID}",
                    "client_secret": "${SF_SECRET}",
                },
            },
            "survey": wootric(),
            "forms": typeform(),
        },
        "people": {"crm": PEOPLE["crm"]},
        "surveys": {"relationship": {"metric": "nps", "at": ["survey", "forms"]}},
        "sync": {
            "onto-contacts": {
                "every": "1 hours",
                "survey": "relationship",
                "to": "crm",
                "fields": {"NPS_Score__c": "score", "NPS_Comment__c": "comment"},
            }
        },
    }


def answers(circle: Circle, person: Person, tool: str, score: int, said: str) -> None:
    words = {"wootric": "text", "typeform": "comment"}[tool]
    circle.control("POST", f"/{tool}/do/answer", {"email": person.email, "score": score, words: said})
    circle.control("POST", "/deliveries/settle", {})


def on_the_record(circle: Circle, person: Person, score: int, said: str) -> Callable[[], bool]:
    def shows() -> bool:
        shown = circle.town.in_salesforce(person)
        return (shown["NPS_Score__c"], shown["NPS_Comment__c"]) == (score, said)

    return shows


def versions(circle: Circle) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(circle.npsync.folder / "npsync.db", timeout=30)) as store:
        return store.execute("SELECT source, source_id, version FROM response ORDER BY 1, 2, 3").fetchall()


def tools_push(circle: Circle) -> None:
    for tool, connection in (("wootric", "survey"), ("typeform", "forms")):
        circle.control("POST", f"/{tool}/do/webhook", {"url": f"{circle.url}/hooks/{connection}"})


def test_an_answer_stands_on_the_record_at_once_and_a_poll_brings_nothing_new(circle: Circle) -> None:
    person = circle.town.person()
    with circle.serving():
        tools_push(circle)
        for tool, score, said in (("wootric", 3, "It broke"), ("typeform", 9, "It was mended")):
            answers(circle, person, tool, score, said)
            eventually(on_the_record(circle, person, score, said), f"{tool}'s answer arrives", circle.story)
        pushed = versions(circle)
    circle.npsync("run", "onto-contacts")
    assert versions(circle) == pushed
    assert {version for *_, version in pushed} == {1}
    assert on_the_record(circle, person, 9, "It was mended")()
    told = circle.npsync("events").out
    assert "an answer" in told
    assert "It broke" not in told


def test_what_was_answered_with_2xx_survives_a_kill(circle: Circle) -> None:
    person = circle.town.person()
    process = circle.npsync.started("serve", "--listen", circle.url.removeprefix("http://"))
    try:
        eventually(lambda: listens(circle.url), "npsync serve listens")
        tools_push(circle)
        with closing(sqlite3.connect(circle.npsync.folder / "npsync.db", timeout=30)) as held:
            held.execute("BEGIN IMMEDIATE")  # the store is busy, as it is while a sync writes
            answers(circle, person, "typeform", 2, "Just before the kill")
            [*_, last] = circle.control("GET", "/deliveries")
            assert last["attempts"][-1]["status"] == 200
            process.kill()
            process.wait()
            held.rollback()
    finally:
        process.kill()
        for stream in (process.stdout, process.stderr):
            stream.close()
    circle.npsync("run")
    assert on_the_record(circle, person, 2, "Just before the kill")()
