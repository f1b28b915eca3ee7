"""What the README and the tutorial show of the sandbox is what the commands print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from cli_process import EXAMPLE, ROOT, Npsync
from sandbox_process import RunningSandbox, running_sandbox

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Times differ from run to run, calls by a few, dates and what a person last said with the day the sandbox starts.
PASSING = re.compile(
    r"in \d+\.\d+ s|\d{4}-\d\d-\d\d|calls:|answers taken up|^ +~|^ {6}NPS_|^ *…|… and|^\S+:\d+:\d+|^\d problem"
    r"|email-nps:\d|^ +\"|this answer|^ {22}"  # one customer's answers, in the words of why
)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=1000, responses=1500) as sandbox:
        yield sandbox


def test_a_reader_of_the_tutorial_sees_what_it_shows(sandbox: RunningSandbox, tmp_path: Path):
    npsync = Npsync(tmp_path, sandbox.env)
    (tmp_path / "npsync.yaml").write_bytes(EXAMPLE.read_bytes())
    compared = 0
    for command, shown in story("docs/tutorial.md"):
        out = npsync(*command, exits=(0, 3)).out
        printed = " ".join(out.split())
        assert lines_of_fields(shown) <= lines_of_fields(out.splitlines())
        for line in shown:
            if not PASSING.search(line):
                assert " ".join(line.split()) in printed
                compared += 1
    assert compared >= 20


def lines_of_fields(shown: Iterable[str]) -> set[tuple[str, str]]:
    """The fields that `why` tells about, each with its line in the file."""
    rows = [line.split() for line in shown if "this answer" in line]
    return {(row[0], row[-1]) for row in rows}


def test_the_readme_shows_nothing_else():
    told = {line for _, shown in story("docs/tutorial.md") for line in shown}
    assert [line for _, shown in story("README.md") for line in shown if line not in told] == []


def story(page: str) -> Iterator[tuple[list[str], list[str]]]:
    """The commands of the page's console blocks, each with what it is shown to print; those that run the sandbox, or
    point at a file made wrong on purpose, are left out."""
    for block in BLOCK.findall((ROOT / page).read_text("utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            name, *arguments = shlex.split(command)
            if name == "npsync" and arguments[0] != "sandbox" and "--offline" not in arguments:
                yield arguments, [line for line in shown if line.strip()]
