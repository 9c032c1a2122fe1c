"""No two different values share a digest, and equal values have one digest everywhere."""

import datetime as dt
import decimal
import fractions
import math
import os
import struct
import subprocess
import sys
import typing
import uuid
import zoneinfo
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kept.digest import canonical_json, digest_value, encode

# ---- plain values: a reader for the encoding proves that nothing is lost in it


def read(data: bytes) -> object:
    """Read a value back from its encoding."""
    value, rest = _read(data)
    assert rest == b""
    return value


def _read(data: bytes) -> tuple[object, bytes]:
    tag, (length, _, rest) = data[:1], data[1:].partition(b":")
    body, rest = rest[: int(length)], rest[int(length) :]
    plain: dict[bytes, typing.Callable[[bytes], object]] = {
        b"n": lambda _: None,
        b".": lambda _: ...,
        b"b": lambda b: b == b"1",
        b"i": lambda b: int(b, 16),
        b"f": lambda b: math.nan if b == b"nan" else struct.unpack(">d", b)[0],
        b"c": lambda b: complex(*_items(b)),
        b"s": lambda b: b.decode("utf-8", "surrogatepass"),
        b"y": lambda b: b,
        b"t": lambda b: tuple(_items(b)),
        b"l": _items,
        b"d": lambda b: dict(zip(*[iter(_items(b))] * 2, strict=True)),
        b"S": lambda b: set(_items(b)),
        b"F": lambda b: frozenset(_items(b)),
        b"r": lambda b: range(*_items(b)),
        b"L": lambda b: slice(*_items(b)),
    }
    return plain[tag](body), rest


def _items(data: bytes) -> list[typing.Any]:
    found = []
    while data:
        value, data = _read(data)
        found.append(value)
    return found


def same(a: object, b: object) -> bool:
    """Compare as a digest must: 1, 1.0 and True differ, so do 0.0 and -0.0, and a NaN is a NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and _each_in(list(a.items()), list(b.items()))
    if isinstance(a, set | frozenset):
        return len(a) == len(b) and _each_in(list(a), list(b))
    if isinstance(a, range | slice):
        return same((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    return a == b


def _each_in(some: list[object], others: list[object]) -> bool:
    return all(any(same(a, b) for b in others) for a in some)


# A small alphabet, so that values which are nearly equal are drawn often.
NUMBERS = [None, ..., True, False, 0, 1, -1, 10, 16, 0.0, -0.0, 1.0, math.inf, math.nan, 1j, 0j, complex(0, -0.0)]
TEXTS = ["", "0", "1", "i1:1", "n0:", "s", b"", b"0", b"1", "a-b", "c", "\x00", "é", "e\u0301", "\ud800"]
SMALL = st.sampled_from([*NUMBERS, *TEXTS])
WIDE = st.one_of(
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(exclude_categories=[])),
    st.binary(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3)),
)
KEYS = SMALL | WIDE


def _holding(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    few = {"max_size": 3}
    return st.one_of(
        st.lists(inner, **few),
        st.lists(inner, **few).map(tuple),
        st.dictionaries(KEYS, inner, **few),
        st.sets(KEYS, **few),
        st.frozensets(KEYS, **few),
    )


SMALL_VALUES = st.recursive(SMALL, _holding, max_leaves=5)
VALUES = st.recursive(SMALL | WIDE, _holding, max_leaves=12)


@given(VALUES)
def test_an_encoding_can_be_read_back(value):
    """The encoding says all of a value, type and length of every item: what is read from it is the value."""
    assert same(read(encode(value)), value)


@given(SMALL_VALUES, SMALL_VALUES)
def test_two_values_share_a_digest_exactly_if_they_are_the_same(a, b):
    """Neither types nor neighbours run into each other: 1 and "1", ["a-b", "c"] and ["a", "b-c"]."""
    assert (digest_value(a) == digest_value(b)) == same(a, b)


@given(st.lists(st.tuples(KEYS, SMALL), max_size=5))
def test_the_order_of_a_dict_does_not_matter(pairs):
    """Dicts that are equal have one digest, in whatever order they were filled."""
    forward = dict(pairs)
    backward = dict(reversed(list(forward.items())))
    assert encode(forward) == encode(backward)


NOON = dt.datetime(2026, 10, 25, 12)  # noqa: DTZ001  # a parameter without a zone is a value, too


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1, 23], [12, 3]),
        (1, "1"),
        (["a-b", "c"], ["a", "b-c"]),
        ([[1], 2], [[1, 2]]),
        ((1, 2), [1, 2]),
        ({1, 2}, frozenset({1, 2})),
        ({"a": 1}, [("a", 1)]),
        ({1: 2, 3: 4}, {1: 4, 3: 2}),
        (True, 1),
        (1, 1.0),
        (0.0, -0.0),
        (b"a", "a"),
        (None, "None"),
        (..., "..."),
        (range(3), (0, 3, 1)),
        (slice(0, 3), range(3)),
        ("é", "e\u0301"),
        (Path("a/b"), "a/b"),
        (Path("a"), Path("a/b")),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
        (fractions.Fraction(1, 2), 0.5),
        (NOON.date(), NOON),
        (dt.timedelta(1), dt.timedelta(0, 1)),
        (NOON, NOON.replace(fold=1)),
        (NOON, NOON.replace(tzinfo=dt.UTC)),
        (
            NOON.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
            NOON.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
        ),
        pytest.param(
            dt.timezone(dt.timedelta(hours=1), "local"),
            dt.timezone(dt.timedelta(hours=2), "local"),
        ),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
    ],
    ids=repr,
)
def test_what_others_confuse_is_told_apart(a, b):
    """Pairs that other tools give one hash, or that equality confuses, have two digests."""
    assert digest_value(a) != digest_value(b)
    assert digest_value([a, b]) != digest_value([b, a])


def test_deep_nesting_has_a_digest():
    """A value may be nested as deeply as configuration ever is."""
    deep: object = 0
    for _ in range(150):
        deep = [deep]
    assert digest_value(deep) != digest_value([deep])


# ---- the same in every process

SAMPLES = """
import datetime, decimal, enum, dataclasses, pathlib, typing
from kept.digest import digest_value

class Colour(enum.Enum):
    RED = "red"

@dataclasses.dataclass(frozen=True)
class Config:
    names: frozenset = frozenset({"a", "b", "c"})
    extra: typing.Any = None

samples = [
    {"b", "a", "c", "d"}, frozenset({"x", "y", b"z"}), {"k": {"v", "w"}, "j": [{"u", "t"}]}, Config(),
    Config(extra={Colour.RED: {"p", "q"}}), Colour.RED, {("a", 1), ("b", 2)}, {"a": 1, "b": 2, "c": 3},
    decimal.Decimal("1.10"), datetime.timedelta(1), pathlib.Path("a/b"), "text", 1.5, None,
]
print([digest_value(sample) for sample in samples])
"""


def _digests(seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", SAMPLES]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_digests_are_the_same_under_every_hash_seed():
    """Python salts hash() in each process; a digest never sees it, in sets and in keys of dicts either."""
    first = _digests("0")
    assert first.startswith("['")
    assert {_digests("1"), _digests("424242"), _digests("random")} == {first}


def test_the_encoding_is_as_written_down():
    """An encoding that changes is another scheme: these bytes stay, or SCHEME grows."""
    assert encode([1, -10, "é", None, True, 0.5, {"b": 2, "a": 1}]) == (
        b"l52:i1:1i2:-as2:\xc3\xa9n0:b1:1f8:?\xe0\x00\x00\x00\x00\x00\x00d16:s1:ai1:1s1:bi1:2"
    )


@given(st.floats(allow_nan=True))
def test_every_nan_is_one_value(number):
    """Whatever bits a NaN has, it is not a number; all other floats keep their bits."""
    odd = struct.unpack(">d", b"\x7f\xf8\x00\x00\x00\x00\x00\x01")[0]
    assert encode(odd) == encode(math.nan)
    assert (encode(number) == encode(math.nan)) == math.isnan(number)


def test_canonical_json_is_written_in_one_way():
    """Sorted, ASCII, without spaces; what JSON has no number for is refused."""
    assert canonical_json({"b": [1, "é"], "a": None}) == b'{"a":null,"b":[1,"\\u00e9"]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": math.nan})
