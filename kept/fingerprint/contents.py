"""Takes objects apart: what the built-in type under their class holds, and their attributes."""

from __future__ import annotations

import contextlib
import enum
import functools
import struct
import types
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

# From more to less special; each asks the type itself, whatever a class under it says.
_HOLDERS: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (functools.partial, lambda v: (v.func, v.args, v.keywords)),
    (OrderedDict, lambda v: dict(OrderedDict.items(v))),
    (dict, lambda v: dict(dict.items(v))),
    (list, lambda v: list(list.__iter__(v))),
    (tuple, lambda v: tuple(tuple.__iter__(v))),
    (set, lambda v: set(set.__iter__(v))),
    (frozenset, lambda v: frozenset(frozenset.__iter__(v))),
    (int, int.__int__),
    (float, float.__float__),
    (complex, complex.__pos__),
    (str, str.__str__),
    (bytes, lambda v: bytes.__getitem__(v, slice(None))),
    (bytearray, lambda v: bytes(memoryview(v))),
)
_DESCRIPTORS = (
    property,
    classmethod,
    staticmethod,
    functools.cached_property,
    functools.partialmethod,
    types.DynamicClassAttribute,
    type(functools.cache(len)),
)
_BEHIND = ("__func__", "__wrapped__", "fget", "fset", "fdel", "func", "args", "keywords")
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType, type(vars(namedtuple("_", "a"))["a"]))
_POINTER = struct.calcsize("P")


def content(value: object) -> object:
    """Return what the built-in type under a value's class holds; None where there is none."""
    return functions(value) or next((taken(value) for kind, taken in _HOLDERS if isinstance(value, kind)), None)


def attributes(value: object) -> dict[str, object]:
    """Return what an object keeps under names, slots included, however their names are written."""
    found: dict[str, object] = dict(getattr(value, "__dict__", {}))
    for name, slot in _slots(type(value)):
        if name not in found:
            with contextlib.suppress(AttributeError):  # nothing was put there
                found[name] = slot.__get__(value)
    return dict(sorted(found.items()))


def _slots(kind: type) -> Iterator[tuple[str, types.MemberDescriptorType]]:
    for one in kind.__mro__:
        for name, slot in vars(one).items():
            if isinstance(slot, types.MemberDescriptorType) and not name.endswith("offset__"):  # these are addresses
                yield name, slot


def hides(kind: type) -> bool:
    """Say whether objects of a class may hold what nobody can ask for: code in C keeps it for itself."""
    if issubclass(kind, (*_DESCRIPTORS, *(holder for holder, _ in _HOLDERS))):
        return False
    named = sum(1 for _ in _slots(kind)) + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    return kind.__itemsize__ > 0 or kind.__basicsize__ > object.__basicsize__ + named * _POINTER


def walked(kind: type) -> bool:
    """Say whether all of a library's object is in what it holds and in its attributes."""
    is_record = hasattr(kind, "__dataclass_fields__") or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    return is_record or kind is OrderedDict


def functions(value: object) -> dict[str, object] | None:
    """Return the functions behind a property, a class method and the like; None for anything else."""
    return {name: getattr(value, name, None) for name in _BEHIND} if isinstance(value, _DESCRIPTORS) else None


def body(kind: type) -> dict[str, object]:
    """Return what a class holds, but for what Python keeps there for itself; members of an enum by value."""
    members = {name: one.value for name, one in kind.__members__.items()} if issubclass(kind, enum.Enum) else {}
    return {name: one for name, one in vars(kind).items() if not _is_kept(name, one)} | members


def _is_kept(name: str, one: object) -> bool:
    """Say whether Python keeps something in a class for itself: ``__dict__``, ``_member_map_``, a slot."""
    own = (name.startswith("_") and name.endswith("_")) or name == "_abc_impl"
    return isinstance(one, _SLOTS) or (own and not callable(one) and not isinstance(one, _DESCRIPTORS))
