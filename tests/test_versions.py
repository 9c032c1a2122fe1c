"""What another version of a library has made, and this one does not read, is made again: once, and said."""

from __future__ import annotations

import shutil

import pytest
from projects import Project, Run
from test_closed_stores import closed  # noqa: F401  # a fixture

DODO = '''\
"""A level, and what is read from it."""

from recipes import levels

from kept import Pipeline, stage


class P(Pipeline):
    """A level, looked at twice."""

    level = stage(levels.make, 3)
    shown = stage(levels.show, level)
    told = stage(levels.tell, level, factor=1)
    next = stage(levels.tell, shown, factor=2)
'''
LEVELS = '''\
"""Makes a level and looks at it."""

import gauge

from recipes.marks import mark


def make(value: int) -> gauge.Level:
    mark("level")
    return gauge.Level(value)


def show(level: gauge.Level) -> str:
    mark("shown")
    return f"{level.value} {level.made}"


def tell(level: object, factor: int) -> str:
    mark(f"told {factor}")
    return str(getattr(level, "value", level)) * factor
'''
GAUGE = """\
import errno
import os

VERSION = "{version}"


class Level:
    reads = 0

    def __init__(self, value):
        self.value, self.made = value, VERSION

    def __getstate__(self):
        return {{"value": self.value, "made": self.made}}

    def __setstate__(self, state):
        Level.reads += 1
        self.__dict__.update(state)
        if {unread}:
            raise {error}
"""
MADE_BEFORE = "self.made != VERSION"
OFF = '[tool.kept]\nversions = { gauge = "off" }\n'
FACTOR = ("level, factor=1)", "level, factor=3)")  # one of the two that read the level runs; the other is up to date


def library(
    project: Project, version: str, unread: str = "False", error: str = 'ValueError("not made by me")', more: str = ""
) -> None:
    """Install the library in a version that does not read what some others have written."""
    place = project.root.parent / "site-packages"
    shutil.rmtree(place, ignore_errors=True)
    info = place / f"gauge-{version}.dist-info"
    (place / "gauge").mkdir(parents=True)
    info.mkdir()
    (place / "gauge" / "__init__.py").write_text(GAUGE.format(version=version, unread=unread, error=error) + more)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gauge\nVersion: {version}\n")
    (info / "RECORD").write_text(f"gauge/__init__.py,,\ngauge-{version}.dist-info/METADATA,,\n")
    project.environment["PYTHONPATH"] = str(place)


@pytest.fixture
def levels(project: Project) -> Project:
    """Build a project in which what a library makes is handed on, its version being declared not to matter."""
    project.write("dodo.py", DODO)
    project.write("recipes/levels.py", LEVELS)
    project.write("pyproject.toml", OFF)
    library(project, "1.0")
    assert project.doit().code == 0
    return project


def nothing_left(project: Project) -> None:
    """See that a run finds nothing to do, and that artifacts/ shows what a build from nothing does."""
    again = project.doit()
    assert (again.code, again.ran) == (0, []), again
    assert set(again.outcomes.values()) == {"up to date"}, again
    shown = project.shown()
    project.remove("artifacts")
    assert project.doit().code == 0
    assert project.shown() == shown


def warned(run: Run) -> list[str]:
    return [line for line in (run.out + run.err).splitlines() if line.startswith("warning: ")]


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["here", "in workers"])
def test_what_is_not_read_is_made_again(levels, processes):
    """The stage that made it runs again, those that read it go on; the run succeeds with one warning."""
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    run = levels.doit(*processes)
    assert run.code == 0, run
    assert sorted(run.ran) == ["level", "shown", "told 2", "told 3"], run
    assert len(warned(run)) == 1, run
    assert "was made with gauge 1.0, and this is gauge 2.0, which cannot read it" in warned(run)[0]
    assert "not made by me" in warned(run)[0]
    assert "4 stages: 4 built" in run.out
    assert levels.read("artifacts/p/shown.json") == '"3 2.0"\n'
    nothing_left(levels)


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["here", "in workers"])
def test_two_stages_that_cannot_read_it(levels, processes):
    """It is made again once, for both, at the same time or one after the other."""
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    levels.edit("recipes/levels.py", 'f"{level.value} {level.made}"', 'f"{level.value}: {level.made}"')
    run = levels.doit(*processes)
    assert (run.code, len(warned(run))) == (0, 1), run
    assert sorted(run.ran) == ["level", "shown", "told 2", "told 3"], run
    nothing_left(levels)


def test_what_came_from_the_store_is_made_again_too(levels):
    """It was restored in the same run, which nobody could know to be of no use."""
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    levels.remove("artifacts/p")
    run = levels.doit()
    assert (run.code, len(warned(run))) == (0, 1), run
    assert sorted(run.ran) == ["level", "shown", "told 2", "told 3"], run
    nothing_left(levels)


def test_a_chain_of_them(levels):
    """The stage that is to make it again cannot read what it needs either: that comes first."""
    levels.edit(
        "dodo.py",
        "    shown = stage(levels.show, level)",
        "    higher = stage(levels.raised, level)\n    shown = stage(levels.show, higher)",
    )
    levels.edit("dodo.py", "level, factor=1)", "higher, factor=1)")
    levels.edit("recipes/levels.py", "def show", RAISED + "def show")
    assert levels.doit().code == 0
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", "higher, factor=1)", "higher, factor=3)")
    run = levels.doit()
    assert (run.code, len(warned(run))) == (0, 2), run
    assert run.ran == ["level", "higher", "told 3", "shown", "told 2"], run
    nothing_left(levels)


RAISED = """
def raised(level: gauge.Level) -> gauge.Level:
    mark("higher")
    return gauge.Level(level.value + 1)


"""


def test_once_only(levels):
    """What cannot be read though it was made just now is an error, in the next run, too, and nothing is made again."""
    library(levels, "2.0", MADE_BEFORE + " or Level.reads != 2")  # only the look when it is saved goes well
    levels.edit("dodo.py", *FACTOR)
    run = levels.doit()
    assert (run.code, run.ran, len(warned(run))) == (1, ["level"], 1), run
    assert run.outcomes["p:level"] == "built"
    assert "artifacts/p/level.pkl cannot be read as pkl" in run.out, run
    for _ in range(2):
        again = levels.doit()
        assert (again.code, warned(again)) == (1, []), again
        assert "level" not in again.ran, again


@pytest.mark.parametrize("unread", [MADE_BEFORE, MADE_BEFORE + " or Level.reads != 2"], ids=["read", "not read"])
def test_where_nothing_can_be_recorded(levels, closed, unread):  # noqa: F811  # a fixture
    """In a read-only store it is made again in each run, for nothing tells that it was; never twice in one."""
    library(levels, "2.0", unread)
    levels.edit("dodo.py", *FACTOR)
    for _ in range(2):
        run = closed()
        made = ["level", "shown", "told 2", "told 3"] if unread == MADE_BEFORE else ["level"]
        assert (run.code, sorted(run.ran)) == (int(unread != MADE_BEFORE), made), run


def test_the_maker_fails_now(levels):
    """Then both failures are told, and what was made before is still kept."""
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    levels.order("level", "fail")
    run = levels.doit("--continue")
    assert run.outcomes == {"p:level": "failed", "p:shown": "up to date", "p:told": "failed", "p:next": "up to date"}
    assert run.ran == ["level"]
    assert "level was told to fail" in run.out
    levels.order("level", None)
    library(levels, "1.0")
    assert levels.doit().ran == ["told 3"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("OSError(errno.EIO, 'a failing disk')", "a failing disk"),
        ("MemoryError", "there is not enough memory"),
        ("ModuleNotFoundError('no spare', name='spare')", "install or bring back spare"),
    ],
    ids=["disk", "memory", "module"],
)
def test_what_may_pass_is_no_reason(levels, error, said):
    """A disk that fails, memory that is full, a library that is missing: said as they are, nothing is made again."""
    library(levels, "2.0", MADE_BEFORE, error)
    levels.edit("dodo.py", *FACTOR)
    run = levels.doit()
    assert (run.code, run.ran, warned(run)) == (1, [], []), run
    assert said in run.out


@pytest.mark.parametrize(
    "error",
    [
        "ModuleNotFoundError(\"No module named 'gauge.parts'\", name='gauge.parts')",
        "ImportError(\"cannot import name 'Part'\", name='gauge')",
        "AttributeError('no Part')",
        "RecursionError",
        "Odd",
    ],
)
def test_whatever_the_library_raises(levels, error):
    """A module or a name that it no longer has, or an error of its own."""
    library(
        levels, "2.0", MADE_BEFORE, error, "\n\nclass Odd(Exception):\n    def __str__(self):\n        return chr(10)\n"
    )
    levels.edit("dodo.py", *FACTOR)
    run = levels.doit()
    assert (run.code, len(warned(run))) == (0, 1), run
    assert "level" in run.ran


def test_the_same_version_is_no_reason(levels):
    """Who made it would make the same again."""
    library(levels, "1.0", "Level.reads")
    levels.edit("dodo.py", *FACTOR)
    run = levels.doit()
    assert (run.code, run.ran, warned(run)) == (1, [], []), run
    assert "not made by me" in run.out
    library(levels, "1.0")
    assert levels.doit("-s", "-a", "p:level").ran == ["level"]


OWN = """

class Own:
    def __init__(self, level):
        self.level = level

    def __setstate__(self, state):
        self.__dict__.update(state)
        if Path("missing").exists():
            raise KeyError("a mistake of mine")


def own(value: int) -> Own:
    mark("level")
    return Own(gauge.VERSION)
"""


def test_a_mistake_in_code_of_the_project_is_no_reason(levels):
    """The class is the user's: its error is told as what it is, in each run, and costs no rebuild."""
    levels.write(
        "recipes/levels.py",
        levels.read("recipes/levels.py").replace("import gauge", "from pathlib import Path\n\nimport gauge") + OWN,
    )
    levels.edit("dodo.py", "levels.make", "levels.own")
    levels.edit("dodo.py", "    shown = stage(levels.show, level)", "    shown = stage(levels.tell, level, factor=9)")
    assert levels.doit().code == 0
    library(levels, "2.0")
    levels.write("missing", "")
    levels.edit("dodo.py", *FACTOR)
    for _ in range(2):
        run = levels.doit()
        assert (run.code, run.ran, warned(run)) == (1, [], []), run
        assert "a mistake of mine" in run.out


def test_only_what_was_asked_for_runs(levels):
    """`doit -s` runs one stage: what it cannot read is an error, with what to do."""
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    run = levels.doit("-s", "p:told")
    assert (run.code, run.ran) == (1, []), run
    assert "build it again" in run.out


@pytest.mark.parametrize(
    "arguments", [("shell", "p:told"), ("debug", "p:told"), ("show", "p/level")], ids=lambda arguments: arguments[0]
)
def test_who_only_looks_builds_nothing(levels, arguments):
    """To look at a stage or an artifact is no run: what cannot be read is said."""
    library(levels, "2.0", MADE_BEFORE)
    run = levels.kept(*arguments, typed="level\n")
    assert "Traceback" not in run.out + run.err, run
    assert "cannot be read as pkl" in run.out + run.err, run
    assert run.ran == []


LOAD = """\
import sys, kept
sys.path.insert(0, "../site-packages")
try:
    kept.load("p/level")
except kept.errors.KeptError as problem:
    print(type(problem).__name__)
"""


def test_load_builds_nothing(levels):
    """Nor does a script that asks for the value."""
    library(levels, "2.0", MADE_BEFORE)
    run = levels.python(LOAD)
    assert (run.out, run.ran) == ("Damaged\n", []), run


def test_what_uses_it_comes_after(levels):
    """A plain task that was asked for in the same run sees what all stages came to in the end."""
    levels.write("dodo.py", levels.read("dodo.py") + COPY)
    assert levels.doit().code == 0
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    assert levels.doit().code == 0
    assert levels.read("copy.json") == levels.read("artifacts/p/shown.json") == '"3 2.0"\n'
    assert levels.doit().code == 0


COPY = """

def task_copy():
    file = "artifacts/p/shown.json"
    return {"actions": [f"cp {file} copy.json"], "file_dep": [file], "targets": ["copy.json"], "task_dep": ["p"]}
"""


def test_killed_on_the_way(levels):
    """The next run makes it again."""
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    levels.order("level", "kill")
    assert levels.doit().code < 0
    levels.order("level", None)
    run = levels.doit()
    assert (run.code, len(warned(run))) == (0, 1), run
    assert sorted(run.ran) == ["level", "shown", "told 2", "told 3"], run
    nothing_left(levels)


def test_two_at_once_make_it_once(levels):
    """The second run waits for the first, and takes what that has made."""
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    before = len(levels.executed())
    levels.order("level", "wait")
    first = levels.spawn()
    first.until_executing("level")
    second = levels.spawn()
    second.read_until("waiting for ")
    levels.go("level")
    runs = first.wait(), second.wait()
    levels.order("level", None)
    assert [run.code for run in runs] == [0, 0], "".join(map(str, runs))
    assert sorted(levels.executed()[before:]) == ["level", "shown", "told 2", "told 3"]
    nothing_left(levels)


def test_forced(levels):
    """With `-a` everything runs, what made it first of all: nothing is unreadable."""
    library(levels, "2.0", MADE_BEFORE)
    run = levels.doit("-a")
    assert (run.code, warned(run)) == (0, []), run
    assert run.ran == ["level", "shown", "told 1", "told 2"]


def test_the_log_says_why(levels):
    """The library and its two versions are the reason."""
    library(levels, "2.0", MADE_BEFORE)
    levels.edit("dodo.py", *FACTOR)
    assert levels.doit().code == 0
    assert "library gauge: 1.0 → 2.0" in levels.kept("log").out
