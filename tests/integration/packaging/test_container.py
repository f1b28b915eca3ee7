"""The Dockerfile, as far as it can be held to account without a container engine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def copied() -> list[str]:
    """Every source the first stage copies out of this folder."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_what_the_build_stage_copies_is_enough_to_build_the_wheel(tmp_path: Path) -> None:
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source)
        else:
            shutil.copy(ROOT / source, tmp_path / source)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    assert list((tmp_path / "dist").glob("npsync-*.whl"))


def test_the_container_does_not_run_as_root() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER npsync$", last_stage, re.MULTILINE)


def test_the_container_installs_only_what_the_lock_names() -> None:
    assert "--require-hashes --no-deps -r requirements.lock" in DOCKERFILE


def test_the_locks_name_no_index_and_pin_everything_by_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "index-url" not in text
        assert "http" not in re.sub(r"^(http|requests)[\w-]*==.*$", "", text, flags=re.MULTILINE)
        pins = re.findall(r"^(\S+)==", text, re.MULTILINE)
        assert len(pins) > 30
        assert text.count("--hash=sha256:") >= len(pins)
