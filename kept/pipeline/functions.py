"""Says how a function is called: by what name, with which parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from .returns import unwrapped


def function_name(function: Callable[..., Any]) -> str:
    """Name a function for people: ``stages.data.normalize``."""
    try:
        return _function_name(function)
    except TypeError:  # unhashable
        return _function_name.__wrapped__(function)


@lru_cache(maxsize=4096)
def _function_name(function: Callable[..., Any]) -> str:
    plain = unwrapped(function)
    module = getattr(plain, "__module__", None) or type(getattr(plain, "__self__", None)).__module__  # a method in C
    return f"{module}.{getattr(plain, '__qualname__', type(plain).__qualname__)}".removeprefix("builtins.")


@lru_cache(maxsize=4096)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function, worked out once for each."""
    try:
        return _signature(function)
    except TypeError:  # unhashable
        return inspect.signature(function)
