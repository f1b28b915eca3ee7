"""The example package of docs/how-to/write-a-connector.md, installed beside npsync as anybody would."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from cli_process import ROOT, Npsync, config, to_contacts
from townspeople import Town

PACKAGE = ROOT / "examples" / "connector-pulse"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip put the package."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-deps", "--no-build-isolation", "--target", str(folder), str(PACKAGE)]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    return folder


@pytest.fixture
def npsync(npsync: Npsync, site: Path) -> Npsync:
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return replace(npsync.with_env(PYTHONPATH=path, PULSE_KEY=played().KEY), fresh=True)


def played() -> ModuleType:
    """The example's own played vendor."""
    spec = spec_from_file_location("played_pulse", PACKAGE / "tests" / "played_pulse.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_listed_with_all_it_declares_and_nothing_of_npsync_was_changed(npsync: Npsync) -> None:
    told = npsync("connectors", "pulse").out
    assert "Pulse kiosks (type: pulse), verified" in told
    assert "An API key with the right to read changes." in told
    listed = {one["type"] for one in npsync("connectors", "--json").json["connectors"]}
    assert {"pulse", "wootric", "salesforce"} <= listed


def test_its_answers_reach_the_records_and_a_wrong_setting_is_told_with_its_line(
    npsync: Npsync, town: Town
) -> None:
    ann, ben = town.person("ann", external_id="C-501"), town.person("ben", external_id="C-502")
    vendor = played()
    changes = [
        vendor.given(1, customer="C-501", score=9, question="q1"),
        vendor.given(2, customer="C-502", score=2, question="q1"),
        vendor.given(3, change="edited", id=1, customer="C-501", score=6, question="q1"),
    ]
    with vendor.played_pulse(changes) as address:
        given = config()
        given["connections"] = {
            "crm": given["connections"]["crm"],
            "kiosk": {"type": "pulse", "base_url": address, "key": "${PULSE_KEY}"},
        }
        given["surveys"] = {"relationship": {"metric": "nps", "at": {"kiosk": "q1"}}}
        given["sync"] = {"contacts": to_contacts()}
        given["people"] = {"crm": given["people"]["crm"]}
        npsync.configured(given)
        npsync("connect", "kiosk")
        npsync.run()
    assert [town.in_salesforce(one)["NPS_Score__c"] for one in (ann, ben)] == [6, 2]

    del given["connections"]["kiosk"]["key"]
    npsync.configured(given)
    refused = npsync("check", "--offline", exits=2).everything
    assert "npsync.yaml:" in refused
    assert "key" in refused


def test_it_uses_nothing_but_what_npsync_promises_to_keep() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            ours = [one for one in names if one.split(".")[0] in _ROOMS]
            assert all(one.startswith("npsync.connect") for one in ours), f"{path}: {ours}"


_ROOMS = {"npsync", "sync", "triggers", "connectors", "mapping", "store", "nps", "sandbox"}


def test_its_own_tests_pass(site: Path) -> None:
    """Those of the example, with the promises that npsync.connect.testing holds ready."""
    path = os.pathsep.join([str(site), str(PACKAGE / "tests"), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml", "tests"],
        cwd=PACKAGE,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
