"""`npsync sandbox`: the toy vendors for people who try npsync out."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request

import pytest

from npsync.cli import trying
from sandbox.faults import PROFILES

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
