"""The pages say what the program does: commands parse, links lead somewhere, generated pages are up to date."""

from __future__ import annotations

import importlib.util
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer.main

from connectors import registry
from npsync.cli import application

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.rglob("*.md")),
]
EXAMPLES = [file for file in sorted((ROOT / "examples").rglob("*")) if "__pycache__" not in file.parts]
OURS = [*PAGES, *EXAMPLES, *sorted((DOCS / "images").glob("*.svg"))]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")


def texts(files: list[Path]) -> list[Any]:
    return [
        pytest.param(file.read_text("utf-8"), file, id=str(file.relative_to(ROOT)))
        for file in files
        if file.is_file()
    ]


def command_lines() -> list[Any]:
    """What a reader would type: lines of console blocks that begin with `$ npsync`."""
    found = []
    for page in PAGES:
        for kind, block in FENCE.findall(page.read_text("utf-8")):
            if kind.strip() not in ("console", "crontab", "ini"):
                continue
            joined = block.replace("\\\n", " ")
            for line in joined.splitlines():
                typed = _typed(line, kind.strip())
                if typed is not None:
                    found.append(pytest.param(typed, id=f"{page.relative_to(ROOT)}: {typed}"))
    return found


def _typed(line: str, kind: str) -> str | None:
    """The command of a line, without its prompt or path; None for other programs and for what ours answered."""
    prompt = r"^\$ (?:\.venv/bin/)?" if kind == "console" else r"(?:^\$ |/bin/)"
    typed = re.search(prompt + r"(npsync(?: [^|>&;#]*)?)(?:[|>&;#]|$)", line)
    return typed[1].strip() if typed else None


@pytest.mark.parametrize("line", command_lines())
def test_a_command_in_a_page_parses(line):
    parse(shlex.split(line)[1:])


@cache
def the_command_line() -> Any:
    return typer.main.get_command(application())


def parse(arguments: list[str]) -> None:
    """The command line's own parser, without running anything. Raises on an unknown command, option or argument."""
    command = the_command_line()
    context = command.make_context("npsync", list(arguments))
    while hasattr(command, "commands"):
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        if not rest:
            return
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("wrong", [["plna", "x"], ["plan", "x", "--fulll"], ["plan"], ["db", "bakcup", "f"]])
def test_a_wrong_command_would_be_noticed(wrong):
    with pytest.raises((Exception, SystemExit)):
        parse(wrong)


def test_pages_show_commands_at_all():
    assert len(command_lines()) > 30


@pytest.mark.parametrize(("text", "page"), texts(PAGES))
def test_links_lead_somewhere(text, page):
    broken = []
    for found in LINK.finditer(re.sub(FENCE, "", text)):
        target = found[1] or found[2]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(FENCE, "", page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return set(plain)


def test_every_page_of_the_docs_can_be_reached_from_the_index():
    seen: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        for found in LINK.finditer(page.read_text("utf-8")):
            target = (found[1] or found[2]).partition("#")[0]
            if target and not re.match(r"[a-z]+:", target):
                waiting.append(page.parent / target)
    assert {page.resolve() for page in DOCS.rglob("*.md")} - seen == set()


@pytest.mark.parametrize(("text", "file"), texts(OURS))
def test_nothing_of_one_machine_is_in_our_texts(text, file):
    own = re.findall(r"/tmp/\S*|/home/\w+|/root/\S*|index-url|pypi\.\S+|simple/", text)
    assert own == []


def test_the_readme_names_every_connector():
    readme = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"docs/reference/connectors/(\w+)\.md", readme))
    assert named == set(registry.names()) - {"http"}  # which has a page of its own: describe a source


def test_the_readme_names_the_two_commands():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in readme
    assert "make test" in readme


@pytest.fixture(scope="module")
def generated() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    return {DOCS / path: text for path, text in generate.pages().items()}


def test_the_generated_pages_are_up_to_date(generated: dict[Path, str]):
    """`make docs` writes them."""
    assert {path: path.read_text("utf-8") for path in generated} == generated


def test_no_generated_page_is_left_over(generated: dict[Path, str]):
    assert set((DOCS / "reference").rglob("*.md")) - generated.keys() == set()


def test_every_test_a_page_names_exists():
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+(?:\.py)?)`", page.read_text("utf-8"))}
    modules = list((ROOT / "tests").rglob("test_*.py"))
    known = {module.name for module in modules}
    for module in modules:
        known.update(re.findall(r"^ *(?:async )?def (test_\w+)", module.read_text("utf-8"), re.MULTILINE))
    assert named - known == set()


def test_every_defect_of_other_tools_has_its_test_or_waits_for_its_feature():
    page = (DOCS / "reliability.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| .* \| (`test_\w+`|–) \| (.+) \|$", page, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 35))
    untested = {int(number): why for number, test, why in rows if test == "–"}
    assert set(untested) <= {17}
    assert all("a later version" in why for why in untested.values())


def test_every_source_file_a_page_names_exists():
    named = {
        path
        for page in PAGES
        for path in re.findall(
            r"`((?:nps|npsync|sync|store|mapping|connectors|sandbox|tests|docs|bench)/[\w*/.-]+)`",
            page.read_text("utf-8"),
        )
    }
    assert {path for path in named if not list(ROOT.glob(path.rstrip("/")))} == set()
