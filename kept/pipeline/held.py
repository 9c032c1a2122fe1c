"""Finds the files that a parameter holds: their content counts as that of any other input."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def held_paths(name: str, value: object) -> Iterator[tuple[str, Path]]:
    """Yield the paths in a value, named as their places in it: ``config.table``."""
    if isinstance(value, Path):
        yield name, value
        return
    for place, item in _inside(value):
        yield from held_paths(name + place, item)


def _inside(value: Any) -> Iterator[tuple[str, object]]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value))
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from ((f".{field}", item) for field, item in zip(value._fields, value, strict=True))
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in value.items())
        yield from ((f"[{key!r}]", key) for key in value if not isinstance(key, str))
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from ((f"[{item!r}]", item) for item in value)
    elif isinstance(value, functools.partial):
        yield from _inside(value.args)
        yield from ((f".{key}", item) for key, item in value.keywords.items())
