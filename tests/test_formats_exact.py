"""A value comes back the same, or is refused: never something in between."""

from __future__ import annotations

import collections
import contextlib
import enum
import math
import pathlib
import sqlite3
import struct
import tempfile
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kept import errors, formats
from kept.formats import plain


class Colour(enum.StrEnum):
    RED = "red"


class Name(str):
    __slots__ = ()


class Count(int):
    pass


Pair = collections.namedtuple("Pair", "left right")


def same(one: Any, other: Any) -> bool:
    """Compare as Python cannot: types at every depth, the order of dicts, the sign of zero; one NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.dtype.isnative == other.dtype.isnative
        assert one.shape == other.shape
        return one.dtype.hasobject or one.tobytes() == other.tobytes()
    return bool(one == other)


def round_trip(value: Any, folder: Any) -> tuple[Any, formats.Saved]:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path, saved = formats.save_by_value(value, pathlib.Path(place, "value"))
        back = formats.load(saved.format, path)
        return (np.array(back) if type(back) is np.ndarray else back), saved


atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.sampled_from([Name("x"), Count(3), Colour.RED, np.float64(1.5), np.int64(2), np.str_("a"), b"bytes", 1 + 2j])
)
nested = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.none() | st.booleans(), inner, max_size=3)
        | st.builds(Pair, inner, inner)
        | st.dictionaries(st.sampled_from(["b", "a", "c"]), inner)
    ),
    max_leaves=8,
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(nested)
def test_any_plain_value_comes_back_the_same(tmp_path, value):
    """Whatever format is chosen for a value, what is loaded has its type, its order and its bits."""
    back, _ = round_trip(value, tmp_path)
    assert same(value, back)


@quick
@given(nested)
def test_json_declared_is_exact_but_for_numpy_scalars(tmp_path, value):
    """A declared JSON refuses what it would change; only numpy's scalars become Python's, as the declaration says."""
    path = tmp_path / "value.json"
    try:
        formats.save(value, formats.named("json"), path)
    except errors.DoesNotFit:
        assert not plain.fits(value)
        return
    assert same(plain.plain(value, declared=True), formats.load("json", path))


@quick
@given(
    hnp.arrays(hnp.array_dtypes(max_size=3) | hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
)
def test_any_array_comes_back_the_same(tmp_path, array):
    """Every dtype, byte order and shape, structured, empty and scalar ones included."""
    back, _ = round_trip(array, tmp_path)
    assert same(array, back)


@pytest.mark.parametrize(
    ("value", "format_"),
    [
        (0.5, "json"),
        (float("nan"), "json"),
        (-float("inf"), "json"),
        ({"b": 1, "a": [None, "é"]}, "json"),
        (10**4000, "json"),
        ([10**5000], "pkl"),
        ((1, 2), "pkl"),
        ({1: "a"}, "pkl"),
        ({Name("x"): 1}, "pkl"),
        ({str(number): [number] for number in range(20_000, 0, -1)}, "json"),
        ("\ud800\udc00", "pkl"),
        (Name("x"), "pkl"),
        (np.float64(0.5), "pkl"),
        ([np.int64(3)], "pkl"),
        (np.arange(3), "npy"),
        (np.array([None]), "pkl"),
        (np.array("x", object), "pkl"),
        (np.ma.array([1, 2], mask=[0, 1]), "pkl"),
        (np.zeros(2, np.dtype("i4", metadata={"unit": "m"})), "pkl"),
        (np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)), "pkl"),
        (np.zeros(2, np.dtype([("a", "i1"), ("b", ">f8")])), "npy"),
        (np.array(["2020-01-01"], "M8[D]"), "npy"),
        (np.zeros(2, np.dtype((np.record, [("a", "i4")]))), "pkl"),
        (np.zeros(2, [("b", np.dtype((np.record, [("a", "i4")])))]), "pkl"),
    ],
)
def test_the_format_that_a_value_gets(tmp_path, value, format_):
    """The table of choices by value, with the cases that a careless format would change."""
    back, saved = round_trip(value, tmp_path)
    assert (saved.format, formats.for_value(value).name) == (format_, format_)
    assert type(back) is type(value)
    if not isinstance(value, np.ndarray):
        assert same(value, back)


def test_a_nan_with_a_payload_is_not_flattened(tmp_path):
    """JSON has one NaN; a value that carries data in its NaN goes elsewhere."""
    odd = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000123))[0]
    back, saved = round_trip(odd, tmp_path)
    assert saved.format == "pkl"
    assert struct.pack("<d", back) == struct.pack("<d", odd)


def test_numpy_scalars_of_a_declared_json_become_pythons(tmp_path):
    """`-> float` with a float64 inside is usual, and the declared type says what is wanted."""
    value = {"accuracy": np.float64(0.5), "n": np.int32(3), "ok": np.bool_(True), "small": np.float32(0.1)}
    formats.save(value, formats.named("json"), tmp_path / "v.json")
    back = formats.load("json", tmp_path / "v.json")
    assert back == {"accuracy": 0.5, "n": 3, "ok": True, "small": float(np.float32(0.1))}
    assert [type(item) for item in back.values()] == [float, int, bool, float]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": {1: 2}}, "the key 1 at ['a'] is int and would come back as str"),
        ([1, (2,)], "a tuple at [1] would come back as a list"),
        ([np.longdouble(1)], "numpy.longdouble at [0] is not a JSON type"),
        (Count(3), "Count is not a JSON type"),
        ([[np.arange(2)]], "numpy.ndarray at [0][0] is not a JSON type"),
    ],
)
def test_a_refusal_names_the_place(tmp_path, value, reason):
    """The message says which part of the value does not fit, and the artifact that it should have become."""
    with pytest.raises(errors.DoesNotFit) as refused:
        formats.save(value, formats.named("json"), tmp_path / "v.json", "mnist/accuracy")
    assert reason in str(refused.value)
    assert refused.value.what == "mnist/accuracy does not fit its format"
    assert refused.value.hint


def test_a_value_that_contains_itself_is_refused_not_followed(tmp_path):
    """A loop ends in a message where JSON was declared, and in a pickle where nothing was."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(errors.DoesNotFit, match="contains itself"):
        formats.save(loop, formats.named("json"), tmp_path / "v.json")
    assert formats.for_value(loop).name == "pkl"


def test_arrays_load_mapped_and_read_only(tmp_path):
    """A loaded array is read where it is used and cannot change the file it came from."""
    path = tmp_path / "a"
    formats.save(np.arange(6).reshape(2, 3), formats.named("npy"), path)
    back = formats.load("npy", path)
    assert type(back) is np.ndarray
    assert isinstance(back.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        back[0, 0] = 1


@pytest.mark.parametrize("array", [np.ones((0, 3)), np.array(3.5), np.asfortranarray(np.ones((2, 3))), np.ones(4)[::2]])
def test_odd_arrays_are_read_only_and_keep_their_order(tmp_path, array):
    """Empty and scalar arrays, Fortran order; the strides of a slice are the one thing not kept."""
    formats.save(array, formats.named("npy"), tmp_path / "a.npy")
    back = formats.load("npy", tmp_path / "a.npy")
    assert same(array, np.array(back))
    assert not back.flags.writeable
    assert back.flags.f_contiguous == (array.flags.f_contiguous or array.ndim < 2)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="only there 80 bits lie in more")
@pytest.mark.parametrize(
    ("dtype", "rest"),
    [
        ("g", slice(10, None)),
        (np.dtype("g").newbyteorder(), slice(0, -10)),
        ("G", slice(26, None)),
        ([("a", "i1"), ("b", "g")], slice(11, None)),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_bytes_that_mean_nothing_are_not_kept(tmp_path, dtype, rest, order):
    """Numbers of 80 bits lie in more: equal arrays give equal files, whatever is left in the rest."""
    written = []
    for chance in (0, 0xA5):
        array = np.zeros((2, 3), dtype, order=order)
        array["b" if array.dtype.names else ...] = 1.5
        flat = (array.T if order == "F" else array).reshape(-1)
        flat.view("u1").reshape(6, -1)[:, rest] = chance
        formats.save(array, formats.named("npy"), tmp_path / str(chance))
        back = formats.load("npy", tmp_path / str(chance))
        assert (back.dtype, back.flags.f_contiguous) == (array.dtype, array.flags.f_contiguous)
        assert np.array_equal(back, array)
        written.append((tmp_path / str(chance)).read_bytes())
    assert written[0] == written[1]


def test_what_cloudpickle_would_make_into_something_else_is_refused(tmp_path):
    """An open file would come back as text, a view of memory as bytes; at any depth."""
    (tmp_path / "text").write_text("x")
    with (tmp_path / "text").open() as file:
        for value in (file, [file]):
            with pytest.raises(errors.DoesNotFit, match="an open file would come back as text"):
                formats.save_by_value(value, tmp_path / "v")
    for value in (memoryview(b"x"), {"a": (memoryview(b"x"),)}):
        with pytest.raises(errors.DoesNotFit, match="a memoryview would come back as bytes"):
            formats.save_by_value(value, tmp_path / "v")


def test_a_file_that_the_stage_made_is_copied(tmp_path):
    """The copy has the bytes; the original stays, it may be somebody's input."""
    (tmp_path / "plot").write_bytes(b"png")
    saved = formats.save(tmp_path / "plot", formats.named("file.png"), tmp_path / "kept.png")
    assert (saved.format, saved.kind) == ("file.png", "file")
    assert formats.load("file.png", tmp_path / "kept.png").read_bytes() == (tmp_path / "plot").read_bytes() == b"png"


@pytest.mark.parametrize(
    ("mode", "end"), [("wal", "-wal"), ("delete", "-journal"), ("truncate", "-journal"), ("persist", "-journal")]
)
def test_a_database_that_is_still_open_is_refused(tmp_path, mode, end):
    """SQLite has a part of it in another file until it is closed; one that is done with may stay there."""
    place, form = tmp_path / "data.sqlite", formats.named("file.sqlite")
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as db:
        db.execute(f"pragma journal_mode={mode}")
        db.execute("create table t (x)")
        db.execute("pragma cache_size=1")
        db.execute("begin")
        db.executemany("insert into t values (?)", [(n,) for n in range(9999)])
        with pytest.raises(errors.DoesNotFit, match=f"a part of it is in data.sqlite{end}"):
            formats.save(place, form, tmp_path / "kept.sqlite")
        db.execute("commit")
        if mode != "wal":
            formats.save(place, form, tmp_path / "kept.sqlite")
    assert (tmp_path / f"data.sqlite{end}").exists() == (mode in ("persist", "truncate"))
    formats.save(place, form, tmp_path / "kept.sqlite")
    with contextlib.closing(sqlite3.connect(tmp_path / "kept.sqlite")) as db:
        assert db.execute("select count(*) from t").fetchone() == (9999,)


def test_a_folder_that_the_stage_made_is_copied_without_links(tmp_path):
    """A folder is kept with its files; a link in it has no bytes of its own."""
    (tmp_path / "out" / "in").mkdir(parents=True)
    (tmp_path / "out" / "in" / "a").write_text("a")
    formats.save(tmp_path / "out", formats.named("file"), tmp_path / "kept")
    assert (tmp_path / "kept" / "in" / "a").read_text() == "a"
    (tmp_path / "out" / "b").symlink_to(tmp_path)
    with pytest.raises(errors.DoesNotFit, match="b in it is a link"):
        formats.save(tmp_path / "out", formats.named("file"), tmp_path / "again")


def test_a_folder_around_the_artifacts_is_refused(tmp_path):
    """Copied into itself it would have no end."""
    (tmp_path / "artifacts").mkdir()
    with pytest.raises(errors.DoesNotFit, match="is where the artifacts lie"):
        formats.save(tmp_path, formats.named("file"), tmp_path / "artifacts" / "kept")
    assert not list((tmp_path / "artifacts").iterdir())


def test_a_path_to_nothing_is_refused(tmp_path):
    """A stage that returns a path must have written there."""
    with pytest.raises(errors.DoesNotFit, match="there is no file"):
        formats.save(tmp_path / "no", formats.named("file"), tmp_path / "kept")
