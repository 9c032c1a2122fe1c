"""Tables of pandas, polars and Arrow as .parquet files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import levels
from .libraries import library
from .protocol import Unfit
from .shipped import TABLES

_MARK = "kept.table"  # a key in the file's own notes; its value says to which library a table goes back
_COLUMNS = "kept.columns"  # another: start, stop and step of numbered columns, which Arrow would write out
_FREQ = "kept.freq"  # the frequency of the index, which pandas does not give to Arrow
_LEVELS = "kept.levels"  # the levels of an index of several
_SORTED = "kept.sorted"  # of each column of polars whether it is known to be sorted, and how: one of _WAYS
_WAYS = {"+": "SORTED_ASC", "-": "SORTED_DESC"}
_HINT = 'convert what differs before returning it, or declare the format: Annotated[..., "pkl"]'


class Parquet:
    """Tables, each going back to the library it came from; what Parquet would change does not fit.

    Every table is read back after writing and compared: values, column types, index, names, attributes. To pandas
    there is one NaN: its sign is not kept, one with a payload does not fit.
    """

    def save(self, value: Any, path: Path) -> None:
        """Write ``value``, read it back and compare."""
        kind = type(value)
        if f"{kind.__module__}.{kind.__qualname__}" not in TABLES:
            raise Unfit(f"{kind.__module__}.{kind.__qualname__} is not a table of pandas, polars or Arrow")
        library = kind.__module__.split(".")[0]
        try:
            _WRITERS[library](value, path)
            back = self.load(path)
            differs = _COMPARERS[library](value, back) if type(back) is kind else "its type"
        except (OSError, Unfit):
            raise
        except Exception as problem:  # noqa: BLE001  # a cell may hold any object, and raise what it likes
            raise Unfit(f"Parquet cannot keep it: {'; '.join(map(str, problem.args))}", _HINT) from None
        if differs:
            raise Unfit(f"{differs} would not come back the same from Parquet", _HINT)

    def load(self, path: Path) -> Any:
        """Read a table, for the library that made it."""
        mark, known = _marked(path)
        if mark == "polars.DataFrame":
            with path.open("rb") as file:
                return _flagged(library("polars", "polars").read_parquet(file), known)
        table = library("pyarrow.parquet", "pyarrow").ParquetFile(path).read()
        notes = dict(table.schema.metadata or {})
        notes.pop(_MARK.encode(), None)
        if mark == "pyarrow.Table":
            return table.replace_schema_metadata(notes or None)
        columns, freq, ordered = (notes.pop(note.encode(), b"").decode() for note in (_COLUMNS, _FREQ, _LEVELS))
        pandas = library("pandas", "pandas")
        frame = table.replace_schema_metadata(notes or None).to_pandas()
        if columns:
            frame.columns = pandas.RangeIndex(*map(int, columns.split()), name=frame.columns.name)
        if freq:
            frame.index.freq = freq
        if ordered:
            levels.restore(frame, ordered)
        if mark.startswith("pandas.Series"):
            series = frame.iloc[:, 0]
            return series if mark == "pandas.Series" else series.rename(None)
        return frame


def _marked(path: Path) -> tuple[str, str]:
    """Return which library's table a file holds and what is sorted; polars may be there without pyarrow."""
    try:
        notes = library("pyarrow.parquet", "pyarrow").read_metadata(path).metadata or {}
        return notes.get(_MARK.encode(), b"").decode(), notes.get(_SORTED.encode(), b"").decode()
    except Unfit:
        polars = library("polars", "polars")
        with path.open("rb") as file:
            notes = polars.read_parquet_metadata(file)
        return notes.get(_MARK, ""), notes.get(_SORTED, "")


def _write_arrow(value: Any, path: Path) -> None:
    _write_table(value, path, {_MARK: "pyarrow.Table"})


def _write_table(table: Any, path: Path, notes: dict[str, str]) -> None:
    said = {name: text for name, text in notes.items() if text}
    library("pyarrow.parquet", "pyarrow").write_table(
        table.replace_schema_metadata({**(table.schema.metadata or {}), **said}),
        path,
        use_compliant_nested_type=False,  # else the items of lists come back under another name
    )


def _write_pandas(value: Any, path: Path) -> None:
    mark, columns = "pandas.DataFrame", getattr(value, "columns", value)
    numbered = f"{columns.start} {columns.stop} {columns.step}" if type(columns).__name__ == "RangeIndex" else ""
    if getattr(columns, "nlevels", 2) == 1 and getattr(columns, "inferred_type", "").startswith("mixed"):
        raise Unfit("its columns have names of several types", _HINT)  # Arrow would warn of what nobody is given
    if type(value).__name__ == "Series":
        mark = "pandas.Series" if value.name is not None else "pandas.Series unnamed"
        if type(value.name) not in (str, type(None)):
            raise Unfit(f"the name {value.name!r} of a series is not str", _HINT)
        attrs, value = value.attrs, value.to_frame("values" if value.name is None else value.name)
        value.attrs = attrs
    freq = value.index.freqstr if type(value.index).__name__ in ("DatetimeIndex", "TimedeltaIndex") else None
    table = library("pyarrow.lib", "pyarrow").Table.from_pandas(value)
    notes = {_MARK: mark, _COLUMNS: numbered, _FREQ: freq or "", _LEVELS: levels.said(value)}
    _write_table(table, path, notes)


def _write_polars(value: Any, path: Path) -> None:
    ways = "".join(_way(column) for column in value.get_columns())
    notes = {_MARK: "polars.DataFrame"} | ({_SORTED: ways} if ways.strip(".") else {})
    value.write_parquet(path, metadata=notes)


def _way(column: Any) -> str:
    return next((way for way, flag in _WAYS.items() if column.flags[flag]), ".")


def _flagged(frame: Any, ways: str) -> Any:
    """Say to polars again what is sorted: the order of groups depends on it."""
    columns = zip(frame.get_columns(), ways, strict=True) if ways else ()
    return frame.with_columns(column.set_sorted(descending=way == "-") for column, way in columns if way in _WAYS)


def _pandas_differs(one: Any, other: Any) -> str:
    """Name what differs between two tables or series of pandas; "" if nothing does."""
    pandas = library("pandas", "pandas")
    if not _same(one.attrs, other.attrs):
        return "its attrs"
    series = type(one).__name__ == "Series"
    for left, right in zip(one.axes, other.axes, strict=True):
        if not _same_index(left, right):
            return "its index" if left is one.index else "its columns"
    for position in range(1 if series else one.shape[1]):
        left, right = (one, other) if series else (one.iloc[:, position], other.iloc[:, position])
        if left.dtype != right.dtype or str(left.dtype) != str(right.dtype):  # zones of one offset have two names
            return f"column {left.name!r} of dtype {left.dtype}"
        if left.dtype.kind == "f" and _says_more_than_nan(left):
            return f"a NaN with a payload in column {left.name!r}"
        if left.dtype == object and not all(map(_same, left, right)):
            return f"column {left.name!r} of Python objects"
    check = pandas.testing.assert_series_equal if series else pandas.testing.assert_frame_equal
    try:
        check(one, other, check_exact=True)
    except AssertionError as problem:
        return (str(problem).splitlines() or ["it"])[0]
    return ""


def _same_index(one: Any, other: Any) -> bool:
    """Compare what pandas passes over where two indexes hold the same: classes, zones, frequencies, order of levels."""
    said = [(type(each), str(each.dtype), getattr(each, "freq", None)) for each in (one, other)]
    if said[0] != said[1] or not _same(list(one.names), list(other.names)):
        return False
    if one.nlevels > 1:
        return one.nlevels == other.nlevels and all(map(_same_level, one.levels, other.levels, one.codes, other.codes))
    return one.dtype != object or (len(one) == len(other) and all(map(_same, one, other)))


def _same_level(one: Any, other: Any, codes: Any, other_codes: Any) -> bool:
    return bool(_same_index(one, other) and one.equals(other) and (codes == other_codes).all())


def _same(one: Any, other: Any) -> bool:
    """Compare what cells and notes hold: types at every depth, the order of dicts, the digits of decimals."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in (str, int, bool, bytes, type(None)):
        return bool(one == other)
    if isinstance(one, dict):
        return _same([*one.items()], [*other.items()])
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    # Equal are also decimals of another scale and times of another zone: what they say of themselves tells them apart.
    return repr(one) == repr(other) and bool(one == other or repr(one) == "nan")


def _says_more_than_nan(column: Any) -> bool:
    import numpy as np

    values = column.to_numpy()
    if values.dtype.kind != "f":  # pandas' own floats have a mask beside them
        return False
    odd = np.abs(values[np.isnan(values)])
    return bool(odd.tobytes() != np.full(odd.shape, np.nan, odd.dtype).tobytes())


def _polars_differs(one: Any, other: Any) -> str:
    changed = [name for name in one.columns if one.schema[name] != other.schema.get(name)]
    if changed:
        return f"column {changed[0]!r} of dtype {one.schema[changed[0]]}"
    for left, right in zip(one.get_columns(), other.get_columns(), strict=True):
        if _way(left) != _way(right):
            return f"the order that is known of column {left.name!r}"
    return "" if one.equals(other) else "it"


def _arrow_differs(one: Any, other: Any) -> str:
    if not one.schema.equals(other.schema, check_metadata=True):
        return "its schema"
    if one.num_rows != other.num_rows:
        return "its number of rows"
    for name, left, right in zip(one.column_names, one.columns, other.columns, strict=True):
        if not left.equals(right) and not _equal_but_for_nan(left, right):
            return f"column {name!r}"
    return ""


def _equal_but_for_nan(one: Any, other: Any) -> bool:
    """Compare columns of floats, in which Arrow takes no NaN for equal to another."""
    import numpy as np

    if str(one.type) not in ("float", "double", "halffloat") or not one.is_null().equals(other.is_null()):
        return False
    return bool(np.array_equal(one.to_numpy(), other.to_numpy(), equal_nan=True))


_WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "pandas": _write_pandas,
    "polars": _write_polars,
    "pyarrow": _write_arrow,
}
_COMPARERS: dict[str, Callable[[Any, Any], str]] = {
    "pandas": _pandas_differs,
    "polars": _polars_differs,
    "pyarrow": _arrow_differs,
}
