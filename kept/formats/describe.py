"""Says in few words what a value is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import errors

_ROWS = 20
_LOOK_AT_BELOW = 50_000_000  # items of an array: beyond it the smallest and largest would take seconds


def _library(value: Any, names: tuple[str, ...]) -> bool:
    """Say whether a base class of ``value`` has one of these names; nothing is imported to find out."""
    return any(f"{kind.__module__.split('.')[0]}.{kind.__name__}" in names for kind in type(value).__mro__)


def describe(value: Any) -> str:
    """Name a value's kind for people: ``ndarray (60000, 28, 28) uint8``, ``LogisticRegression``, ``float``."""
    name = type(value).__name__
    if isinstance(value, Path):
        return "folder" if value.is_dir() else "file"
    if value is None:
        return "None"
    if isinstance(value, (list, dict, tuple, set, frozenset)):
        return f"{name} ({len(value)})"
    if _library(value, ("numpy.ndarray",)):
        return f"{'ndarray' if name == 'memmap' else name} {_shape(value.shape)} {value.dtype}"
    if _library(value, ("pandas.DataFrame", "pandas.Series", "polars.DataFrame", "pyarrow.Table")):
        return f"{name} {_shape(value.shape)}"
    return name


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def summary(value: Any) -> list[tuple[str, str]]:
    """Return what is worth showing of a value as (name, text): the kind first, then little, cheap to find."""
    try:
        return [("kind", describe(value)), *_details(value)]
    except Exception as problem:  # noqa: BLE001  # a user's class may raise in repr or len; showing it must not fail
        return [("kind", type(value).__name__), ("problem", f"{type(problem).__name__} while looking at it")]


def _details(value: Any) -> Iterator[tuple[str, str]]:
    if _library(value, ("numpy.ndarray",)):
        return _array(value)
    if _library(value, ("pandas.DataFrame", "polars.DataFrame", "pyarrow.Table")):
        return _table(value)
    if _library(value, ("sklearn.BaseEstimator",)):
        return ((name, _short(param)) for name, param in list(value.get_params(deep=False).items())[:_ROWS])
    if _library(value, ("keras.Model",)):
        return _network(value)
    if isinstance(value, dict):
        return ((str(key), _short(item)) for key, item in list(value.items())[:_ROWS])
    if isinstance(value, Path) and value.is_file():
        return iter([("size", errors.counted(value.stat().st_size, "byte"))])
    return iter([("value", _short(value))])


def _array(value: Any) -> Iterator[tuple[str, str]]:
    yield "shape", _shape(value.shape)
    yield "dtype", str(value.dtype)
    if value.dtype.kind in "biuf" and 0 < value.size < _LOOK_AT_BELOW:
        yield "min", str(value.min())
        yield "max", str(value.max())


def _table(value: Any) -> Iterator[tuple[str, str]]:
    yield "shape", _shape(value.shape)
    fields = getattr(value, "dtypes", None)
    kinds = value.schema.types if fields is None else list(fields)
    names = value.column_names if fields is None else list(value.columns)
    for name, kind in list(zip(names, kinds, strict=True))[:_ROWS]:
        yield str(name), str(kind)


def _network(value: Any) -> Iterator[tuple[str, str]]:
    yield "parameters", str(value.count_params() if value.built else "not built")
    for layer in value.layers[:_ROWS]:
        output: Any = getattr(layer, "output", None)
        text = type(layer).__name__ + (f" {_shape(tuple(output.shape))}" if hasattr(output, "shape") else "")
        yield layer.name, text.replace("None", "?")


def _short(value: Any, width: int = 60) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= width else text[: width - 1] + "…"
