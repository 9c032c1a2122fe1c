"""A path is an input wherever a parameter holds it: what lies there counts."""

import pytest

WORK = """\
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from recipes.marks import mark


@dataclass(frozen=True)
class Source:
    table: Path = Path("table.txt")
    rows: int = 3


@dataclass(frozen=True)
class Config:
    source: Source = field(default_factory=Source)


class Pair(NamedTuple):
    table: Path
    rows: int


def read(config) -> str:
    mark("out")
    return Path("table.txt").read_text()
"""
DODO = """\
import functools
from collections import OrderedDict
from pathlib import Path

import work

from kept import Pipeline, stage


class P(Pipeline):
    out = stage(work.read, {parameter})
"""
PARAMETERS = {
    "a dataclass": ("work.Source()", "config.table"),
    "a dataclass in another": ("work.Config()", "config.source.table"),
    "a dataclass in a list": ("[1, work.Source()]", "config[1].table"),
    "a named tuple": ("work.Pair(Path('table.txt'), 3)", "config.table"),
    "a set": ("{Path('table.txt'), 3}", "config[PosixPath('table.txt')]"),
    "an ordered dict": ("OrderedDict(table=Path('table.txt'))", "config['table']"),
    "a partial": ("functools.partial(work.read, Path('table.txt'))", "config[0]"),
}


@pytest.fixture
def reading(project):
    """Give a project with one stage that reads the file that a parameter names."""

    def declared(parameter: str):
        project.write("work.py", WORK)
        project.write("dodo.py", DODO.format(parameter=parameter))
        project.write("table.txt", "1")
        return project

    return declared


@pytest.mark.parametrize(("parameter", "name"), PARAMETERS.values(), ids=PARAMETERS)
def test_a_file_counts_wherever_a_parameter_holds_it(reading, parameter, name):
    """Its content decides the stage, and is named as the reason, by its place in the parameter."""
    project = reading(parameter)
    assert project.doit().outcomes == {"p:out": "built"}
    assert project.doit().outcomes == {"p:out": "up to date"}
    project.write("table.txt", "2")
    run = project.doit()
    assert run.outcomes == {"p:out": "built"}
    assert f".. p:out started: input {name}: " in run.out
    assert project.read("artifacts/p/out.json") == '"2"\n'


def test_a_file_that_a_parameter_holds_and_that_is_missing_is_told(reading):
    """The stage fails as for any other input, and the way out for a path that is none is said."""
    project = reading("work.Source(table=Path('gone.txt'))")
    run = project.doit()
    assert run.outcomes == {"p:out": "failed"}
    assert "input file 'gone.txt' does not exist" in run.out
    assert "parameter: config.table" in run.out
    assert "a path that is no input is passed as text" in run.out


def test_a_plain_task_makes_what_a_parameter_holds(reading):
    """The task is run before the stage."""
    project = reading("work.Source()")
    project.remove("table.txt")
    task = "{'actions': ['echo 5 > table.txt'], 'targets': ['table.txt']}"
    project.write("dodo.py", project.read("dodo.py") + f"\n\ndef task_table():\n    return {task}\n")
    run = project.doit("p")
    assert run.outcomes["p:out"] == "built", run
    assert project.read("artifacts/p/out.json") == '"5\\n"\n'
