"""Checks plain values that were read from a file against the types that a class declares."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any


@cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    """Return the fields of a dataclass with their types; none of a plain type."""
    names = getattr(kind, "__match_args__", ())
    hints = typing.get_type_hints(kind) if names else {}
    return tuple((name, hints[name]) for name in names)


def fits(value: object, kind: Any) -> bool:
    """Say whether ``value`` is a ``kind``: a plain type, a dataclass of such, ``X | None``, a tuple, a Mapping."""
    if kind is float:
        return type(value) in (float, int) and -1e300 < value < 1e300  # type: ignore[operator]  # a number, and no NaN
    if isinstance(kind, type):
        return type(value) is kind and all(fits(getattr(value, n), k) for n, k in _fields(kind))  # type: ignore[arg-type]  # a class has a hash
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, one) for one in arguments)
    if origin is tuple:
        return type(value) is tuple and all(fits(item, arguments[0]) for item in value)
    if origin is Mapping:
        return type(value) is dict and all(type(n) is str and fits(item, arguments[1]) for n, item in value.items())
    return False
