"""Tables of three libraries come back the same, or are refused with the column that would change."""

from __future__ import annotations

import datetime as dt
import decimal
import signal
import warnings

import numpy as np
import pytest

from kept import errors, formats

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

NAN = float("nan")
HOLIDAYS = pd.offsets.CustomBusinessDay(holidays=["2020-01-02"])
EET = dt.timezone(dt.timedelta(hours=2), "EET")


class Text(str):
    """A str of somebody's own."""

    __slots__ = ()


TWO = pd.MultiIndex.from_arrays([pd.Categorical(["y", "x"], ["y", "x", "w"]), [2, 1]], names=["k", None])
TWO = TWO.set_levels([3, 2, 1], level=1).set_codes([1, 2], level=1)
PRODUCT = pd.MultiIndex.from_product([pd.date_range("2020", periods=2, freq="D"), ["b"]], names=["day", "k"])
KEYS = pd.MultiIndex.from_product([["b", "a"], [1]])
D = decimal.Decimal
KEPT = {
    "numbers": lambda: pd.DataFrame({"a": np.arange(3, dtype="i2"), "b": [0.5, NAN, -0.0]}),
    "text": lambda: pd.DataFrame({"a": ["x", "é", ""]}),
    "missing text": lambda: pd.DataFrame({"a": pd.array(["x", None], dtype="string")}),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical(["x", "y", "x"], ["y", "x"], ordered=True)}),
    "nullable": lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int8"), "b": pd.array([True, None])}),
    "times": lambda: pd.DataFrame({"a": pd.to_datetime(["2020-01-01", None]).tz_localize("Europe/Madrid")}),
    "index": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.Index(["p", "q"], name="id")),
    "two indexes": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])),
    "a frequency": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020", periods=2, freq="2h")),
    "a frequency of a series": lambda: pd.Series([1, 2], index=pd.timedelta_range(0, periods=2, freq="D")),
    "levels in an order of their own": lambda: pd.concat({"train": pd.Series([1, 2]), "test": pd.Series([1, 2])}),
    "levels that are not used": lambda: pd.DataFrame({"a": [1, 2]}, index=TWO)[lambda frame: frame["a"] > 1],
    "no rows of two levels": lambda: pd.DataFrame({"a": [1, 2]}, index=TWO).iloc[:0],
    "a frequency of a level": lambda: pd.DataFrame({"a": [1, 2]}, index=PRODUCT),
    "columns in an order of their own": lambda: pd.DataFrame([[1, 2]], columns=KEYS),
    "sparse range": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(4, 8, 2)),
    "numbered columns": lambda: pd.DataFrame(np.ones((2, 3), "f4")),
    "columns numbered otherwise": lambda: pd.DataFrame(np.ones((2, 2)), columns=pd.RangeIndex(1, 5, 2, name="n")),
    "columns of numbers": lambda: pd.DataFrame(np.ones((2, 2)), columns=pd.Index([0, 1])),
    "no columns": lambda: pd.DataFrame(index=pd.Index(["a", "b"], name="k")),
    "columns of two levels": lambda: pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    "signed nothings": lambda: pd.DataFrame({"a": [NAN, -NAN, -0.0]}),
    "no rows": lambda: pd.DataFrame({"a": np.zeros(0, "i4")}),
    "nothing": pd.DataFrame,
    "attrs": lambda: noted(pd.DataFrame({"a": [1]})),
    "bytes": lambda: pd.DataFrame({"a": [b"x", None]}),
    "series": lambda: pd.Series([1, 2], name="y", index=[3, 4]),
    "unnamed series": lambda: pd.Series(["a", "b"]),
    "polars": lambda: pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1.0], [NAN]]}),
    "polars sorted": lambda: pl.DataFrame({"a": [2, 1, 3], "b": [1, 2, 0], "c": ["x", "z", "y"]}).sort("a"),
    "polars sorted down": lambda: pl.DataFrame({"a": [2, None, 3]}).sort("a", descending=True, nulls_last=True),
    "polars kinds": lambda: pl.DataFrame(
        {"a": [dt.date(2020, 1, 1)], "b": [decimal.Decimal("1.50")], "c": [{"x": 1}], "d": [b"x"]}
    ),
    "polars categories": lambda: pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"]))}),
    "arrow": lambda: pa.table({"a": [1, None], "b": [["x"], []], "c": [NAN, -0.0]}),
    "arrow with notes": lambda: pa.table({"a": pa.array(["x"]).dictionary_encode()}).replace_schema_metadata(
        {"k": "v"}
    ),
}
if int(pa.__version__.partition(".")[0]) < 18:  # older ones lose attrs, so such a table is refused there
    del KEPT["attrs"]
REFUSED = {
    "tuples": lambda: pd.DataFrame({"a": [(1,), (2,)]}),
    "mixed": lambda: pd.DataFrame({"a": [1, "x"]}, dtype=object),
    "ints as objects": lambda: pd.DataFrame({"a": [1, 2]}, dtype=object),
    "same names": lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "a frequency that has no name": lambda: pd.Series([1, 2], index=pd.date_range("2020", periods=2, freq=HOLIDAYS)),
    "another order in cells": lambda: pd.DataFrame({"a": [{"x": 1, "y": 2}, {"y": 2, "x": 1}]}),
    "another type in cells": lambda: pd.DataFrame({"a": [{"x": [1]}, {"x": [0.5]}]}),
    "numbers of numpy in cells": lambda: pd.DataFrame({"a": [{"x": np.int64(1)}]}),
    "text of numpy in cells": lambda: pd.DataFrame({"a": [{"x": np.str_("x")}]}),
    "times of another zone in cells": lambda: pd.DataFrame({"a": [{"x": dt.datetime(2020, 1, 1, tzinfo=EET)}]}),
    "sets in cells": lambda: pd.DataFrame({"a": [{1}, {1.0}]}),
    "decimals of another scale": lambda: pd.DataFrame({"a": [D("1.5"), D("2.25")]}),
    "decimals of another scale in cells": lambda: pd.DataFrame({"a": [{"x": D("1.5")}, {"x": D("2.25")}]}),
    "an index of decimals": lambda: pd.DataFrame({"a": [1, 2]}, index=[D("1.5"), D("2.25")]),
    "a level of decimals": lambda: pd.Series([1, 2], index=pd.MultiIndex.from_product([[D("1.5"), D("2.25")], ["x"]])),
    "an index of other text": lambda: pd.DataFrame({"a": [1]}, index=pd.Index([Text("x")], dtype=object)),
    "a series with a name that is more than text": lambda: pd.Series([1], name=np.str_("y")),
    "attrs that JSON would change": lambda: noted(pd.DataFrame({"a": [1]}), ("m",)),
    "attrs of numpy": lambda: noted(pd.DataFrame({"a": [1]}), np.float64(2)),
    "attrs with an enum": lambda: noted(pd.DataFrame({"a": [1]}), signal.SIGINT),
    "a frequency of columns": lambda: pd.DataFrame(np.ones((1, 2)), columns=pd.date_range("2020", periods=2)),
    "a zone's name": lambda: pd.DataFrame({"a": pd.to_datetime(["2020"]).tz_localize(EET)}),
    "a name that is more than text": lambda: pd.DataFrame({"a": [1]}, index=pd.Index([5], name=Text("id"))),
    "a NaN with a payload": lambda: pd.DataFrame({"a": np.array([0x7FF8000000000123], "u8").view("f8")}),
    "rows without columns": lambda: pa.table({"a": [1, 2]}).select([]),
    "names of several types": lambda: pd.DataFrame({0: [1], "a": [2]}),
    "complex": lambda: pd.DataFrame({"a": [1j]}),
    "a numbered series": lambda: pd.Series([1], name=3),
    "objects": lambda: pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}),
}


def noted(frame, unit="m"):
    frame.attrs = {"unit": unit}
    return frame


def equal_axes(one, other):
    said = [(type(each), each.names, getattr(each, "freq", None)) for each in (one, other)]
    if one.nlevels == 1:
        return said[0] == said[1]
    codes = zip(one.codes, other.codes, strict=True)
    levels = zip(one.levels, other.levels, strict=True)
    return (
        said[0] == said[1]
        and all(np.array_equal(*each) for each in codes)
        and all(left.equals(right) and equal_axes(left, right) for left, right in levels)
    )


def sorted_ways(frame):
    return [(column.flags["SORTED_ASC"], column.flags["SORTED_DESC"]) for column in frame]


def equal(one, other):
    if type(one).__module__.startswith("pandas"):
        check = pd.testing.assert_frame_equal if one.ndim == 2 else pd.testing.assert_series_equal
        check(one, other, check_exact=True, check_index_type=True)
        return one.attrs == other.attrs and all(map(equal_axes, one.axes, other.axes))
    if isinstance(one, pl.DataFrame):
        return one.schema == other.schema and one.equals(other) and sorted_ways(one) == sorted_ways(other)
    return one.schema.equals(other.schema, check_metadata=True) and repr(one.to_pylist()) == repr(other.to_pylist())


@pytest.mark.parametrize("make", KEPT.values(), ids=KEPT)
def test_a_table_comes_back_the_same(tmp_path, make):
    """Values, dtypes, index, names and attributes, to the library that made it; the same bytes each time."""
    value = make()
    path, saved = formats.save_by_value(value, tmp_path / "v")
    back = formats.load("parquet", path, trusted=False)
    assert saved.format == "parquet"
    assert type(back) is type(value)
    assert equal(value, back)
    formats.save(make(), formats.named("parquet"), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_a_table_that_parquet_would_change_is_refused(tmp_path, make):
    """Declared, it ends in a message with a hint; by value it is pickled, or cannot be kept at all."""
    with pytest.raises(errors.DoesNotFit) as told:
        formats.save(make(), formats.named("parquet"), tmp_path / "v.parquet", "a/b")
    assert 'Annotated[..., "pkl"]' in told.value.hint
    if make is not REFUSED["objects"]:
        assert formats.save_by_value(make(), tmp_path / "w")[1].format == "pkl"


def test_names_of_several_types_are_no_warning(tmp_path):
    """By value such a table is pickled, and comes back: Arrow is not heard on what it would have done."""
    value = pd.DataFrame({0: [1], "a": [2]})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        path, saved = formats.save_by_value(value, tmp_path / "v")
    assert (told, saved.format) == ([], "pkl")
    assert list(formats.load("pkl", path, trusted=True).columns) == [0, "a"]


def test_a_refusal_names_the_column(tmp_path):
    """Among many columns the one to mend is named."""
    frame = pd.DataFrame({"a": [1, 2], "b": pd.Series([1, 2], dtype=object)})
    with pytest.raises(errors.DoesNotFit, match="column 'b' of dtype object would not come back the same"):
        formats.save(frame, formats.named("parquet"), tmp_path / "v")


def scanned(folder):
    pl.DataFrame({"a": [1, 2]}).write_csv(folder / "rows.csv")
    return pl.scan_csv(folder / "rows.csv").filter(pl.col("a") > 1)


def dataset_of(folder):
    from pyarrow import dataset, parquet

    parquet.write_table(pa.table({"a": [1]}), folder / "rows.parquet")
    return dataset.dataset(folder / "rows.parquet")


PLANS = {
    "polars": (scanned, "return rows.collect()"),
    "polars in memory": (lambda _: pl.DataFrame({"a": [1]}).lazy(), "return rows.collect()"),
    "in a dict": (lambda folder: {"rows": scanned(folder)}, "return rows.collect()"),
    "arrow": (dataset_of, "return rows.to_table()"),
    "a part of it": (lambda folder: next(dataset_of(folder).get_fragments()), "return rows.to_table()"),
}


@pytest.mark.parametrize(("make", "hint"), PLANS.values(), ids=PLANS)
def test_rows_that_are_read_later_are_refused(tmp_path, make, hint):
    """A plan to read files stays the same when they change, and nothing after it would be built again."""
    with pytest.raises(errors.DoesNotFit, match="is a plan to read rows") as told:
        formats.save_by_value(make(tmp_path), tmp_path / "v")
    assert told.value.hint == hint


def test_rows_that_are_read_later_do_not_fit_a_declared_table(tmp_path):
    """The hint is the same where a table was declared."""
    with pytest.raises(errors.DoesNotFit) as told:
        formats.save(scanned(tmp_path), formats.named("parquet"), tmp_path / "v")
    assert told.value.hint == "return rows.collect()"


def test_summaries_show_columns():
    """Each column with its type, for all three libraries."""
    for value in (pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}), pa.table({"a": [1]})):
        assert ("a", "int64") in [(name, text.lower()) for name, text in formats.summary(value)]
        assert formats.describe(value).endswith("(1, 1)")
