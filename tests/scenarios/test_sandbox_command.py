"""`npsync sandbox`: the toy vendors for people who try npsync out."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from npsync.cli import trying
from sandbox.faults import Kind
from sandbox.profiles import PROFILES
from sandbox.server import Options, Sandbox

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from npsync.cli import main; main(['sandbox', '--port', '0'])"]


@pytest.fixture
def command():
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_it_prints_where_the_toys_are_and_the_variables_the_example_needs(command):
    told = json.loads(command.stdout.readline())
    assert {"SALESFORCE_URL", "SF_ID", "SF_SECRET", "HUBSPOT_URL", "HUBSPOT_TOKEN"} <= told["env"].keys()
    with urllib.request.urlopen(told["url"]) as page:
        assert page.status == 200


def test_what_stops_the_command_stops_the_toys(command):
    assert json.loads(command.stdout.readline())["ready"]
    command.terminate()
    assert command.stdout.read() == ""  # it ends when everybody who could write to it has gone


def test_the_fault_profiles_are_named_in_the_help():
    option = trying.sandbox.__annotations__["faults"]
    assert all(name in option for name in PROFILES if name != "none")


def test_the_page_about_faults_has_a_line_for_every_profile_and_every_kind():
    page = (ROOT / "docs" / "how-to" / "make-things-go-wrong.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` | {profile.about} |" in page for name, profile in PROFILES.items())
    toys = Sandbox(Options(customers=1, responses=1)).toys.values()
    kinds = {*Kind, *(kind for toy in toys for kind in toy.fault_kinds)}
    pushed = (ROOT / "docs" / "how-to" / "play-the-vendors.md").read_text(encoding="utf-8")
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in page + pushed] == []
