"""A mistake in dodo.py is told at once, at the user's line, with what to do; no traceback, and doit's exit code."""

import textwrap

import pytest
from projects import Project

HEAD = """
from dataclasses import dataclass
from pathlib import Path

from kept import Pipeline, report, stage, swap
from recipes import anything, make, needs, read


@dataclass(frozen=True)
class Config:
    value: object = None

"""

RECIPES = """
from typing import NamedTuple


class Rows(NamedTuple):
    X: list
    y: list


def read(path) -> Rows: ...
def make() -> int: ...
def anything(value) -> list: ...
def needs(value, more) -> list: ...
"""

# name → what stands in dodo.py, with the guilty line marked; what is said
MISTAKES = {
    "a set of lambdas": (
        """
        class A(Pipeline):
            one = stage(anything, {lambda: 1})  # here
        """,
        ["a parameter has no canonical form", "stage:     recipes.anything", "parameter: value", "hint: pass numbers"],
    ),
    "an object deep in a parameter": (
        """
        class A(Pipeline):
            one = stage(anything, value={"a": [object()]})  # here
        """,
        ["a parameter has no canonical form", "type:      builtins.object"],
    ),
    "a generator": (
        """
        class A(Pipeline):
            one = stage(anything, (x for x in [1]))  # here
        """,
        ["a parameter has no canonical form", "type:      builtins.generator"],
    ),
    "an artifact in a set": (
        """
        class A(Pipeline):
            one = stage(make)
            two = stage(anything, {one})  # here
        """,
        ["a parameter has no canonical form"],
    ),
    "an absolute path in a parameter": (
        """
        class A(Pipeline):
            one = stage(anything, Config(Path("/etc")))  # here
        """,
        ["a parameter holds an absolute path", "path:      /etc", "hint: pass a path relative"],
    ),
    "a parameter that contains itself": (
        """
        loop = []
        loop.append(loop)

        class A(Pipeline):
            one = stage(anything, loop)  # here
        """,
        ["a parameter contains itself"],
    ),
    "two pipelines of one name": (
        """
        class A(Pipeline):
            one = stage(make)

        class B(Pipeline, name="a"):  # here
            one = stage(make)
        """,
        ["two pipelines are called 'a'", "first:  dodo.py:14", 'name="..."'],
    ),
    "a pipeline that was copied": (
        """
        class A(Pipeline):
            one = stage(make)

        class A(Pipeline):  # here
            two = stage(make)
        """,
        ["two pipelines are called 'a'", "first:  dodo.py:14", "second: dodo.py:17", "hint: rename one class"],
    ),
    "two stages of one name": (
        """
        class A(Pipeline):
            one = stage(make)
            one = stage(read, Path("x"))  # here
        """,
        ["two stages of a pipeline are called 'one'", "first:  dodo.py:15", "second: dodo.py:16", "hint: give one"],
    ),
    "a cycle": (
        """
        class A(Pipeline):
            one = stage(make)
            two = stage(anything, one)

        class B(A):
            one = stage(anything, A.two)  # here
        """,
        ["stages of a pipeline need each other", "cycle: one needs two needs one"],
    ),
    "a stage that needs itself": (
        """
        class A(Pipeline):
            one = stage(make)

        class B(A):
            one = stage(anything, A.one)  # here
        """,
        ["stages of a pipeline need each other", "cycle: one needs one"],
    ),
    "the name of a command": (
        """
        class Clean(Pipeline):  # here
            one = stage(make)
        """,
        ["a pipeline cannot be called 'clean': that is a command"],
    ),
    "the name of a command of ours": (
        """
        class A(Pipeline, name="why"):  # here
            one = stage(make)
        """,
        ["a pipeline cannot be called 'why': that is a command"],
    ),
    "a name that cannot be typed": (
        """
        class A(Pipeline, name="a b"):  # here
            one = stage(make)
        """,
        ["a pipeline has a name that cannot be typed", "hint: use a to z, digits and underscores"],
    ),
    "a name with a colon": (
        """
        class A(Pipeline, name="a:b"):  # here
            one = stage(make)
        """,
        ["a pipeline has a name that cannot be typed"],
    ),
    "a missing argument": (
        """
        class A(Pipeline):
            one = stage(anything)  # here
        """,
        ["a stage does not fit its function: missing a required argument: 'value'", "anything(value) -> list"],
    ),
    "an unknown argument": (
        """
        class A(Pipeline):
            one = stage(make, wrong=1)  # here
        """,
        ["a stage does not fit its function: got an unexpected keyword argument 'wrong'"],
    ),
    "an argument too many": (
        """
        class A(Pipeline):
            one = stage(make, 1)  # here
        """,
        ["a stage does not fit its function: too many positional arguments"],
    ),
    "no function": (
        """
        class A(Pipeline):
            one = stage(3)  # here
        """,
        ["a stage needs a function", "got:   3", "hint: write stage(function, arguments...)"],
    ),
    "a function without a signature": (
        """
        class A(Pipeline):
            one = stage(max, 1)  # here
        """,
        ["a function does not say what it takes", "hint: wrap it in a function of your own"],
    ),
    "a reserved name": (
        """
        class A(Pipeline):
            load = stage(make)  # here
        """,
        ["a stage cannot be called 'load'"],
    ),
    "a private name": (
        """
        class A(Pipeline):
            _one = stage(make)  # here
        """,
        ["a stage cannot be called '_one'"],
    ),
    "a stage of two names": (
        """
        class A(Pipeline):
            one = two = stage(make)  # here
        """,
        ["a stage has two names", "names: one, two"],
    ),
    "a field as an attribute": (
        """
        class A(Pipeline):  # here
            rows = stage(read, Path("x"))
            X = rows.X
        """,
        ["a pipeline's attribute must be a whole stage", "attribute: X = rows.X", "hint: use rows.X"],
    ),
    "a stage without a name": (
        """
        class A(Pipeline):
            one = stage(anything, stage(make))  # here
        """,
        ["a stage has no name", "function: recipes.make", "used by:  one"],
    ),
    "a stage under another name": (
        """
        class A(Pipeline):
            one = stage(make)

        class B(A):
            two = A.one  # here
        """,
        ["one", "two"],
    ),
    "env as one text": (
        """
        class A(Pipeline):
            one = stage(make, env="HOME")  # here
        """,
        ["env is a list of names", "hint: write env=['HOME']"],
    ),
    "an option of another type": (
        """
        class A(Pipeline):
            one = stage(make, threads="many")  # here
        """,
        ["threads"],
    ),
    "a pipeline that is called": (
        """
        class A(Pipeline):
            one = stage(make)

        A()  # here
        """,
        ["a pipeline is its class: A() makes nothing", "hint: use A.load(...)"],
    ),
    "an artifact that is unpacked": (
        """
        class A(Pipeline):
            rows = stage(read, Path("x"))
            X, y = rows  # here
        """,
        ["an artifact cannot be unpacked where it is declared", "hint: do that in a stage"],
    ),
    "an artifact that is tested": (
        """
        class A(Pipeline):
            one = stage(make)
            two = one or None  # here
        """,
        ["an artifact cannot be tested where it is declared"],
    ),
    "an artifact that is called": (
        """
        class A(Pipeline):
            one = stage(make)
            two = one()  # here
        """,
        ["an artifact cannot be called where it is declared"],
    ),
    "an artifact that is indexed": (
        """
        class A(Pipeline):
            rows = stage(read, Path("x"))
            two = stage(anything, rows.X[:10])  # here
        """,
        ["an artifact cannot be", "where it is declared"],
    ),
    "an artifact that is reckoned with": (
        """
        class A(Pipeline):
            one = stage(make)
            two = stage(anything, one + 1)  # here
        """,
        ["an artifact cannot be", "where it is declared"],
    ),
    "an unknown field": (
        """
        class A(Pipeline):
            rows = stage(read, Path("x"))
            two = stage(anything, rows.Y)  # here
        """,
        ["a stage makes no artifact 'Y'", "it makes: X, y"],
    ),
    "a field of a field": (
        """
        class A(Pipeline):
            rows = stage(read, Path("x"))
            two = stage(anything, rows.X.shape)  # here
        """,
        ["a stage makes no artifact 'shape'"],
    ),
    "a field of one value": (
        """
        class A(Pipeline):
            one = stage(make)
            two = stage(anything, one.X)  # here
        """,
        ["a stage makes no artifact 'X'", "it makes: one value, without fields", "hint: annotate"],
    ),
    "a field that the variant's function lacks": (
        """
        class A(Pipeline):
            rows = stage(read, Path("x"))
            two = stage(anything, rows.X)

        class B(A):
            rows = stage(make)  # here
        """,
        ["a stage makes no artifact 'X'", "stage:    rows"],
    ),
    "a swap of something else": (
        """
        class A(Pipeline):
            one = swap(3, make)  # here
        """,
        ["swap needs a stage of a pipeline", "got:   3"],
    ),
    "a swap of a field": (
        """
        class A(Pipeline):
            rows = stage(read, Path("x"))

        class B(A):
            rows = swap(A.rows.X, make)  # here
        """,
        ["swap needs a stage of a pipeline", "got:   <artifact A.rows.X>"],
    ),
    "a swap for no function": (
        """
        class A(Pipeline):
            one = stage(anything, 1)

        class B(A):
            one = swap(A.one, 3)  # here
        """,
        ["a stage needs a function"],
    ),
    "a swap for a function that takes less": (
        """
        class A(Pipeline):
            zero = stage(make)
            one = stage(anything, zero)

        class B(A):
            one = swap(A.one, make)  # here
        """,
        ["the function does not take what the stage is wired to", "wiring gives: value", "make() -> int"],
    ),
    "a swap for a function that takes more": (
        """
        class A(Pipeline):
            one = stage(anything, 1)

        class B(A):
            one = swap(A.one, needs)  # here
        """,
        ["a stage does not fit its function: missing a required argument: 'more'"],
    ),
    "a swap with an unknown parameter": (
        """
        class A(Pipeline):
            one = stage(anything, 1)

        class B(A):
            one = swap(A.one, anything, wrong=3)  # here
        """,
        ["a stage does not fit its function: got an unexpected keyword argument 'wrong'"],
    ),
    "a report of something else": (
        """
        class A(Pipeline):
            one = stage(make)

        task_report = report(A, 3)  # here
        """,
        ["a report needs pipelines", "got:   3"],
    ),
    "a report of nothing": (
        """
        task_report = report()  # here
        """,
        ["a report needs pipelines"],
    ),
    "an artifact that is compared": (
        """
        class A(Pipeline):
            one = stage(make)
            two = stage(anything, one == 1)  # here
        """,
        ["an artifact cannot be reckoned with", "stage: recipes.make"],
    ),
    "an artifact in a text": (
        """
        class A(Pipeline):
            one = stage(make)
            two = stage(anything, f"{one}")  # here
        """,
        ["an artifact cannot be reckoned with", "stage: recipes.make"],
    ),
    "an artifact in a list that holds itself": (
        """
        class A(Pipeline):
            one = stage(make)
            ring = [one]
            ring.append(ring)
            two = stage(anything, ring)  # here
        """,
        ["an argument contains itself", "function: recipes.anything"],
    ),
    "a stage in a class that is no pipeline": (
        """
        class Mixed:
            one = stage(make)  # here

        class A(Mixed, Pipeline):
            two = stage(anything, Mixed.one)
        """,
        ["a stage belongs to no pipeline", "stage:    Mixed.one", "hint: write class Mixed(Pipeline)"],
    ),
    "a report in an unknown format": (
        """
        class A(Pipeline):
            one = stage(make)

        task_report = report(A, format="htm")  # here
        """,
        ["a report has no format 'htm'", "table, markdown, json, csv"],
    ),
}


@pytest.fixture
def empty(tmp_path):
    """Give a project whose dodo.py a test writes."""
    for name in ("project", "runs"):
        (tmp_path / name).mkdir()
    made = Project(tmp_path / "project", tmp_path / "runs")
    made.write("recipes.py", RECIPES)
    return made


@pytest.mark.parametrize(("body", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_at_the_line_that_made_it(empty, body, told):
    """ERROR and the facts go to stderr, the place is the user's line, a hint says what to do; the exit code is 3."""
    dodo = HEAD + textwrap.dedent(body)
    empty.write("dodo.py", dodo)
    run = empty.doit("list")
    line = next(number for number, text in enumerate(dodo.splitlines(), 1) if text.endswith("# here"))
    assert run.err.startswith("ERROR: ")
    assert "Traceback" not in run.err
    assert f"dodo.py:{line}\n" in run.err
    assert run.err.rstrip().splitlines()[-1].startswith("hint: ")
    for text in told:
        assert text in run.err
    assert (run.code, run.out) == (3, "")
    assert not empty.path("artifacts").exists()


def test_an_artifact_may_have_a_name_in_dodo(empty):
    """A short name for an artifact at the top of dodo.py is no mistake."""
    empty.write("dodo.py", HEAD + "class A(Pipeline):\n    one = stage(make)\n\nshort = A.one\n")
    run = empty.doit("list")
    assert (run.code, run.out.split()[0]) == (0, "a")


def test_a_mistake_in_the_settings_is_told(empty):
    """The settings are read before anything is done; the file and what was probably meant are named."""
    empty.write("dodo.py", HEAD + "class A(Pipeline):\n    one = stage(make)\n")
    empty.write("pyproject.toml", '[tool.kept]\nstor = "x"\n')
    run = empty.doit("a")
    assert (run.code, run.out) == (3, "")
    assert run.err.startswith("ERROR: bad settings: [tool.kept] has no setting 'stor'")
    assert "pyproject.toml" in run.err
    assert "hint: did you mean store?" in run.err


def test_a_mistake_of_pythons_own_keeps_its_traceback(empty):
    """What kept does not know it does not hide."""
    empty.write("dodo.py", HEAD + "1 / 0\n")
    run = empty.doit("list")
    assert run.code == 3
    assert "ZeroDivisionError" in run.err


def test_the_same_mistake_is_told_by_every_command(empty):
    """A run, a question and a list all stop at the declaration."""
    empty.write("dodo.py", HEAD + "class A(Pipeline):\n    one = stage(anything)\n")
    for command in (["run"], [], ["why"], ["accept", "a:one"], ["info", "a"], ["clean"], ["forget", "a"]):
        run = empty.doit(*command)
        assert run.err.startswith("ERROR: a stage does not fit its function"), run
        assert "Traceback" not in run.err
        assert (run.code, run.out) == (3, "")
