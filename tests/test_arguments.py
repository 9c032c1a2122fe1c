"""A stage gets its arguments as dodo.py wires them, whatever can be called and however it takes them."""

import json

import pytest
from projects import Project

RECIPES = '''
"""Functions that say what they were given."""

import functools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    X: list
    y: list


def one() -> int:
    return 1


def two() -> int:
    return 2


def rows() -> Rows:
    return Rows([1, 2], [3])


def array() -> np.ndarray:
    return np.arange(3.0)


def says(**given) -> dict:
    return {name: shown(value) for name, value in given.items()}


def shown(value):
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [type(value).__name__, [shown(item) for item in value]]
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if hasattr(value, "_fields"):
        return [type(value).__name__, list(value)]
    if isinstance(value, Path):
        return ["Path", value.as_posix(), value.is_absolute(), value.exists()]
    if isinstance(value, np.ndarray):
        return ["array", value.tolist(), bool(value.flags.writeable)]
    return value if isinstance(value, (int, float, str, bool, type(None))) else type(value).__name__


def positional(a, b, /, c, *, d=4) -> list:
    return [a, b, c, d]


def many(first, *rest, last=0) -> list:
    return [first, list(rest), last]


def named(first=0, **rest) -> dict:
    return {"first": first, **rest}


def defaulted(a, b=2, c=3) -> list:
    return [a, b, c]


def mutated(value, kept=[]) -> list:
    value.append(9)
    return value


def text_file() -> Path:
    Path("made").mkdir(exist_ok=True)
    Path("made/text.txt").write_text("made")
    return Path("made/text.txt")


def folder() -> Path:
    import tempfile
    place = Path(tempfile.mkdtemp()) / "folder"
    place.mkdir()
    (place / "a.txt").write_text("a")
    (place / "sub").mkdir()
    (place / "sub" / "b.txt").write_text("b")
    return place


def reads(path) -> list:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return [[file.relative_to(path).as_posix(), file.read_text()] for file in files] or [path.read_text()]


def variable() -> str:
    return os.environ.get("LEVEL", "none")


def scaled(value, factor) -> float:
    return float(value * factor)


twice = functools.partial(scaled, factor=2)


class Adder:
    def __init__(self, amount):
        self.amount = amount

    def __call__(self, value) -> float:
        return float(value + self.amount)

    def method(self, value) -> float:
        return float(value - self.amount)


add_ten = Adder(10)


def logged(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs) + 0.5
    return call


@logged
def decorated(value) -> float:
    return float(value)
'''

DODO = """
from pathlib import Path

import recipes as r
from kept import Pipeline, stage


def own(value) -> int:
    return value + 100


class P(Pipeline):
    one = stage(r.one)
    two = stage(r.two)
    rows = stage(r.rows)
    array = stage(r.array)
"""


@pytest.fixture
def plain(tmp_path):
    """Give a project with functions that say what they were given."""
    for name in ("project", "runs"):
        (tmp_path / name).mkdir()
    made = Project(tmp_path / "project", tmp_path / "runs")
    made.write("recipes.py", RECIPES)
    made.write("data/a.txt", "alpha")
    made.write("data/sub/b.txt", "beta")
    return made


CASES = {
    "an artifact": ("r.says, value=one", {"value": 1}),
    "a whole tuple": ("r.says, value=rows", {"value": ["Rows", [[1, 2], [3]]]}),
    "a field": ("r.says, value=rows.y", {"value": ["list", [3]]}),
    "an array": ("r.says, value=array", {"value": ["array", [0.0, 1.0, 2.0], False]}),
    "a list": ("r.says, value=[one, two, 5]", {"value": ["list", [1, 2, 5]]}),
    "a tuple": ("r.says, value=(one, (two, rows.X))", {"value": ["tuple", [1, ["tuple", [2, ["list", [1, 2]]]]]]}),
    "a dict": ("r.says, value={'a': one, 'b': {'c': [two]}}", {"value": {"a": 1, "b": {"c": ["list", [2]]}}}),
    "the same twice": ("r.says, a=one, b=one", {"a": 1, "b": 1}),
    "a file": ("r.says, value=Path('data/a.txt')", {"value": ["Path", "data/a.txt", False, True]}),
    "a folder": ("r.reads, Path('data')", [["a.txt", "alpha"], ["sub/b.txt", "beta"]]),
    "files in a list": (
        "r.says, value=[Path('data/a.txt'), Path('data/sub/b.txt')]",
        {"value": ["list", [["Path", "data/a.txt", False, True], ["Path", "data/sub/b.txt", False, True]]]},
    ),
    "parameters": (
        "r.says, a=None, b=True, c=1.5, d='x', e=[1, (2,)], f={'g': {3}}",
        {"a": None, "b": True, "c": 1.5, "d": "x", "e": ["list", [1, ["tuple", [2]]]], "f": {"g": "set"}},
    ),
    "positions": ("r.positional, one, two, 3", [1, 2, 3, 4]),
    "positions and names": ("r.positional, one, two, c=two, d=one", [1, 2, 2, 1]),
    "any number": ("r.many, one, two, 5, rows.y, last=two", [1, [2, 5, [3]], 2]),
    "any number of none": ("r.many, one", [1, [], 0]),
    "any name": ("r.named, one, b=two, c=3", {"first": 1, "b": 2, "c": 3}),
    "defaults": ("r.defaulted, one, c=two", [1, 2, 2]),
    "a value of its own": ("r.mutated, rows.X", [1, 2, 9]),
    "a partial": ("r.twice, two", 4.0),
    "an instance": ("r.add_ten, two", 12.0),
    "a bound method": ("r.add_ten.method, two", -8.0),
    "a decorated function": ("r.decorated, two", 2.5),
    "a function of dodo.py": ("own, two", 102),
    "a lambda": ("lambda value: value * 3, two", 6),
    "a built-in function": ("sorted, rows.X", [1, 2]),
}


@pytest.mark.parametrize(("call", "result"), CASES.values(), ids=CASES)
def test_arguments_arrive_as_they_are_wired(plain, call, result):
    """Built once, then up to date; the result says what the function was given."""
    plain.write("dodo.py", f"{DODO}\n    result = stage({call})\n")
    run = plain.doit("p:result")
    assert run.code == 0, run
    assert json.loads(plain.read("artifacts/p/result.json")) == result
    assert set(plain.doit("p:result").outcomes.values()) == {"up to date"}


def test_what_a_stage_does_to_its_input_stays_with_it(plain):
    """Two stages that take one artifact each have their own."""
    plain.write("dodo.py", f"{DODO}\n    a = stage(r.mutated, rows.X)\n    b = stage(r.mutated, rows.X)\n")
    assert plain.doit("p").code == 0
    assert json.loads(plain.read("artifacts/p/b.json")) == [1, 2, 9]
    assert json.loads(plain.read("artifacts/p/rows/X.json")) == [1, 2]


def test_a_file_that_a_stage_makes_is_an_artifact(plain):
    """It is kept under its suffix, and given to others as a path in artifacts/."""
    plain.write("dodo.py", f"{DODO}\n    made = stage(r.text_file)\n    result = stage(r.reads, made)\n")
    run = plain.doit("p")
    assert run.code == 0, run
    assert plain.read("artifacts/p/made.txt") == "made"
    assert json.loads(plain.read("artifacts/p/result.json")) == ["made"]
    plain.doit("clean")
    again = plain.doit("p")
    assert (again.code, set(again.outcomes.values())) == (0, {"restored"})
    assert plain.read("artifacts/p/made.txt") == "made"


def test_a_folder_that_a_stage_makes_is_an_artifact(plain):
    """All that is in it, and nothing more."""
    plain.write("dodo.py", f"{DODO}\n    made = stage(r.folder)\n    result = stage(r.reads, made)\n")
    run = plain.doit("p")
    assert run.code == 0, run
    assert json.loads(plain.read("artifacts/p/result.json")) == [["a.txt", "a"], ["sub/b.txt", "b"]]
    plain.write("artifacts/p/made/more.txt", "foreign")
    assert plain.doit("p").outcomes["p:made"] == "restored"
    assert not plain.path("artifacts/p/made/more.txt").exists()


def test_a_file_in_a_folder_counts(plain):
    """A declared folder is its files: one more, one less, one changed, one renamed."""
    plain.write("dodo.py", f"{DODO}\n    result = stage(r.reads, Path('data'))\n")
    plain.doit("p:result")
    for change in (
        lambda: plain.write("data/new.txt", ""),
        lambda: plain.write("data/new.txt", "text"),
        lambda: plain.path("data/new.txt").rename(plain.path("data/other.txt")),
        lambda: plain.remove("data/other.txt"),
    ):
        change()
        last = plain.doit("p:result").outcomes["p:result"]
        assert last in ("built", "restored")
    assert last == "restored"


def test_a_declared_variable_counts_and_its_value_is_nowhere(plain):
    """Another value is another result; what it was stays between the user and the stage."""
    plain.write("dodo.py", f"{DODO}\n    result = stage(r.variable, env=['LEVEL'])\n")
    for level, outcome in (("hush-1", "built"), ("hush-1", "up to date"), ("hush-2", "built"), ("hush-1", "restored")):
        run = plain.doit("p:result", env={"LEVEL": level})
        assert run.outcomes["p:result"] == outcome
        assert json.loads(plain.read("artifacts/p/result.json")) == level
    assert plain.doit("p:result").outcomes["p:result"] == "built"
    assert json.loads(plain.read("artifacts/p/result.json")) == "none"
    records = list(plain.path("artifacts/.kept/actions").rglob("*"))
    assert records
    assert not [path for path in records if path.is_file() and b"hush" in path.read_bytes()]


def test_a_variable_that_is_not_declared_does_not_count(plain):
    """What is not declared is not seen."""
    plain.write("dodo.py", f"{DODO}\n    result = stage(r.variable)\n")
    plain.doit("p:result", env={"LEVEL": "1"})
    assert plain.doit("p:result", env={"LEVEL": "2"}).outcomes["p:result"] == "up to date"


def test_spelling_out_a_default_is_no_change(plain):
    """Saying what holds anyway builds nothing."""
    plain.write("dodo.py", f"{DODO}\n    result = stage(r.defaulted, one)\n")
    plain.doit("p:result")
    plain.write("dodo.py", f"{DODO}\n    result = stage(r.defaulted, one, c=3)\n")
    assert set(plain.doit("p:result").outcomes.values()) == {"up to date"}
    plain.write("dodo.py", f"{DODO}\n    result = stage(r.defaulted, c=3, a=one)\n")
    assert set(plain.doit("p:result").outcomes.values()) == {"up to date"}


def test_a_renamed_stage_takes_over_what_was_built(plain):
    """Names are not in the key: the artifact moves, nothing executes."""
    plain.write("dodo.py", f"{DODO}\n    result = stage(r.defaulted, one)\n")
    plain.doit("p")
    plain.write("dodo.py", DODO.replace("class P(", "class Q(") + "\n    outcome = stage(r.defaulted, one)\n")
    run = plain.doit("q")
    assert (run.code, set(run.outcomes.values())) == (0, {"restored"})
    assert json.loads(plain.read("artifacts/q/outcome.json")) == [1, 2, 3]
