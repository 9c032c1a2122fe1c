"""Functions and classes among parameters: all that kept knows of the code of a stage it knows of theirs."""

import pytest
from rebuilding import library

DODO = """\
import dataclasses
import functools

import gauge
import models
import work

from kept import Pipeline, stage


class P(Pipeline):
    out = stage(work.call, {parameter})
"""
WORK = """\
from recipes.marks import mark


def call(made):
    mark("out")
    return repr(made)[:1]
"""
MODELS = """\
import os
from dataclasses import dataclass
from pathlib import Path

import gauge


@dataclass(frozen=True)
class Config:
    loss: object


class Model:
    def fit(self, x):
        return gauge.level(helper(x))

    @classmethod
    def made(cls):
        return cls()


def helper(x):
    return x + 1


def fit(x):
    return gauge.level(helper(x)) + len(os.environ["UNIT"])
"""
FORMAT = """\
import gauge

from kept import formats


class Text:
    name, suffix, safe = "text", ".txt", True

    def save(self, value, path):
        path.write_text(gauge.level(value))

    def load(self, path):
        return path.read_text()


formats.register(Text())
"""
PARAMETERS = {
    "of a library": "gauge.level",
    "a class of a library": "gauge.Level",
    "a function that uses one": "models.fit",
    "a class that uses one": "models.Model",
    "a method": "models.Model.made",
    "in a list": "[1, models.fit]",
    "in a dict": "{'fit': gauge.level}",
    "in a partial": "functools.partial(gauge.level, x=1)",
    "in a dataclass": "models.Config(gauge.level)",
}


@pytest.fixture
def calling(project):
    """Give a project with one stage that is given a function."""

    def declared(parameter: str):
        project.write("work.py", WORK)
        project.write("models.py", MODELS)
        project.write("dodo.py", DODO.format(parameter=parameter))
        upgraded(project, "1.0")
        return project

    return declared


def upgraded(project, version: str) -> None:
    library(version)(project)
    place = project.root.parent / "site-packages" / "gauge" / "__init__.py"
    place.write_text(place.read_text() + "\n\nclass Level:\n    pass\n")


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=PARAMETERS)
def test_a_library_that_a_parameter_brings_counts(calling, parameter):
    """A stage is built again for a new version of a library that only a function or class among its parameters uses."""
    project = calling(parameter)
    assert project.doit().outcomes == {"p:out": "built"}
    assert project.doit().outcomes == {"p:out": "up to date"}
    upgraded(project, "2.0")
    run = project.doit()
    assert run.outcomes == {"p:out": "built"}
    assert "library gauge: 1.0 → 2.0" in run.out


def test_a_library_that_a_format_brings_counts(calling):
    """A stage is built again for a new version of a library that only the format of its artifact uses."""
    project = calling("1")
    project.write("text_format.py", FORMAT)
    project.edit("dodo.py", "import work", "import text_format  # noqa: F401\nimport work")
    project.edit("work.py", "def call(made):", "def call(made) -> Annotated[str, 'text']:")
    project.edit("work.py", "from recipes", "from typing import Annotated\n\nfrom recipes")
    assert project.doit().outcomes == {"p:out": "built"}
    upgraded(project, "2.0")
    assert project.doit().outcomes == {"p:out": "built"}


def test_an_edit_of_what_a_parameter_calls_is_told(calling):
    """`why` shows the edit itself, wherever it is in the code that a parameter reaches."""
    project = calling("models.fit")
    project.doit()
    project.edit("models.py", "x + 1", "x + 2")
    assert project.doit("why").out.splitlines()[1:] == [
        "    code models.helper (models.py:22)",
        "        @@ -1,2 +1,2 @@",
        "         def helper(x):",
        "        -    return x + 1",
        "        +    return x + 2",
        "    parameter made: <function fit>, which is not what it was",
    ]


def test_another_function_is_told_as_a_parameter(calling):
    """Where a parameter is another function, that is the reason, and not that its code came or went."""
    project = calling("models.fit")
    project.doit()
    project.edit("dodo.py", "models.fit", "models.helper")
    assert project.doit("why").out.splitlines()[1:2] == ["    parameter made: <function fit> → <function helper>"]


def test_what_a_parameter_reads_unseen_is_noted(calling):
    """What kept cannot see in the code of a parameter is said as it is of the stage's own."""
    run = calling("models.fit").doit()
    assert "note: p:out depends on environment variable UNIT, which is not seen" in run.out + run.err


def test_a_parameter_that_is_renamed_is_no_change(calling):
    """A function that is given is known by what it does, not by its name."""
    project = calling("models.fit")
    project.doit()
    project.edit("dodo.py", "models.fit", "models.train")
    project.edit("models.py", "def fit(x):\n    return gauge", "def train(x):\n    return gauge")
    assert project.doit().outcomes == {"p:out": "up to date"}


def test_what_has_no_form_fails_its_stage_alone(calling):
    """A parameter that cannot be named is the failure of its stage, which is named; others are built."""
    project = calling("list[int]")
    project.write("dodo.py", project.read("dodo.py") + "    other = stage(work.call, 1)\n")
    run = project.doit("-c")
    assert run.outcomes == {"p:out": "failed", "p:other": "built"}
    assert "!! p:out failed: a function holds what has no canonical form" in run.out


def test_a_file_that_a_parameter_reads_when_imported_counts_at_once(calling):
    """What importing the module of a parameter reads is in the key from the first run on, and counts."""
    project = calling("models.fit")
    project.write("models.py", MODELS + "\nNAMES = ['rates.txt']\nRATES = [Path(name).read_text() for name in NAMES]\n")
    project.write("rates.txt", "1")
    project.doit()
    assert project.doit().outcomes == {"p:out": "up to date"}
    project.write("rates.txt", "2")
    assert project.doit().outcomes == {"p:out": "built"}
