"""How a stage is wired is part of what decides it: whatever its function could notice builds it again."""

import pytest

HEAD = """
import functools
from pathlib import Path

import work
from kept import Pipeline, stage


class A(Pipeline):
    one = stage(work.one)
    two = stage(work.one, 2)
    pair = stage(work.pair)
    file = stage(work.file)
"""

WORK = """
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from recipes.marks import mark


class Pair(NamedTuple):
    left: int
    right: int

    def total(self) -> int:
        return self.left + self.right


def one(n=1) -> list:
    return [n]


def pair() -> Pair:
    return Pair(left=1, right=2)


def file() -> Path:
    made = Path("made.txt")
    made.write_text("1")
    return made


def shown(x) -> str:
    mark("result")
    return repr(x)


def walked(x) -> list:
    mark("result")
    return [repr(item) for item in x]


def named(**options) -> list:
    mark("result")
    return list(options)


def total(x) -> int:
    mark("result")
    return x.total()


def unpacked(x) -> list:
    mark("result")
    return list(x)


def suffix(x) -> str:
    mark("result")
    return x.suffix


def name(x) -> str:
    mark("result")
    return x.name


@dataclass(frozen=True)
class Rate:
    times: int

    def of(self, x):
        return x * self.times


def scaled(rate, x):
    return rate.of(x)


def called(f) -> int:
    mark("result")
    return f(3)
"""


@pytest.fixture
def wired(project):
    """Give a project in which a test declares one stage more."""
    project.write("work.py", WORK)
    for name in ("x.txt", "y.txt", "x.csv"):
        project.write(f"data/{name}", "the same")

    def result(call):
        project.write("dodo.py", f"{HEAD}    result = stage(work.{call})\n")
        run = project.doit("a")
        assert run.code == 0, run
        return run.ran, project.python("import kept; print(kept.load('a/result'))").out.strip()

    project.result = result
    return project


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("shown, [one, 5]", "shown, {0: one, 1: 5}", "{0: [1], 1: 5}"),
        ("shown, [one, 5]", "shown, (one, 5)", "([1], 5)"),
        ("shown, [[one], 5]", "shown, [(one,), 5]", "[([1],), 5]"),
        ("walked, {'a': one, 'b': two}", "walked, {'b': two, 'a': one}", """["'b'", "'a'"]"""),
        ("walked, {'a': 1, 'b': 2}", "walked, {'b': 2, 'a': 1}", """["'b'", "'a'"]"""),
        ("walked, [{'a': 1, 'b': 2}]", "walked, [{'b': 2, 'a': 1}]", """["{'b': 2, 'a': 1}"]"""),
        ("named, a=1, b=2", "named, b=2, a=1", "['b', 'a']"),
        ("named, a=one, b=two", "named, b=two, a=one", "['b', 'a']"),
        ("name, Path('data/x.txt')", "name, Path('data/y.txt')", "y.txt"),
        ("suffix, Path('data/x.txt')", "suffix, Path('data/x.csv')", ".csv"),
        ("called, functools.partial(pow, 2)", "called, functools.partial(pow, 3)", "27"),
    ],
)
def test_what_a_function_could_notice_of_its_arguments_counts(wired, before, after, value):
    """A list is no tuple, a dict has an order, a file a name, though the artifacts, values and bytes are the same."""
    wired.result(before)
    assert wired.result(after) == (["result"], value)
    assert wired.result(before)[0] == []


@pytest.mark.parametrize(
    ("call", "old", "new", "value"),
    [
        ("unpacked, pair", "    left: int\n    right: int\n", "    right: int\n    left: int\n", "[2, 1]"),
        ("total, pair", "self.left + self.right", "10 * (self.left + self.right)", "30"),
        ("suffix, file", "made.txt", "made.csv", ".csv"),
        ("called, functools.partial(work.scaled, work.Rate(2))", "return rate.of(x)", "return -rate.of(x)", "-6"),
        ("called, functools.partial(work.scaled, work.Rate(2))", "x * self.times", "x + self.times", "5"),
    ],
)
def test_what_a_function_could_notice_of_an_artifact_counts(wired, call, old, new, value):
    """The fields of a NamedTuple have an order, its class has methods, a file has a suffix; the bytes are the same."""
    wired.result(call)
    wired.edit("work.py", old, new)
    assert wired.result(call) == (["result"], value)


def test_a_field_alone_does_not_follow_its_tuple(wired):
    """Whoever takes one field never sees the class."""
    wired.result("shown, pair.left")
    wired.edit("work.py", "self.left + self.right", "10 * (self.left + self.right)")
    assert wired.result("shown, pair.left")[0] == []


def test_a_project_in_another_place_is_given_the_same(wired):
    """Files are known by where they lie in the project, and elsewhere by their names, however that is written down."""
    (wired.root.parent / "aside").mkdir()
    (wired.root.parent / "aside" / "z.txt").write_text("outside")
    outside = repr(str(wired.root.parent / "aside" / "z.txt"))
    for call in (
        "name, Path(__file__).parent / 'data/x.txt'",
        "name, Path('../aside/z.txt')",
        f"name, Path({outside})",
    ):
        wired.result(call)
        moved = wired.root.with_name("moved")
        wired.root.rename(moved)
        wired.root, old = moved, wired.root
        assert wired.doit("a").ran == []
        moved.rename(old)
        wired.root = old
    assert wired.result("name, Path('../aside/z.txt')") == ([], "z.txt")
    assert wired.result("name, Path('data/x.txt')") == ([], "x.txt")


def test_why_names_the_other_file(wired):
    """The same bytes under another name: the reason shows both names, not twice the same digest."""
    wired.result("name, Path('data/x.txt')")
    wired.write("dodo.py", f"{HEAD}    result = stage(work.name, Path('data/y.txt'))\n")
    assert "input x: file data/x.txt → file data/y.txt" in wired.doit("why", "a").out


def test_why_shows_how_an_argument_is_put_together(wired):
    """A reason names the argument and both layouts."""
    wired.result("shown, [one, 5]")
    wired.write("dodo.py", f"{HEAD}    result = stage(work.shown, (one, 5))\n")
    assert "parameter x: […, …] → (…, …)" in wired.doit("why", "a").out


def test_a_wired_key_without_a_canonical_form_is_refused(wired):
    """At the line that declares it, like any other value."""
    wired.write("dodo.py", f"{HEAD}    result = stage(work.shown, {{object(): one}})\n")
    run = wired.doit("a")
    assert run.code == 3
    assert "a parameter has no canonical form" in run.err
    assert "dodo.py:14" in run.err
