"""What a stage is given: only what it reads is loaded, and it cannot be written to."""

import functools
import sys

import pytest

from kept.build.unread import unread

WORK = '''"""A stage that makes things, and some that take them."""

import numpy as np
import pandas as pd

from recipes.marks import mark


class Thing:
    def __setstate__(self, state):
        mark("loaded")
        self.__dict__.update(state)


def thing() -> Thing:
    mark("thing")
    made = Thing()
    made.size = 3
    return made


def table() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3]})


def array() -> np.ndarray:
    return np.arange(5.0)


def ignores(_thing: Thing, x: int) -> int:
    """Never looks at its thing."""
    mark("ignores")
    return x


def reads(thing: Thing, x: int) -> int:
    mark("reads")
    return thing.size + x


def asks(table: pd.DataFrame, array: np.ndarray, limit: int) -> int:
    return len(table.query("a > @limit and a <= @array.max()"))


QUERY = "a > @limit and a <= @array.max()"


def asks_by_name(table: pd.DataFrame, array: np.ndarray, limit: int) -> int:
    return len(table.query(QUERY))


def writes(array: np.ndarray) -> float:
    array[0] = 1.0
    return float(array.sum())


def sorts(array: np.ndarray) -> float:
    array.sort()
    return float(array[0])


def copies(array: np.ndarray) -> float:
    array = array.copy()
    array[0] = 9.0
    return float(array.sum())
'''
DODO = """import work

from kept import Pipeline, stage


class P(Pipeline):
    thing = stage(work.thing)
    table = stage(work.table)
    array = stage(work.array)
    value = stage(work.{call})
"""


def declare(project, call: str) -> None:
    project.write("work.py", WORK)
    project.write("dodo.py", DODO.format(call=call))


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_an_input_with_an_underscore_that_is_not_read_is_not_loaded(project, parallel):
    """It is code that runs when it is loaded, here, and as large as it likes elsewhere."""
    declare(project, "ignores, thing, 7")
    project.doit("p:thing")
    before = len(project.executed())  # saving a pickle reads it back
    assert project.doit(*parallel, "p:value").code == 0
    assert project.executed()[before:] == ["ignores"]
    assert project.read("artifacts/p/value.json").strip() == "7"
    project.edit("dodo.py", "work.ignores", "work.reads")
    assert project.doit(*parallel, "p:value").ran == ["loaded", "reads"]
    assert project.read("artifacts/p/value.json").strip() == "10"


@pytest.mark.parametrize("call", ["asks", "asks_by_name"])
def test_an_input_that_is_named_in_a_query_is_there(project, call):
    """Pandas looks for it in the frame of its caller, where nothing else mentions it, nor may the text stand there."""
    declare(project, f"{call}, table, array, 1")
    run = project.doit()
    assert run.code == 0, run
    assert project.read("artifacts/p/value.json").strip() == "2"


@pytest.mark.parametrize("how", ["writes", "sorts"])
@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_a_stage_that_writes_into_its_input_is_told_how_not_to(project, parallel, how):
    """Numpy refuses, in the user's own line; the artifact stays what it is."""
    declare(project, f"{how}, array")
    run = project.doit(*parallel)
    assert run.code == 1
    assert run.outcomes["p:value"] == "failed"
    assert "read-only" in run.out
    assert "hint: the inputs of a stage are read-only; change a copy: X = X.copy()" in run.out
    assert 'work.py", line' in run.out
    assert project.kept("verify").code == 0
    project.edit("dodo.py", f"work.{how}", "work.copies")
    assert project.doit().code == 0
    assert float(project.read("artifacts/p/value.json")) == 19.0


def without_an_underscore(x, y):
    return x.query(WORK)


def only_the_first(x, _y):
    return x


def documented(x, _y):
    """Take x, leave _y."""
    return x


def in_a_text(x, _y):
    return f"{x}: select * from _y"


def in_a_text_of_a_part(x, _y):
    return [part.query("@_y") for part in x], lambda table: table.query("@_y")


def part_of_a_word(x, _y):
    return f"{x} _yes"


def in_a_closure(x, _y):
    return lambda: (x, _y)


def by_name_only(x, *, _y):
    return x


def both_at_once(x, _y):
    return x + _y


def deleted(x, _y):
    del _y
    return x


def set_anew(x, _y):
    _y = [x]
    _y.append(x)
    return _y


def by_frame(x, _y):
    return locals()


def by_frame_of_sys(x, _y):
    return sys._getframe().f_locals


def of_a_class_above(_x, _y):
    return super().name(_y)


def any_number(*x, **y):
    return 0


@functools.wraps(both_at_once)
def wrapped(x, y):
    return 0


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (without_an_underscore, set()),
        (only_the_first, {"_y"}),
        (of_a_class_above, set()),
        (documented, {"_y"}),
        (in_a_text, set()),
        (in_a_text_of_a_part, set()),
        (part_of_a_word, {"_y"}),
        (in_a_closure, set()),
        (by_name_only, {"_y"}),
        (both_at_once, set()),
        (deleted, set()),
        (set_anew, set()),
        (by_frame, set()),
        (by_frame_of_sys, set()),
        (any_number, set()),
        (wrapped, set()),
        (functools.partial(only_the_first, 1), set()),
        (len, set()),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_may_be_read_counts_as_read(function, names):
    """Only where nothing in a function can mean a parameter is it left out."""
    assert unread(function) == names
