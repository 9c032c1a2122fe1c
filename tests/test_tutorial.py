"""What the pages under docs/ tell a reader to do is done, from the pages themselves.

Of the fenced blocks of a page, in their order: one with a file name as its ``title`` is written to that file; a
``diff`` with a title is made to that file; of a ``console`` each command is run and what it prints compared with what
stands there; a ``pycon`` is a session of Python. Times, sizes, digests and names of runs are made alike before. A line
``...`` stands for any lines.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from projects import Project, Run

DOCS = Path(__file__).parents[1] / "docs"
EXECUTED = ["tutorial.md", "blind-spots.md", *sorted(f"how-to/{page.name}" for page in (DOCS / "how-to").glob("*.md"))]
GO_ON = {"how-to/notebook.md", "how-to/page.md"}  # they begin where the tutorial ends
NOTEBOOK = DOCS / "inspect.ipynb"

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_ALIKE = (
    (re.compile(r"\d{8}T?-?\d{6}\S*"), "RUN"),
    (re.compile(r"[\d.]+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "TIME"),  # the table of a report: seconds, when
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (s|ms|min)\b"), "SECONDS"),
    (re.compile(r"\b[0-9a-f]{8,64}\b"), "HEX"),
    (re.compile(r"\b\d+(\.\d+)? (B|bytes|kB|KB|KiB|MB)\b"), "SIZE"),
    (re.compile(r"[-─]{3,}"), "---"),
    (re.compile(r"[ \t]+"), " "),
)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    kind: str
    title: str
    text: str
    line: int


@dataclass(frozen=True)
class Typed:
    """One command of a console with what the page says it prints."""

    command: str
    printed: str


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page."""
    for found in _BLOCK.finditer(page):
        yield Block(found[1], found[2] or "", found[3], page.count("\n", 0, found.start()) + 1)


def typed(console: str) -> Iterator[Typed]:
    """Yield the commands of a console."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield Typed(command, printed)


def alike(text: str) -> str:
    """Make times and the like the same."""
    for pattern, word in _ALIKE:
        text = pattern.sub(word, text)
    return "\n".join(line.strip() for line in text.strip().splitlines() if line.strip())


def fits(said: str, printed: str) -> bool:
    """Say whether a page tells what was printed."""
    pattern = "\n".join(".*?" if line == "..." else re.escape(line) for line in alike(said).splitlines())
    return re.fullmatch(pattern, alike(printed), re.DOTALL) is not None


class Reader:
    """Does what a page says, in a project of its own."""

    def __init__(self, project: Project) -> None:
        self.project, self.code, self.said = project, 0, ""

    def do(self, block: Block) -> list[tuple[Typed, str]]:
        """Do what one block says; give each command with what it printed."""
        if block.kind == "console":
            return [(one, self.run(one.command)) for one in typed(block.text)]
        if block.kind == "pycon":
            return [(Typed("python", ""), self.session(block.text))]
        if block.kind == "diff" and block.title:
            lines = block.text.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] != "+")
            self.project.edit(block.title, old, "".join(line[1:] for line in lines if line[0] != "-"))
        elif block.title:
            self.project.write(block.title, block.text)
        return []

    def follow(self, page: str) -> None:
        """Do what a page says."""
        for block in blocks((DOCS / page).read_text(encoding="utf-8")):
            self.do(block)

    def run(self, command: str) -> str:
        """Run a command as the shell would."""
        words = shlex.split(command, comments=True)
        env = {}
        while "=" in words[0]:
            name, _, env[name] = words.pop(0).partition("=")
        program, *args = words
        if program == "echo":
            return f"{self.code}\n"
        if program == "cat":
            return self.project.read(args[0])
        if program == "rm":
            self.project.remove(args[-1])
            return ""
        ran: Run
        if program == "python":
            ran = self.project.python(self.project.read(args[0]))
        else:
            ran = {"doit": self.project.doit, "kept": self.project.kept}[program](*args, env=env)
        self.code = ran.code
        return ran.out + ran.err

    def session(self, text: str) -> str:
        """Type a session of Python after those before it; give what differs from the page: nothing, if all is well."""
        self.said += text + "\n"
        script = (
            "import doctest, sys\n"
            f"test = doctest.DocTestParser().get_doctest({self.said!r}, {{'__name__': '__main__'}}, 'page', None, 0)\n"
            "sys.exit(doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed)\n"
        )
        ran = self.project.python(script)
        return "" if ran.code == 0 else ran.out + ran.err


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Make a reader with an empty project."""
    (tmp_path / "project").mkdir()
    (tmp_path / "runs").mkdir()
    project = Project(tmp_path / "project", tmp_path / "runs")
    yield Reader(project)
    project.close()


@pytest.mark.parametrize("page", EXECUTED)
def test_what_a_page_says_is_what_happens(page: str, reader: Reader):
    """Every step of a page can be followed, and prints what stands there."""
    if page in GO_ON:
        reader.follow("tutorial.md")
    for block in blocks((DOCS / page).read_text(encoding="utf-8")):
        for one, printed in reader.do(block):
            assert fits(one.printed, printed), f"{page}:{block.line}: $ {one.command}\n{printed}"


def test_the_cache_of_ci_is_enough(reader: Reader, tmp_path: Path):
    """What the recipe for CI keeps lets a fresh checkout, elsewhere, build nothing."""
    page = (DOCS / "how-to" / "ci.md").read_text(encoding="utf-8")
    kept = re.search(r"actions/cache@v4\n +with:\n +path: (\S+)", page)
    assert kept is not None
    reader.follow("tutorial.md")
    checkout = reader.project.copy(tmp_path / "checkout")
    shutil.copytree(reader.project.path(kept[1]), checkout.path(kept[1]))
    ran = checkout.doit("report")
    assert set(ran.outcomes.values()) == {"restored"}, str(ran)


def test_the_page_of_the_report_shows_that_of_the_digits():
    """What docs/how-to/page.md says of this repository's report is what dodo.py says."""
    page = (DOCS / "how-to" / "page.md").read_text(encoding="utf-8")
    shown = [block.text for block in blocks(page) if block.kind == "python" and "report(" in block.text]
    assert [text for text in shown if text in (DOCS.parent / "dodo.py").read_text(encoding="utf-8")] == shown != []


def cells(kind: str) -> list[str]:
    """Give the cells of the notebook of one kind."""
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def test_the_notebook_runs(reader: Reader):
    """Its cells run one after the other, beside what the tutorial has built, and what stands last is shown as HTML."""
    reader.follow("tutorial.md")
    ran = reader.project.python(_played(cells("code")))
    assert ran.code == 0, str(ran)
    assert ran.out.count("<div class=kept-shown>") + ran.out.count('<div class="kept-shown">') >= 3
    assert "Curve has" in ran.out
    assert ran.out.count("the error is: 0.") >= 2


def _played(sources: list[str]) -> str:
    """Write a script that runs cells as a notebook does: the value of a last expression is shown."""
    return (
        "import ast\n"
        "names = {'__name__': '__main__'}\n"
        f"for source in {sources!r}:\n"
        "    *first, last = ast.parse(source).body\n"
        "    shown = isinstance(last, ast.Expr)\n"
        "    exec(compile(ast.Module(first if shown else [*first, last], []), 'cell', 'exec'), names)\n"
        "    if shown:\n"
        "        value = eval(compile(ast.Expression(last.value), 'cell', 'eval'), names)\n"
        "        html = getattr(value, '_repr_html_', lambda: None)()\n"
        "        print(html if html is not None else repr(value))\n"
    )


def test_the_notebook_is_kept_without_outputs():
    """What a cell showed on somebody's machine is not committed."""
    found: list[dict[str, object]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert [cell for cell in found if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.parametrize(
    ("said", "printed", "fit"),
    [
        ("built in 0.4 s", "built in 12.0 s", True),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("4 stages", "5 stages", False),
    ],
)
def test_only_times_may_differ(said: str, printed: str, fit: bool):
    """Another time is the same text, another count is not."""
    assert fits(said, printed) is fit
