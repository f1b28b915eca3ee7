"""The wheel is what people install: it holds the rooms, their data, and works away from this folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = {"npsync", "sync", "triggers", "connectors", "mapping", "store", "nps", "sandbox"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    return next(folder.glob("npsync-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked as an installer would, ahead of this checkout on the path."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def npsync(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from npsync.cli import main; main()", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        timeout=100,
    )


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == ROOMS


def test_the_descriptions_of_survey_tools_are_in_the_wheel(wheel: Path) -> None:
    presets = {path.name for path in (ROOT / "connectors/presets").glob("*.yaml")}
    with zipfile.ZipFile(wheel) as archive:
        packed = {Path(name).name for name in archive.namelist() if name.startswith("connectors/presets/")}
    assert presets <= packed
    assert {"apptentive.yaml", "promoter.yaml"} <= packed


def test_every_connector_is_an_entry_point_of_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        listed = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        text = archive.read(listed).decode()
    assert "npsync = npsync.cli:main" in text
    assert all(
        f"{name} = connectors.{name}:CONNECTOR" in text for name in ("salesforce", "hubspot", "wootric")
    )


def test_the_installed_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import npsync, store, sandbox; print(npsync.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
    assert Path(ran.stdout.strip()).is_relative_to(installed)


def test_the_demo_runs_from_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    """Which needs the migrations, the record page's templates and the example configuration inside it."""
    ran = npsync(installed, tmp_path, "demo", "--customers", "60")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the second run wrote nothing" in ran.stdout
    assert "CSAT_Score__c – → 4" in ran.stdout
