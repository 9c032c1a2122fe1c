"""Names the inputs that a stage says it does not read, by a name as ``_table``: they are not loaded for it.

What a function never mentions may still be read: pandas, DuckDB and others look for it in the frame of their caller, by
the name in a text that comes from anywhere.
"""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType
from typing import Any

# Who mentions these may look at its own frame.
_FRAMES = {"locals", "vars", "eval", "exec", "super", "sys", "inspect"}


def unread(function: Callable[..., Any]) -> frozenset[str]:
    """Name the parameters of a plain function that begin with an underscore, and that it never mentions."""
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        return frozenset()
    return _unmentioned(function.__code__, function.__doc__)


@lru_cache(maxsize=1000)
def _unmentioned(code: CodeType, about: str | None) -> frozenset[str]:
    used = {instruction.argval for instruction in dis.get_instructions(code)}
    if used & _FRAMES:
        return frozenset()
    used |= {name for value in used if isinstance(value, tuple) for name in value}  # 3.13 joins two names
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    names = {name for name in parameters if name.startswith("_")} - used - set(code.co_cellvars)
    # `frame.query("x > @limit")`, `duckdb.sql("from table")`: a library finds the value in its caller's frame.
    texts = [text for text in _texts(code) if text != about]
    return frozenset(name for name in names if not any(re.search(rf"\b{name}\b", text) for text in texts))


def _texts(code: CodeType) -> Iterator[str]:
    for value in code.co_consts:
        for item in value if isinstance(value, tuple | frozenset) else (value,):
            if isinstance(item, str):
                yield item
            elif isinstance(item, CodeType):
                yield from _texts(item)
