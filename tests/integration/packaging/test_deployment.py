"""The files of deploy/, compose.yaml and the Dockerfile: every command in them is one that npsync knows.

Whether containers start is not tried: that needs an engine.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main
from ruamel.yaml import YAML

from npsync.cli import application

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNITS = sorted((ROOT / "deploy").glob("*.service"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def cli() -> click.Command:
    return typer.main.get_command(application())


def understood(cli: click.Command, words: list[str]) -> None:
    """Raises click.UsageError for a command or an option that is not there."""
    command: Any = cli
    context = click.Context(command, info_name="npsync")
    while hasattr(command, "commands") and words:
        name, command, words = command.resolve_command(context, words)
        context = click.Context(command, info_name=name, parent=context)
    command.parse_args(context, [word for word in words if not word.startswith("$")])


def of_docker(instruction: str) -> list[str]:
    [found] = re.findall(rf"^{instruction}.*?(\[.*\])$", DOCKERFILE, re.MULTILINE)
    words: list[str] = json.loads(found)
    return words


def test_the_container_starts_a_command_that_is_there_and_listens_outside_itself(cli: click.Command) -> None:
    command = of_docker("CMD")
    understood(cli, command)
    assert command[0] == "serve"
    assert "0.0.0.0:8642" in command


def test_the_container_asks_itself_how_it_is(cli: click.Command) -> None:
    words = of_docker("HEALTHCHECK")
    assert words[0] == "npsync"
    understood(cli, words[1:])


def test_no_secret_is_copied_into_the_image_or_the_repository() -> None:
    for name in (".dockerignore", ".gitignore"):
        assert "*.env" in (ROOT / name).read_text().splitlines()


def test_every_service_runs_a_command_that_is_there(compose: dict[str, Any], cli: click.Command) -> None:
    ours = {name: each for name, each in compose["services"].items() if each["image"] == "npsync"}
    assert set(ours) == {"npsync", "serve", "worker"}
    for each in ours.values():
        understood(cli, each.get("command", of_docker("CMD")))
        assert each["cap_drop"] == ["ALL"]
        assert each["restart"] == "unless-stopped"


def test_one_machine_needs_no_database_server_and_many_hands_share_one(compose: dict[str, Any]) -> None:
    by_profile: dict[str, set[str]] = {}
    for name, each in compose["services"].items():
        for profile in each["profiles"]:
            by_profile.setdefault(profile, set()).add(name)
    assert by_profile == {"single": {"npsync"}, "scale": {"serve", "worker", "postgres"}}
    assert all(
        port.startswith("127.0.0.1:")
        for each in compose["services"].values()
        for port in each.get("ports", [])
    )


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_is_there_as_nobody_special(unit: Path, cli: click.Command) -> None:
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(unit.read_text())
    started = re.findall(r"^ExecStart(?:Pre)?=(.*npsync .*)$", unit.read_text(), re.MULTILINE)
    assert started
    for line in started:
        [(words,)] = [(shlex.split(said),) for said in re.findall(r"/bin/npsync ([^']*)", line)]
        understood(cli, words)
    assert parsed["Service"]["User"] == "npsync"
    assert parsed["Service"]["NoNewPrivileges"] == "yes"
    assert parsed["Service"]["UMask"] == "0077"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in (ROOT / "deploy").iterdir():
        text = re.sub(r"/opt/npsync/bin/npsync", "/bin/true", unit.read_text())
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(text)
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60
    )
    assert not [line for line in said.stderr.splitlines() if "npsync" in line], said.stderr
