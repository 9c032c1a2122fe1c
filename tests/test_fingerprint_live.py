"""Live objects: what their text does not say goes into the fingerprint as values."""

import decimal
import fractions
import functools
import json
import math
import random
import re
import sys

import pytest
from fingerprint_projects import opened

from kept.digest import Memo
from kept.errors import KeptError
from kept.fingerprint import fingerprint


@pytest.fixture
def project(tmp_path, monkeypatch):
    with opened(tmp_path, monkeypatch) as files:
        yield files


MAKE = """
    import functools

    def make(k, f=None):
        def train(x):
            return x * k if f is None else f(x)
        return train

    def base(x, k):
        return x * k

    class Model:
        def __init__(self, k):
            self.k = k
        def run(self, x):
            return x * self.k
        __call__ = run

    class Counts(dict): pass

    def helper(x): return x + 1
    def other(x): return x + 2
    LAMBDAS = [lambda x: x + 1, lambda x: x + 2]
    named = make(3)
"""


@pytest.fixture
def stages(project):
    project.write(stages=MAKE)
    return project.loaded()


MADE = {
    "closure": lambda m, v: m.make(v),
    "partial": lambda m, v: functools.partial(m.base, k=v),
    "bound method": lambda m, v: m.Model(v).run,
    "callable instance": lambda m, v: m.Model(v),
    "partial of a closure": lambda m, v: functools.partial(m.make(v), 1),
    "partial of a bound method": lambda m, v: functools.partial(m.Model(v).run),
    "closure over a model": lambda m, v: m.make(1, m.Model(v)),
    "closure over a function": lambda m, v: m.make(1, [m.helper, m.other][v - 1]),
    "closure over a container": lambda m, v: m.make({"a": [1, v]}),
    "lambda on a line of two": lambda m, v: m.LAMBDAS[v - 1],
}

# Methods of built-in values: whose they are counts.
BUILT_IN = {
    "method of a dict": lambda m, v: {"a": v}.get,
    "method of a text": lambda m, v: "ab"[v - 1].join,
    "method of a number": lambda m, v: v.__add__,
    "method of a pattern": lambda m, v: re.compile("ab"[v - 1]).findall,
    "method of a class in C": lambda m, v: [dict, m.Counts][v - 1].fromkeys,
    "unbound method of a class in C": lambda m, v: [str.upper, bytes.upper][v - 1],
    "partial of such a method": lambda m, v: functools.partial("ab"[v - 1].join, ["x"]),
    "closure over such a method": lambda m, v: m.make(1, {"a": v}.get),
    "method of a dict of functions": lambda m, v: {"a": [m.helper, m.other][v - 1]}.get,
}


WRAPPED = {
    "the wrapper": ("scale(f(*a, **k))", "scale(f(*a, **k)) + 1"),
    "what the wrapper calls": ("return v * 2", "return v * 3"),
    "what is wrapped": ("return x + 1", "return x + 5"),
}
WRAPPER = """
    import functools
    def scale(v): return v * 2
    def timed(f):
        @functools.wraps(f)
        def w(*a, **k): return scale(f(*a, **k))
        return w
    def unused(): return 1
"""


@pytest.mark.parametrize("edit", [*WRAPPED, "nothing that counts"])
def test_a_function_wrapped_outside_of_its_module(edit, project):
    """The code of a decorator is followed from where it is written, whatever ``functools.wraps`` says it is."""
    old, new = WRAPPED.get(edit, ("return 1", "return 2"))
    digests = []
    for text, code in ((WRAPPER, MAKE), (WRAPPER.replace(old, new), MAKE.replace(old, new))):
        project.forget()
        project.write(stages=code, deco=text)
        digests.append(project.made(project.loaded("deco").timed(project.loaded().helper)).digest)
    assert (digests[0] != digests[1]) == (edit in WRAPPED)


def test_a_lambda_at_top_level_brings_the_names_around_it(project):
    """A lambda in a list is reached by no name: all of its module counts."""
    text = "def h(x): return x + 1\nSTEPS = [lambda x: h(x)]\n"
    digests = []
    for one in (text, text.replace("x + 1", "x + 2")):
        project.forget()
        project.write(stages=one)
        digests.append(project.made(project.loaded().STEPS[0]).digest)
    assert digests[0] != digests[1]


def test_a_function_wrapped_by_a_library_counts_with_its_version(project):
    """What a library's decorator makes of a function is named by the library, its version, and the function."""
    deco = "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def w(x): return f(x)\n    return w\n"
    record = project.root / "site-packages" / "thirdd-1.0.dist-info" / "RECORD"
    project.write(**{"stages": MAKE, "site-packages__thirdd": deco})
    record.parent.mkdir()
    record.write_text("thirdd.py,,\n")
    deco = project.loaded("thirdd").deco
    made = project.made(deco(project.loaded().helper))
    assert made.libraries == {"thirdd": "1.0"}
    assert "stages.helper" in {part.name for part in made.parts}
    assert made.digest != project.made(deco(project.loaded().other)).digest


@pytest.mark.parametrize("how", [*MADE, *BUILT_IN])
def test_stages_made_in_a_loop_are_told_apart(project, stages, how):
    """Equal text with other values is another stage; equal values make an equal one."""
    make = {**MADE, **BUILT_IN}[how]
    first, again, second = (project.made(make(stages, value)).digest for value in (1, 1, 2))
    assert first == again != second


@pytest.mark.parametrize(
    "how", [how for how in MADE if how not in ("closure over a function", "lambda on a line of two")]
)
def test_their_code_counts_too(project, stages, how):
    """An edit of the code behind a live object changes its fingerprint."""
    before = project.made(MADE[how](stages, 1)).digest
    project.forget()
    project.write(stages=MAKE.replace("x * k", "x - k").replace("x * self.k", "x - self.k"))
    assert project.made(MADE[how](project.loaded(), 1)).digest != before


def test_a_function_that_a_module_holds_is_told_by_its_name(project, stages):
    """A closure under a name of its module is reached by text, live or not."""
    assert project.made(stages.named) == project.made("stages:named")
    assert project.made(stages.helper) == project.made("stages:helper")
    assert project.made(stages.Model.run) == project.made("stages:Model.run")


# Functions and classes of libraries, told apart by name, as first and second of a pair.
OF_LIBRARIES = {
    "function": lambda np: (json.loads, json.dumps),
    "function in C": lambda np: (math.sin, math.cos),
    "class": lambda np: (fractions.Fraction, decimal.Decimal),
    "class method": lambda np: (fractions.Fraction.from_float, fractions.Fraction.from_decimal),
    "method of a generator that all share": lambda np: (random.random, random.gauss),
    "method in C of such a generator": lambda np: (np.random.rand, np.random.randn),
    "dispatcher": lambda np: (np.mean, np.sum),
    "function for each element": lambda np: (np.sqrt, np.exp),
}


@pytest.mark.parametrize("which", OF_LIBRARIES)
def test_what_a_library_holds_by_name_is_told_by_that_name(which, project, stages):
    """It is the same function whichever module of the project has imported it, and not another function."""
    first, second = OF_LIBRARIES[which](pytest.importorskip("numpy"))
    before = [project.made(one).digest for one in (first, second)]
    inside = [project.made(stages.make(one)).digest for one in (first, second)]
    project.write(helpers="")
    helpers = project.loaded("helpers")
    helpers.first, helpers.second = first, second  # as ``from library import first`` does
    assert [project.made(one).digest for one in (first, second)] == before
    assert [project.made(stages.make(one)).digest for one in (first, second)] == inside
    assert len({*before, *inside}) == 4


def test_what_a_module_of_the_project_has_from_a_library_is_told_by_what_that_is(project):
    """By a name of the project, the function of a library is that function: another import is another one."""
    digests = []
    for text in ("from json import loads", "from json import dumps as loads", "from json import loads\nK = 1"):
        project.write(stages=text)
        digests.append(project.made("stages:loads").digest)
    assert digests[0] == digests[2] != digests[1]
    assert project.made("json:loads").digest == digests[0] != project.made("json:load").digest
    with pytest.raises(KeptError, match="there is no code for stages:print"):
        project.made("stages:print")


def test_a_function_of_the_project_in_place_of_a_librarys_is_followed(project, monkeypatch):
    """What the project puts where a library has its function is followed, whatever ``wraps`` makes it say."""
    digests = []
    for text in (WRAPPER, WRAPPER.replace("v * 2", "v * 3")):
        project.forget()
        project.write(deco=text)
        with monkeypatch.context() as patched:
            patched.setattr(json, "loads", project.loaded("deco").timed(json.loads))
            digests.append(project.made(json.loads).digest)
    assert digests[0] != digests[1]


def test_the_version_of_its_library_counts(project, stages):
    """A function of an installed library is another one with another version, as a stage and as what one holds."""
    np = pytest.importorskip("numpy")
    for one in (np.mean, np.sqrt, np.array, stages.make(np.mean), functools.partial(np.dot, 2)):
        assert project.made(one).libraries == {"numpy": np.__version__}


def test_running_changes_nothing(project, stages):
    """What a stage leaves behind in caches of its module is not part of it."""
    project.write(caching="CACHE = {}\ndef train(x):\n    CACHE[x] = x\n    return x\n")
    train = project.loaded("caching").train
    before = project.made(train)
    train(1)
    assert project.made(train) == before


def test_values_in_sets_are_not_in_salted_order(project, stages):
    """A set of functions in a closure has one form."""
    one = project.made(stages.make({stages.helper, stages.other, "a"}))
    assert one.digest == project.made(stages.make({"a", stages.other, stages.helper})).digest


SALTED = """
    class Salted(type):
        salt = 1
        def __hash__(cls): return Salted.salt * ord(cls.__name__)
    class A(metaclass=Salted): pass
    class B(metaclass=Salted): pass
"""


def test_a_method_of_a_set_is_not_in_salted_order(project):
    """Whichever class of a set comes first in this process, the stage is the same."""
    project.write(stages=SALTED)
    m = project.loaded()
    digests = []
    for salt in (1, -1):
        m.Salted.salt = salt
        digests.append(project.made({m.A, m.B}.__contains__).digest)
    assert digests[0] == digests[1]


def test_values_without_canonical_form_are_refused(project, stages):
    """An open file in a closure has no name that means the same tomorrow."""
    with open(project.root / "stages.py") as file, pytest.raises(KeptError, match="no canonical form") as told:
        project.made(stages.make(file))
    assert told.value.what == "a function holds what has no canonical form"
    assert "function: <function make.<locals>.train>\n" in str(told.value)
    assert "where:    the function, k" in str(told.value)
    assert told.value.hint.startswith("wrap it in a function of the project")


def test_a_method_whose_object_has_no_canonical_form_is_refused(project):
    """What a generator of random numbers will draw next is in no code: the message says which function is meant."""
    np = pytest.importorskip("numpy")
    with pytest.raises(KeptError, match="function: <bound method Generator"):
        project.made(np.random.default_rng(0).normal)


def test_a_value_that_holds_itself_ends(project, stages):
    """A loop among the values of a closure is walked once."""
    loop = stages.Model(1)
    loop.k = [loop]
    assert project.made(stages.make(loop)).digest == project.made(stages.make(loop)).digest


def test_a_plan_is_remembered_per_value(project, stages, tmp_path):
    """The memory of one closure is not served to another of the same text."""
    memo = Memo(tmp_path / "memo.db")
    first = project.made(stages.make(1), memo=memo)
    assert project.made(stages.make(2), memo=memo).digest != first.digest
    assert project.made(stages.make(1), memo=memo) == first


def exec_made(text, **given):
    space = {"__name__": "notebook", **given}
    exec(text, space)
    return space["train"]


def test_a_function_without_a_file_goes_by_its_code(project):
    """A function from exec is told by its code and the values it names; a warning says it is for this Python only."""
    first = project.made(exec_made("def train(x): return x + K", K=1))
    assert first.digest == project.made(exec_made("\n\ndef train(x): return x + K", K=1)).digest
    assert first.digest != project.made(exec_made("def train(x): return x - K", K=1)).digest
    assert first.digest != project.made(exec_made("def train(x): return x + K", K=2)).digest
    version = f"3.{sys.version_info[1]}"
    assert first.widenings == (f"the function: made without a file, its key is for Python {version} only",)


@pytest.mark.parametrize(
    "edit",
    [
        ("n + 1", "n + 2"),
        ("Row(1)", "Row(2)"),
        ("Mode.A", "Mode.B"),
        ("depth: int = 1", "depth: int = 2"),
        ("=list", "=dict"),
    ],
)
def test_a_class_without_a_file_counts_with_its_methods(edit, project):
    """What a function of a notebook holds is told apart by its value, and by the code of its class."""
    text = """
import dataclasses, enum, typing
class Row(typing.NamedTuple):
    n: int
    def f(self): return self.n + 1
class Mode(enum.Enum):
    A = 1
    B = 2
ROW, MODE = Row(1), Mode.A
@dataclasses.dataclass
class Config:
    depth: int = 1
    names: list = dataclasses.field(default_factory=list)
CONFIG = Config()
def train(x): return ROW.f() + MODE.value + CONFIG.depth
"""
    before = project.made(exec_made(text)).digest
    assert project.made(exec_made(text)).digest == before
    assert project.made(exec_made(text.replace(*edit))).digest != before


def test_a_notebook_function_reaches_the_project(project):
    """What a function of a notebook names in the project is followed as source."""
    project.write(hh="def f(x): return x + 1\n")
    before = project.made(exec_made("def train(x): return hh.f(x)", hh=project.loaded("hh")))
    assert "hh.f" in [part.name for part in before.parts]
    project.write(hh="def f(x): return x + 2\n")
    assert project.made(exec_made("def train(x): return hh.f(x)", hh=project.loaded("hh"))).digest != before.digest


def test_also_takes_live_classes(project, stages):
    """Classes found in values are roots, whichever way they are given."""
    by_object = project.made("stages:base", also=[stages.Model])
    assert by_object == project.made("stages:base", also=["stages:Model"])
    assert by_object.digest != fingerprint("stages:base", root=project.root).digest


DODO = """
    from kept import Pipeline, report, stage

    def prepare(x): return x + 1

    class Small(Pipeline):
        first = stage(prepare, 1)
        second = stage(lambda x: x + 2, {})

    task_report = report(Small)
"""


def test_declarations_are_no_part_of_a_stage(project):
    """Functions declared in dodo.py are judged by themselves: the pipeline around them may change."""
    project.write(dodo=DODO.format("first"))
    before = project.made("dodo:prepare")
    project.write(dodo=DODO.format("1") + "    class Other(Small):\n        third = stage(prepare, 3)\n")
    assert [part.name for part in before.parts] == ["dodo.prepare"]
    assert project.made("dodo:prepare").digest == before.digest
