"""Finds paths inside what a stage returns: they are kept as names, and nobody would see what changes there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from .. import errors

_LOOKED_AT = 1000  # items of a value, of which there may be millions


def names_only(task: str, fields: tuple[str, ...], value: Any) -> Iterator[str]:
    """Warn of paths inside a list or dict; ``fields`` are those of the NamedTuple that ``value`` is, if it is one."""
    for field, item in zip(fields or ("",), value if fields else (value,), strict=True):
        found = None if isinstance(item, Path) else _path_in(item)
        if found is not None:
            where = f"{task}{'.' if field else ''}{field}: {errors.one_line(found)} in a {type(item).__name__}"
            hint = "return a folder as one Path, or a NamedTuple of Paths"
            yield f"{where} is kept as a name, what lies there is not followed; {hint}"


def _path_in(value: Any) -> Path | None:
    """Return a path in plain containers; of many items the first ones tell. A value may contain itself."""
    looked = [value]
    for item in looked:  # it grows meanwhile
        if isinstance(item, Path):
            return item
        if len(looked) < _LOOKED_AT and type(item) in (dict, list, tuple, set, frozenset):
            looked += islice(item.values() if type(item) is dict else item, _LOOKED_AT)
    return None
