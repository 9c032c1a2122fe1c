"""A lean dataclass is what the standard library makes of the same class, and is compiled when one is made."""

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
from typing import ClassVar

import pytest

import kept
from kept import lean


@pytest.fixture(params=[0, lean._FEW], ids=["compiled", "not compiled"], autouse=True)
def _few(request, monkeypatch):
    """See to both: what a few values are made by, and what many are."""
    monkeypatch.setattr(lean, "_FEW", request.param)


class Plain:
    """Fields of all sorts."""

    kind: ClassVar[str] = "plain"
    name: str
    size: "int | float"
    default: int = 3
    words: list = dataclasses.field(default_factory=list)

    def doubled(self) -> float:
        """Use a field."""
        return 2 * self.size


class One:
    """A single field."""

    x: object


def pair(written, **asked):
    """Make a class in both ways."""

    def again():
        return type(
            written.__name__, (), {k: v for k, v in vars(written).items() if k not in ("__dict__", "__weakref__")}
        )

    return lean.dataclass(**asked)(again()), dataclasses.dataclass(**asked)(again())


ALL = [{}, {"frozen": True}, {"frozen": True, "slots": True}, {"frozen": True, "eq": False}, {"slots": True}]


@pytest.mark.parametrize("asked", ALL, ids=str)
@pytest.mark.parametrize("values", [("a", 1), ("a", 1.5, 4), ("b", 2, 5, [1])], ids=str)
def test_values_are_as_the_library_makes_them(asked, values):
    """Fields, defaults, factories, methods, text, comparison, hashing."""
    ours, theirs = (made(*values) for made in pair(Plain, **asked))
    assert repr(ours).partition("(")[2] == repr(theirs).partition("(")[2]
    assert [getattr(ours, name) for name in type(ours).__match_args__] == list(dataclasses.astuple(theirs))
    assert (ours.doubled(), ours.kind, type(ours).__match_args__) == (
        theirs.doubled(),
        "plain",
        type(theirs).__match_args__,
    )
    for value in (ours, theirs):
        same, other = type(value)(*values), type(value)("c", *values[1:])
        assert (value == same, value == other, value == values) == (asked.get("eq", True), False, False)
        assert hasattr(value, "__dict__") is not asked.get("slots", False)
    assert type(ours)("a", 1).words is not type(ours)("a", 1).words
    assert (type(ours).__hash__ is None) == (type(theirs).__hash__ is None)


@pytest.mark.parametrize("asked", [asked for asked in ALL if asked.get("frozen")], ids=str)
def test_a_frozen_value_stays_as_it_is(asked):
    """Neither set nor deleted, in the library's own words; equal ones hash alike."""
    ours, theirs = pair(One, **asked)
    for value in (ours(1), theirs(1)):
        with pytest.raises(dataclasses.FrozenInstanceError, match="'x'"):
            value.x = 2
        with pytest.raises(dataclasses.FrozenInstanceError):
            del value.x
        assert value.x == 1
    assert hash(ours((1, "a"))) == hash(theirs((1, "a"))) or not asked.get("eq", True)
    with pytest.raises(TypeError):
        ours()


def test_the_library_knows_it():
    """`replace`, `fields`, `asdict` and `is_dataclass` take it for what it looks like."""
    ours, theirs = pair(Plain, frozen=True, slots=True)
    value = dataclasses.replace(ours("a", 1), size=2)
    assert dataclasses.asdict(value) == {"name": "a", "size": 2, "default": 3, "words": []}
    assert dataclasses.is_dataclass(ours)
    assert [(f.name, f.type) for f in dataclasses.fields(ours)] == [
        (f.name, f.type) for f in dataclasses.fields(theirs)
    ]


def test_what_is_asked_of_a_field_beyond_a_default_is_the_librarys():
    """A field that does not count for equality."""
    ours, _ = pair(type("Some", (), {"__annotations__": {"x": int}, "x": dataclasses.field(default=0, compare=False)}))
    assert ours(1) == ours(2)


def test_nothing_is_compiled_for_a_few_values(monkeypatch):
    """That is all that it is for."""
    monkeypatch.setattr(lean, "_init", lambda *_args, **_kwargs: pytest.fail("compiled"))
    made, _ = pair(Plain, frozen=True, slots=True)
    values = [made("a", size=number) for number in range(lean._FEW)]
    assert [value.size for value in values] == list(range(lean._FEW))
    with pytest.raises(pytest.fail.Exception):
        made("a", 1)


@pytest.mark.parametrize("given", [((), {}), (("a",), {}), (("a", 1, 2, [], 4), {}), (("a",), {"name": "b"})], ids=str)
def test_arguments_that_do_not_fit_are_refused_as_by_the_library(given):
    """Too few, too many, one twice, an unknown one: in the same words."""
    args, kwargs = given
    told = []
    for made in pair(Plain, frozen=True):
        with pytest.raises(TypeError) as problem:
            made(*args, **kwargs)
        told.append(str(problem.value).rpartition("__init__")[2])
    assert told[0] == told[1]


def lean_classes():
    """Yield the classes of the engine that are made so."""
    for module in pkgutil.walk_packages(kept.__path__, "kept."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if cls.__module__ == module.name and isinstance(vars(cls).get("__dataclass_fields__"), lean._Fields):
                yield cls


CLASSES = list(lean_classes())


def test_there_are_many():
    """Or the next test says nothing."""
    assert len(CLASSES) > 50


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__qualname__}")
def test_each_is_a_proper_dataclass(cls):
    """The library makes one of it, with these fields; it can be made, copied and pickled as it is."""
    fields = dataclasses.fields(cls)
    assert tuple(field.name for field in fields) == cls.__match_args__
    assert [
        base for base in cls.__mro__[1:] if "__annotations__" in vars(base) and base.__module__.startswith("kept")
    ] == []
    if "__post_init__" in vars(cls):  # asks more of its fields than numbers
        return
    value = cls(*range(len(fields)))
    assert dataclasses.replace(value) is not value
    for again in (copy.copy(value), pickle.loads(pickle.dumps(value))):
        assert [getattr(again, name) for name in cls.__match_args__] == list(range(len(fields)))
