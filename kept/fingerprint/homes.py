"""Finds the name under which a library holds a function or a class, whoever else has imported it."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

from .project import Kind, Project

_METHODS = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)


def home(value: Any, project: Project) -> str | None:
    """Return ``module:name`` if a loaded module of a library holds this very object under that name.

    None for what code of the project has put there.
    """
    made = value.__globals__.get("__name__") if isinstance(value, types.FunctionType) else type(value).__module__
    if isinstance(made, str) and project.find(made).followed:
        return None
    for module in _modules(value):
        if project.find(module).kind in (Kind.LIBRARY, Kind.STANDARD):
            name = _held(value, module)
            if name is not None:
                return f"{module}:{name}"
    return None


def _modules(value: Any) -> Iterator[str]:
    """Yield the modules that may hold it: its own, then that of the class it is a method or an instance of."""
    for one in (value, type(value.__self__) if isinstance(value, _METHODS) else type(value)):
        module = getattr(one, "__module__", None)
        if isinstance(module, str):
            yield module


def _held(value: Any, module: str) -> str | None:
    loaded = sys.modules.get(module)
    qualname = getattr(value, "__qualname__", None)
    if loaded is None:
        return None
    if isinstance(qualname, str) and _is(led_to(loaded, qualname), value):
        return qualname
    return next((name for name, held in list(vars(loaded).items()) if held is value), None)


def led_to(found: Any, qualname: str) -> object:
    """Follow a dotted name from an object; None where it leads to nothing."""
    try:
        for name in qualname.split("."):
            found = getattr(found, name)
    except Exception:  # noqa: BLE001  # a library may make its names on demand, and fail
        return None
    return found


def _is(found: object, value: object) -> bool:
    """Say whether two are one; a method is made anew each time that it is asked for, from the same function."""
    if isinstance(value, _METHODS):
        return type(found) is type(value) and found == value  # of the same object, not of an equal one
    return found is value or getattr(found, "__func__", None) is value
