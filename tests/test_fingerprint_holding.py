"""What the function of a stage holds counts whole, whatever it is: its value, and the code of its class."""

import collections
import functools

import pytest
from fingerprint_projects import opened

from kept.errors import KeptError


@pytest.fixture
def project(tmp_path, monkeypatch):
    with opened(tmp_path, monkeypatch) as files:
        yield files


KINDS = """
    import collections, enum, functools, random, typing

    def fit(x, k=None): return x

    class Row(typing.NamedTuple):
        k: int
        def run(self, x): return self.k

    class Table(dict): pass
    class Ordered(collections.OrderedDict): pass
    class Default(collections.defaultdict): pass
    class Rows(list): pass
    class Pair(tuple): pass
    class Names(set): pass
    class Text(str): pass
    class Metres(float):
        def feet(self): return self * 3
    class Call(functools.partial): pass
    class Hidden:
        __slots__ = ("__k",)
        def __init__(self, k): self.__k = k
    class Below(Hidden):
        __slots__ = ()
    class Mode(enum.Enum):
        A = 1
        B = 2
        @property
        def factor(self): return self.value * 3
    class Level(enum.IntEnum):
        A = 1
        B = 2
        def factor(self): return self.value * 3
    class Word(enum.StrEnum):
        A = "a"
        B = "b"
        def factor(self): return self.value * 3
    class Rights(enum.Flag):
        A = 1
        B = 2
        C = 4
        def factor(self): return self.value * 3
    class Dice(random.Random): pass

    class A:
        def rate(self): return 3
    class B:
        def rate(self): return 2

    def make(base, k=1, f=fit):
        class M(base):
            LIST = [k]
            alias = f
            def run(self, x): return self.rate() * x
            @property
            def own(self): return k
            @functools.cached_property
            def kept(self): return k
            @functools.cache
            def cached(self): return k
            @classmethod
            def c(cls): return k
            @staticmethod
            def s(): return k
        return M
    def chosen(k):
        class Local(enum.Enum):
            ONE = k
        return Local.ONE
    def typed(base, k):
        return type("Typed", (base,), {"k": k, "run": lambda self, x: self.rate()})
    def record(k):
        class Local(typing.NamedTuple):
            n: int = k
        return Local(1)
"""
HELD = {
    "named tuple": lambda m, v: m.Row(v),
    "dict": lambda m, v: m.Table(a=v),
    "order of an ordered dict": lambda m, v: m.Ordered([(v, 0), (3 - v, 0)]),
    "dict with a default": lambda m, v: m.Default([list, dict][v - 1]),
    "list": lambda m, v: m.Rows([v]),
    "tuple": lambda m, v: m.Pair([v]),
    "set": lambda m, v: m.Names([v]),
    "text": lambda m, v: m.Text("ab"[v - 1]),
    "number": lambda m, v: m.Metres(v),
    "zero with its sign": lambda m, v: m.Metres([0.0, -0.0][v - 1]),
    "partial": lambda m, v: m.Call(m.fit, v),
    "class of a number": lambda m, v: [m.Metres(1), 1.0][v - 1],
    "slot with a private name": lambda m, v: m.Hidden(v),
    "slot of a base": lambda m, v: m.Below(v),
    "enum": lambda m, v: m.Mode(v),
    "enum of numbers": lambda m, v: m.Level(v),
    "flags": lambda m, v: m.Rights.C | m.Rights(v),
    "enum made in a function": lambda m, v: m.chosen(v),
    "named tuple made in a function": lambda m, v: m.record(v),
    "base of a class made in a function": lambda m, v: m.make([m.A, m.B][v - 1])(),
    "value in a class made in a function": lambda m, v: m.make(m.A, v)(),
    "function in a class made in a function": lambda m, v: m.make(m.A, 1, [m.fit, m.chosen][v - 1])(),
    "value in a class made by type": lambda m, v: m.typed(m.A, v)(),
    "base of a class made by type": lambda m, v: m.typed([m.A, m.B][v - 1], 1),
    "class made in a function": lambda m, v: m.make([m.A, m.B][v - 1]),
}
HOLDERS = {
    "partial": lambda m, held: functools.partial(m.fit, k=held),
    "closure": lambda m, held: lambda x: held,
    "deep in a partial": lambda m, held: functools.partial(m.fit, k=[{"a": (held,)}]),
    "in a library's class": lambda m, held: functools.partial(m.fit, collections.OrderedDict(a=held)),
}


@pytest.mark.parametrize("how", HOLDERS)
@pytest.mark.parametrize("what", HELD)
def test_what_a_stage_holds_is_told_apart_by_all_of_it(what, how, project):
    """Another value in what a stage's function holds is another stage, of whatever class it is; an equal one is not."""
    project.write(stages=KINDS)
    m = project.loaded()
    first, again, second = (project.made(HOLDERS[how](m, HELD[what](m, value))).digest for value in (1, 1, 2))
    assert first == again != second


CLASSES = {
    "property of an enum": lambda m: functools.partial(m.fit, k=m.Mode.A),
    "method of an enum of numbers": lambda m: functools.partial(m.fit, k=m.Level.A),
    "method of an enum of texts": lambda m: functools.partial(m.fit, k=[m.Word.A]),
    "method of flags": lambda m: functools.partial(m.fit, k=m.Rights.A | m.Rights.B),
    "method of a number": lambda m: functools.partial(m.fit, k=m.Metres(1)),
    "method of a base of a class made in a function": lambda m: m.make(m.A)().run,
    "method of a base of a class made by type": lambda m: m.typed(m.A, 1)().run,
}


@pytest.mark.parametrize("what", CLASSES)
def test_the_code_of_what_a_stage_holds_counts(what, project):
    """An edit of a method that what a stage's function holds has, or may be asked for, builds it again."""
    digests = []
    for text in (KINDS, KINDS.replace("* 3", "* 4").replace("return 3", "return 4")):
        project.forget()
        project.write(stages=text)
        digests.append(project.made(CLASSES[what](project.loaded())).digest)
    assert digests[0] != digests[1]


def test_what_code_in_c_keeps_for_itself_is_refused(project):
    """A class over one of a library whose state nobody can ask for has no form that says all of it."""
    project.write(stages=KINDS)
    m = project.loaded()
    with pytest.raises(KeptError, match="no canonical form"):
        project.made(functools.partial(m.fit, m.Dice(1)))
