"""What the documents say is so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "artifacts/README.md",
    "data/README.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md")),
]


def typed(program: str) -> list[list[str]]:
    """Give the words after ``program`` in every command that the README shows, comments left out."""
    lines = re.findall(r"^\$ (.*)$", README, re.MULTILINE)
    commands = [command.split("#")[0].split() for line in lines for command in line.split("&&")]
    return [words[1:] for words in commands if words and words[0] == program]


@pytest.fixture
def doit(tmp_path: Path) -> Callable[..., str]:
    """Run doit on a copy of the project, since even `doit list` may write; give what it prints."""
    shutil.copy(ROOT / "dodo.py", tmp_path)
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "doit", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


def test_the_readme_shows_dodo_py():
    """The pipeline in the README is the one that runs, to the letter."""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks[0] == (ROOT / "dodo.py").read_text(encoding="utf-8")


def test_every_doit_command_of_the_readme_exists(doit: Callable[..., str]):
    """What comes after `doit` is a task of dodo.py or a command of doit."""
    tasks = {line.split()[0] for line in doit("list", "--all").splitlines()}
    commands = set(re.findall(r"^ +\S+ ([\w-]+) ", doit("help"), re.MULTILINE))
    assert {"list", "run", "clean"} <= commands
    said = {words[0] for words in typed("doit") if words and not words[0].startswith("-")}
    assert {"report", "mnist_sklearn", "mnist_tf"} <= said <= tasks | commands


def test_the_extras_that_are_installed_exist():
    """Every `pip install -e ".[...]"` of the README names extras of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = {extra for extras in re.findall(r'pip install -e "\.\[(.*?)\]"', README) for extra in extras.split(",")}
    assert {"mnist", "test"} <= said <= set(project["optional-dependencies"])


def test_ci_runs_the_test_command_of_the_readme():
    """The one line with pytest in the README is the one that .ci/run takes from it."""
    lines = [line for line in README.splitlines() if "&& python -m pytest" in line]
    assert lines == [
        '$ python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[mnist,test]" && python -m pytest'
    ]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str):
    """Every relative link of a page names a file of the repository."""
    file = ROOT / page
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", file.read_text(encoding="utf-8"))
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_every_page_is_reachable_from_the_index():
    """docs/index.md, and so the site, names each page in docs/."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if page != "index.md" and f"({page})" not in index] == []
    assert [page for page in pages if f": {page}\n" not in site] == []


def test_the_site_is_built_without_a_warning(tmp_path: Path):
    """`mkdocs build --strict` takes all pages, those outside of docs/ too, where it is installed."""
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (tmp_path / "site" / "project" / "index.html").is_file()


def test_the_floors_in_the_documents_agree():
    """CONTRIBUTING.md and docs/design.md draw the same floors."""
    drawn = {
        re.search(r"```\n(door .*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)[1]
        for page in ("CONTRIBUTING.md", "docs/design.md")
    }
    assert len(drawn) == 1


def test_the_tests_of_each_fault_exist():
    """Whoever looks up what happens at a fault finds the test that says so."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| ") and ("::" in row or "nightly `" in row)]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(test_\w+\.py)::(\w+)`", row)
        parts = re.findall(r"nightly `(\w+)`", row)
        assert named or parts, row
        for file, test in named:
            assert f"\ndef {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{test}"
        assert all((ROOT / "tests" / "nightly" / f"{part}.py").exists() for part in parts), row
