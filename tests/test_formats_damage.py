"""A damaged file of any format ends in one message, never in a traceback or a crash."""

from __future__ import annotations

import random

import numpy as np
import pytest
from store_rubbish import mangled

from kept import errors, formats

VALUES = {
    "json": lambda: {"a": [1, 2.5, None]},
    "npy": lambda: np.arange(300.0).reshape(3, 100),
    "pkl": lambda: {("a", 1): {1, 2, 3}},
    "parquet": lambda: pytest.importorskip("pandas").DataFrame({"a": range(50), "b": ["x"] * 50}),
    "skops": lambda: pytest.importorskip("sklearn.linear_model").LogisticRegression().fit([[0], [1]], [0, 1]),
}


@pytest.fixture(scope="module", params=sorted(VALUES))
def good(request, tmp_path_factory):
    """Save one value in each format; give the format's name, the bytes and a place to damage them."""
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    if request.param == "skops":
        pytest.importorskip("skops")
    folder = tmp_path_factory.mktemp("damage")
    path = folder / f"v.{request.param}"
    formats.save(VALUES[request.param](), formats.named(request.param), path)
    return request.param, path.read_bytes(), folder / "damaged"


def attempt(name, data, path):
    """Load damaged bytes: a value or a ``KeptError`` are the only ends allowed."""
    path.write_bytes(data)
    told = None
    try:
        formats.load(name, path, artifact="a/b")
    except errors.KeptError as problem:
        told = problem
    assert told is None or (("file", path) in told.facts and told.hint)
    return told is None


def test_a_truncated_file_is_told(good):
    """Every cut, the empty file included, is noticed."""
    name, data, path = good
    for length in {0, 1, len(data) // 4, len(data) // 2, len(data) - 2}:
        assert not attempt(name, data[:length], path), length


def test_garbage_is_told(good):
    """Bytes of no format at all."""
    name, _, path = good
    chance = random.Random(0)
    for size in (1, 10, 1000):
        attempt(name, chance.randbytes(size), path)
    assert not attempt(name, b"\x00" * 64, path)


# A mangled pickle is another program, which may do anything: its digest is what keeps it from being read.
MANGLED = {"json": 5000, "npy": 4000, "parquet": 800, "skops": 200, "pkl": 0}


def test_mangled_bytes_never_crash(good):
    """They are told, or load as something else: catching those is the business of the store's digests."""
    name, data, path = good
    chance = random.Random(1)
    read = sum(attempt(name, mangled(data, chance), path) for _ in range(MANGLED[name]))
    assert read < MANGLED[name] or name == "pkl"


def test_a_missing_file_is_not_a_damaged_one(good):
    """What the system says of a file is told as such: it may be there tomorrow."""
    name, _, path = good
    with pytest.raises(errors.KeptError, match="cannot be read") as told:
        formats.load(name, path.with_name("none"))
    assert not isinstance(told.value, errors.Damaged)


def test_bytes_behind_an_array_are_told(tmp_path):
    """A file longer than its array is not that array."""
    np.save(tmp_path / "a.npy", np.ones(3))
    assert not attempt("npy", (tmp_path / "a.npy").read_bytes() + b"x", tmp_path / "a.npy")


def test_a_class_that_is_gone_is_told(tmp_path):
    """A pickle that names a class which was renamed since says so, and that it is to be built again."""
    (tmp_path / "v").write_bytes(b"\x80\x04\x8c\x04json\x8c\x07Nowhere\x93.")
    with pytest.raises(errors.Damaged, match="Nowhere") as caught:
        formats.load("pkl", tmp_path / "v")
    assert "build it again" in caught.value.hint
