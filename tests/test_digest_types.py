"""Types count in a digest, and what has no canonical form is refused."""

import collections
import copy
import dataclasses
import enum
import functools
import os
import re
import typing
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from kept import errors
from kept.digest import digest_value, encode

# ---- named types


class Colour(enum.Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1  # noqa: PIE796  # an alias is meant


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    RED = "red"


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass(frozen=True)
class Config:
    epochs: int = 1
    rate: float = 0.1


@dataclasses.dataclass(frozen=True)
class Other:
    epochs: int = 1
    rate: float = 0.1


@dataclasses.dataclass
class Loose:
    epochs: int = 1

    @functools.cached_property
    def double(self):
        return 2 * self.epochs


def test_what_was_put_beside_the_fields_counts():
    """A method sees an attribute that is no field; what a cached property keeps says nothing new."""
    plain, more, other, used = Loose(), Loose(), Loose(), Loose()
    more.rate, other.rate = 1, 2
    assert used.double == 2
    assert len({digest_value(one) for one in (plain, more, other)}) == 3
    assert digest_value(used) == digest_value(plain)


class Pair(typing.NamedTuple):
    epochs: int = 1
    rate: float = 0.1


NAMED = [
    Colour.RED,
    Colour.GREEN,
    Level.LOW,
    Word.RED,
    Flags.A,
    Flags.A | Flags.B,
    Config(),
    Config(epochs=2),
    Config(epochs=1.0),
    Other(),
    Pair(),
    (1, 0.1),
    {"epochs": 1, "rate": 0.1},
    1,
    "red",
    Path("x"),
    Path("y"),
    np.int64(1),
    np.int32(1),
    np.float64(1),
    np.bool_(True),
    np.array(1),
    np.array([1]),
    np.array([[1]]),
    np.array([1], dtype="i4"),
    np.array([1], dtype=">i8"),
    np.array([1, 2]),
    np.array([[1, 2]]),
    np.array([[1], [2]]),
    np.array([1.0, 2.0]),
    np.array(["a", "b"]),
    np.array(["ab", ""]),
    np.array(["a", "b"], dtype=object),
    np.array(["a", "b"], dtype="S1"),
    np.array(["2026-01-01"], dtype="M8[D]"),
    np.array(["2026-01-01"], dtype="M8[s]"),
    np.array([(1, 2)], dtype=[("x", "i4"), ("y", "i4")]),
    np.array([(1, 2)], dtype=[("y", "i4"), ("x", "i4")]),
    np.zeros(0),
    np.zeros((0, 3)),
]


def test_types_that_look_alike_are_told_apart():
    """Enums, dataclasses, tuples, scalars and arrays carry their type, dtype and shape."""
    digests = [digest_value(value) for value in NAMED]
    assert len(set(digests)) == len(NAMED)


def test_an_alias_of_an_enum_member_is_the_member():
    """Two names of one member are one value."""
    assert digest_value(Colour.CRIMSON) == digest_value(Colour.RED)


def test_equal_arrays_have_one_digest_whatever_their_layout_in_memory():
    """Strides, order and ownership say nothing about an array."""
    array = np.arange(12, dtype="f8").reshape(3, 4)
    wide = np.zeros((6, 8))
    wide[::2, ::2] = array
    for equal in (np.asfortranarray(array), wide[::2, ::2], array.T.copy().T, array.copy()):
        assert digest_value(equal) == digest_value(array)
    readonly = array.copy()
    readonly.flags.writeable = False
    assert digest_value(readonly) == digest_value(array)


def test_objects_in_arrays_are_told_apart_by_the_names_of_their_fields():
    """A structured array of objects is more than the tuples in it."""
    a = np.array([(1,)], dtype=[("a", object)])
    b = np.array([(1,)], dtype=[("b", object)])
    assert digest_value(a) != digest_value(b)


# ---- refusals


@dataclasses.dataclass
class Holder:
    value: object


def _loop() -> list[object]:
    loop: list[object] = []
    loop.append([loop])
    return loop


@pytest.mark.parametrize(
    "value",
    [
        object(),
        len,
        lambda: 0,
        Config,
        open,
        iter([]),
        type("Sub", (int,), {})(1),
        type("Sub", (str,), {})("a"),
        type("Sub", (dict,), {})(),
        memoryview(b"a"),
        collections.Counter("aab"),
        type("Sub", (functools.partial,), {})(print, 1),
        functools.partial(lambda: 0),
        PurePosixPath("a"),
        os,
        np.ma.array([1], mask=[True]),
        np.random.default_rng(0),
        np.dtype("O"),
        np.array([object()], dtype=object),
        Holder(object()),
        [{"a": (1, object())}],
        {object()},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_canonical_form_is_refused(value):
    """No repr and no pickle stands in for content: an error says the type and what to pass instead."""
    with pytest.raises(errors.KeptError, match="no canonical form") as caught:
        encode(value)
    assert caught.value.hint
    assert dict(caught.value.facts)["type"]


HOLDERS = [
    re.compile("a+"),
    re.compile(b"a+"),
    re.compile("a+", re.IGNORECASE),
    re.compile("a"),
    collections.OrderedDict(a=1, b=2),
    collections.OrderedDict(b=2, a=1),
    {"a": 1, "b": 2},
    bytearray(b"a"),
    b"a",
    np.dtype("f4"),
    np.dtype(">f4"),
    np.dtype([("a", "u1"), ("b", "f4")]),
    np.dtype([("a", "u1"), ("b", "f4")], align=True),
    "<f4",
    functools.partial(print, 1),
    functools.partial(print, 2),
    functools.partial(print, end=1),
    functools.partial(print, end=1, sep=2),
    functools.partial(len, 1),
    (print, 1),
]


def test_what_is_all_in_what_it_holds():
    """Patterns, partials, ordered dicts, bytearrays, dtypes: as another of the same content, and as nothing else."""
    names = [digest_value(value, lambda code: code.__name__, ordered=True) for value in HOLDERS]
    assert len(set(names)) == len(HOLDERS)
    again = [digest_value(copy.deepcopy(value), lambda code: code.__name__, ordered=True) for value in HOLDERS]
    assert again == names


def test_a_value_that_contains_itself_is_refused():
    """A loop has no end, so it has no encoding; the same value twice beside itself is no loop."""
    with pytest.raises(errors.KeptError, match="contains itself"):
        encode(_loop())
    twice = [1]
    assert encode([twice, twice]) == encode([[1], [1]])


def test_an_absolute_path_is_refused():
    """A path that names a place on one machine would give every machine its own key."""
    with pytest.raises(errors.KeptError, match="absolute path"):
        encode({"x": Path("/tmp/x")})


def test_code_in_a_value_is_named_by_the_caller():
    """Who knows fingerprints says what names a function; nothing else is asked."""
    asked = []

    def code(function: object) -> str:
        asked.append(function)
        return "abc"

    assert encode([len, 1], code) != encode(["abc", 1], code)
    assert asked == [len]
    with pytest.raises(errors.KeptError):
        encode(object(), code)
