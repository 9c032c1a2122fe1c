"""The page on looking at what was built shows what really comes out."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "inspect.md"
RUN = re.compile(r"\b\d{8}T\d{6}-\d+\b")
VARIES = (  # what differs from machine to machine and from run to run
    (RUN, "RUN"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "WHEN"),
    (re.compile(r"\b\d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"\b(\d+ min )?\d+(\.\d)? s\b"), "SECONDS"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,64}\b"), "DIGEST"),
    (re.compile(r"\.py:\d+"), ".py:LINE"),
    (re.compile(r"\b[\d,]+ bytes|\b[\d.]+ [kM]B"), "SIZE"),
    (re.compile(r"0\.9[12]\d\d\b"), "0.9NNN"),  # the fourth digit of an accuracy depends on the processor
    (re.compile(r"-0\.00\d+"), "-0.00N"),
    (re.compile(r"(?<=\S) {2,}"), "  "),  # columns are as wide as what stands in them
)

needs = pytest.mark.skipif(
    any(importlib.util.find_spec(library) is None for library in ("tensorflow", "sklearn", "skops")),
    reason="needs the libraries of the MNIST pipeline",
)


def steady(text: str) -> str:
    """Replace what varies."""
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return text.rstrip()


def blocks() -> Iterator[tuple[str, str]]:
    """Yield each block of the page: its language, its text."""
    yield from re.findall(
        r"^```(console|python|text)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block with the lines that it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield command, lines


def assert_printed(printed: str, expected: list[str], command: str) -> None:
    """Compare line by line; a line "…" stands for any others."""
    pattern = "\n".join(r"(?:.*\n)*?.*" if line == "…" else re.escape(steady(line)) for line in expected)
    pattern = pattern.replace(r"(?:.*\n)*?.*" + "\n", r"(?:.*\n)*?")
    assert re.fullmatch(pattern, "\n".join(map(steady, printed.rstrip().splitlines()))), f"$ {command}\n{printed}"


class Shell:
    """A copy of this repository, and what is typed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("dodo.py", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        for name in ("stages", "data"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        tools = folder / ".tools"
        tools.mkdir()
        for name, module in (("doit", "doit.__main__"), ("kept", "kept.launcher")):
            program = f"import sys\nfrom {module} import main\nsys.exit(main())"
            (tools / name).write_text(f"#!{sys.executable}\n{program}\n")
            (tools / name).chmod(0o755)
        path = os.pathsep.join([str(tools), os.environ["PATH"]])
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHON"))}
        self.environment = {**plain, **quiet, "PATH": path, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}

    def type(self, command: str) -> str:
        """Run a line in a shell; prompts and banners of Python go to standard error, and count."""
        done = subprocess.run(
            ["bash", "-c", f"{command} 2>&1"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stdout
        return done.stdout

    def script(self, text: str) -> str:
        """Run a script beside dodo.py."""
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def runs(self) -> list[str]:
        """Name the runs so far, oldest first."""
        lines = json.loads(self.type("kept log --json -n 0"))["lines"]
        return list(dict.fromkeys(line["run"] for line in lines))


@pytest.mark.slow
@needs
def test_the_page_is_true(tmp_path: Path):
    """Every command and every script of the page prints what the page shows."""
    shell = Shell(tmp_path)
    known = sorted({run for _, text in blocks() for run in RUN.findall(text)})
    printed = ""
    for language, text in blocks():
        if language == "python":
            printed = shell.script(text)
        elif language == "text":
            assert_printed(printed, text.splitlines(), "python")
        else:
            for command, expected in commands(text):
                real = dict(zip(known, shell.runs(), strict=False)) if RUN.search(command) else {}
                typed = RUN.sub(lambda found: real[found.group()], command)  # noqa: B023  # called at once
                assert_printed(shell.type(typed), expected, command)


def test_the_page_names_every_verb_that_looks():
    """Whoever reads it has seen them all."""
    text = PAGE.read_text(encoding="utf-8")
    assert [
        verb for verb in ("log", "show", "diff", "plan", "graph", "debug", "shell") if f"kept {verb}" not in text
    ] == []
