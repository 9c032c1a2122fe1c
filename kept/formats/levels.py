"""The levels of an index of several, in their order, as text: Parquet keeps the rows, and pandas sorts them anew."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

from .libraries import library
from .protocol import Unfit

_MOST = 32 << 20  # characters: Arrow reads back no notes of more than 100 MB
_AXES = ("index", "columns")


def said(frame: Any) -> str:
    """Return what ``restore`` needs beside the rows: the levels that pandas would not make of them, unused ones too."""
    notes = {axis: dict(_odd(getattr(frame, axis))) for axis in _AXES if getattr(frame, axis).nlevels > 1}
    text = json.dumps(notes) if any(notes.values()) else ""
    if len(text) > _MOST:
        raise Unfit("the levels of its index are too large for Parquet", "call remove_unused_levels() on the index")
    return text


def restore(frame: Any, text: str) -> None:
    """Give the axes of ``frame`` the levels that ``said`` has written."""
    for axis, notes in json.loads(text).items():
        index = getattr(frame, axis)
        levels, codes = list(index.levels), list(index.codes)
        for number, note in notes.items():
            at = int(number)
            levels[at] = _read(note)
            codes[at] = levels[at].get_indexer(index.get_level_values(at))
        setattr(frame, axis, type(index)(levels, codes, names=index.names))


def _odd(index: Any) -> Iterator[tuple[str, dict[str, str]]]:
    made = type(index).from_arrays([index.get_level_values(number) for number in range(index.nlevels)])
    for number, (level, other) in enumerate(zip(index.levels, made.levels, strict=True)):
        freq = getattr(level, "freqstr", None) if type(level).__name__ in ("DatetimeIndex", "TimedeltaIndex") else None
        # Of no rows Parquet forgets the categories, too.
        if freq or not len(index) or type(level) is not type(other) or not level.equals(other):
            yield str(number), {"values": _written(level.rename(None)), "freq": freq or ""}


def _written(level: Any) -> str:
    arrow, pandas = library("pyarrow", "pyarrow"), library("pandas", "pandas")
    table, file = arrow.Table.from_pandas(pandas.DataFrame(index=level)), io.BytesIO()
    with arrow.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    return base64.b64encode(file.getvalue()).decode()


def _read(note: dict[str, str]) -> Any:
    arrow = library("pyarrow", "pyarrow")
    with arrow.ipc.open_stream(base64.b64decode(note["values"])) as stream:
        level = stream.read_all().to_pandas().index
    if note["freq"]:
        level.freq = note["freq"]
    return level
