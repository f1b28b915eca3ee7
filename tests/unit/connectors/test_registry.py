"""Connectors are found by their entry point, and only imported when they are wanted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from connectors import registry
from nps.errors import ConfigError


def test_the_four_connectors_of_this_package_are_registered() -> None:
    assert {"file", "hubspot", "salesforce", "wootric"} <= set(registry.names())


def test_a_connector_is_loaded_by_its_name() -> None:
    assert registry.load("file").name == "file"


@pytest.mark.parametrize(("typed", "meant"), [("wotric", "wootric"), ("Salesforce", "salesforce")])
def test_a_typo_gets_a_suggestion(typed: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f'no connector "{typed}"; did you mean "{meant}"'):
        registry.load(typed)


def test_a_name_nobody_could_mean_gets_the_list() -> None:
    with pytest.raises(ConfigError, match=r"known types are .*file.*wootric"):
        registry.load("xyzzy")


def test_asking_for_the_names_imports_no_connector() -> None:
    code = (
        "import sys; from connectors import registry; registry.names();"
        "print([m for m in sys.modules if m.startswith('connectors.') and m.count('.') == 1])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(eval(run.stdout)) == {
        "connectors.alerting",
        "connectors.asking",
        "connectors.contract",
        "connectors.creating",
        "connectors.provisioning",
        "connectors.registry",
        "connectors.sharing",
    }
