"""The main job as the README tells it: the demo, then the example file beside a sandbox, then the record page."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_process import EXAMPLE, Npsync
from sandbox_process import RunningSandbox, running_sandbox

from bench import by_hand


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=200, responses=300) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def npsync(sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Npsync:
    """config.example.yaml as it is, and the variables the sandbox printed."""
    folder = tmp_path_factory.mktemp("main-job")
    shutil.copy(EXAMPLE, folder / "npsync.yaml")
    return Npsync(folder, sandbox.env, fresh=True)


def test_the_demo_ends_by_itself_and_tells_the_whole_story(tmp_path: Path):
    told = Npsync(tmp_path, fresh=True)("demo", "--customers", "60").out

    chapters = [
        "A sandbox with 60 customers is at http://127.0.0.1:",
        "$ npsync plan nps-to-contacts",
        "matched",
        "by rule: external_id = Customer_Id__c",
        "records would change",
        "Nothing was written.",
        "$ npsync plan nps-to-marketing",
        "$ npsync run nps-to-contacts",
        "records written: Contact 59",
        "$ npsync run nps-to-marketing",
        "records written: contacts 59",
        "What changed on crm (Contact)",
        "NPS_Score__c – → ",
        "What changed on marketing (contacts)",
        "nps_score – → ",
        "Again, with nothing new:",
        "records written: Contact 0 ",
        "records written: contacts 0 ",
        "$ npsync why 003",
        "NPS_Score__c shows ",
        "decides",
        "matched by ",
        "this answer, run 1",
        "To take it back: npsync undo 1 --record 003",
        "Every record shows its customer's newest answer; the second run wrote nothing.",
        "an agent closes case ",
        "Events: 1 new.",
        "Messages: 1 sent.",
        "How satisfied are you with the help you got?",
        "Answer here:",
        "Stop survey invitations:",
        "The customer opens the link, chooses 4 of 5",
        "$ npsync run csat-to-cases",
        "CSAT_Score__c – → 4",
        "$ npsync run csat-to-contacts",
        "CSAT_Score__c – → 4",
        "Where to look:",
    ]
    place = 0
    for chapter in chapters:
        assert chapter in told[place:], f"{chapter!r} does not come after {told[place - 60 : place]!r}"
        place = told.index(chapter, place) + len(chapter)
    assert max(len(line) for line in told.splitlines()) <= 100
    assert list(tmp_path.iterdir()) == []  # the demo leaves nothing behind


def test_naming_the_commands_needs_nothing_heavy():
    heavy = (
        "sqlalchemy",
        "sqlmodel",
        "pydantic",
        "hubspot",
        "simple_salesforce",
        "cel",
        "requests",
        "alembic",
    )
    asked = (
        f"import npsync.cli, sys; npsync.cli.application(); print([m for m in {heavy!r} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_help_names_every_command(npsync: Npsync):
    told = npsync("--help").out
    setting_up = ("demo", "sandbox", "init", "schema", "connectors", "connect", "check", "test")
    for command in (*setting_up, "plan", "run", "serve", "runs", "db"):
        assert re.search(rf"\b{command}\b", told), command


def test_the_example_leads_from_connect_to_the_score_on_the_record_page(
    npsync: Npsync, sandbox: RunningSandbox
):
    for connection in ("crm", "marketing", "email-nps"):
        assert connection in npsync("connect", connection).out
    assert npsync("check").code == 0
    assert npsync("test").code == 0
    assert "Nothing was written." in npsync("plan", "nps-to-contacts").out
    for sync in ("nps-to-contacts", "nps-to-marketing"):
        run = npsync("run", sync, exits=(0, 3)).out
        assert run.startswith(f"{sync}: ")
    assert "nps-to-marketing" in npsync("runs").out

    answers, people = sandbox.rows("wootric", "responses"), sandbox.rows("wootric", "end_users")
    contacts, leads = sandbox.rows("salesforce", "Contact"), sandbox.rows("hubspot", "contacts")
    on_salesforce = by_hand.on_salesforce(answers, people, contacts)
    assert by_hand.differences(contacts, on_salesforce) == []
    assert by_hand.differences(leads, by_hand.on_hubspot(answers, people, leads)) == []

    shown = next(one for one in contacts if on_salesforce[one["id"]]["NPS_Comment__c"])
    page = f"{sandbox.url}/salesforce/record/{shown['id']}"
    for text in (sandbox.session.get(page, timeout=10).text, *seen_by_a_browser(page)):
        plain = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))
        assert re.search(rf"Score NPS_Score__c empty → {shown['NPS_Score__c']:g}\b", plain)
        assert shown["NPS_Segment__c"] in plain
        assert re.sub(r"\s+", " ", shown["NPS_Comment__c"]) in plain


def seen_by_a_browser(address: str) -> list[str]:
    """What Chromium makes of the page; nothing where it is not installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return []
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-proxy-server",
        "--dump-dom",
        address,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [ended.stdout]
