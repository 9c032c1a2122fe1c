"""JSON for plain values.

Kept exactly: None, bool, int, float, str, list, and dict with keys that are str, in its order. Anything else,
subclasses included, does not fit. Two decisions:

- numpy's scalars become Python's where JSON was *declared* (``-> float`` and the value is a ``float64``): the
  declaration says so. A value without a declaration is never converted; it goes to another format.
- NaN and the infinities are written as Python's own ``NaN``, ``Infinity`` and ``-Infinity``, which strict JSON lacks:
  a loss of NaN is a result. There is one NaN, as in digests: the sign that arithmetic happens to leave on it is not
  kept. A NaN with a payload of its own does not fit.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..digest import Algorithm
from .protocol import Unfit, Written
from .writing import Digesting

_ATOMS = (bool, int, str, type(None))
_USUAL_NANS = (0x7FF8000000000000, 0xFFF8000000000000)
_INDENT_BELOW = 100_000  # characters: beyond it nobody reads, and only the compact form has a fast writer


class Json:
    """Plain values as text that any tool can read."""

    def save(self, value: Any, path: Path, algorithm: Algorithm = "sha256") -> Written:
        """Write ``value``, named by ``algorithm``, with numpy's scalars made Python's."""
        try:
            text = self._text(plain(value, declared=True))
        except RecursionError:
            raise Unfit("it is nested too deeply, or contains itself") from None
        except ValueError as problem:  # an int of more than 4300 digits, a lone surrogate
            raise Unfit(f"it cannot be written: {problem}") from None
        with Digesting(path, algorithm) as file:
            file.write(text)
        return file.written()

    def load(self, path: Path) -> Any:
        """Read a value back."""
        return json.loads(path.read_bytes().decode("utf-8"))

    @staticmethod
    def _text(value: Any) -> bytes:
        text = json.dumps(value, ensure_ascii=False)
        if type(value) in (list, dict) and len(text) < _INDENT_BELOW:
            text = json.dumps(value, ensure_ascii=False, indent=2)
        return (text + "\n").encode("utf-8")


def fits(value: Any) -> bool:
    """Say whether JSON keeps ``value`` exactly, without converting anything."""
    try:
        plain(value, declared=False)
        Json._text(value)
    except (Unfit, ValueError, RecursionError):
        return False
    return True


def plain(value: Any, declared: bool, where: str = "") -> Any:
    """Return ``value`` made of JSON's types only, or raise ``Unfit`` naming the place that is not."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is float:
        if math.isnan(value) and struct.unpack(">Q", struct.pack(">d", value))[0] not in _USUAL_NANS:
            raise Unfit(f"a NaN with a payload{_at(where)} would come back without it")
        return value
    if kind is list:
        if _all_plain(value):
            return value
        return [plain(item, declared, f"{where}[{number}]") for number, item in enumerate(value)]
    if kind is dict:
        if set(map(type, value)) <= {str} and _all_plain(value.values()):
            return value
        return {
            _key(key, declared, where): plain(item, declared, f"{where}[{key!r}]" if where or len(value) else "")
            for key, item in value.items()
        }
    numpy = sys.modules.get("numpy")
    if declared and numpy is not None and isinstance(value, numpy.generic):
        item = value.item()
        if type(item) in (*_ATOMS, float):
            return item
    raise Unfit(*_refusal(kind, where))


def _all_plain(items: Iterable[Any]) -> bool:
    """Look at many items at once: long lists of numbers are walked by nobody's hand."""
    kinds = set(map(type, items))
    return kinds <= {*_ATOMS, float} and (float not in kinds or not any(item != item for item in items))  # noqa: PLR0124  # only a NaN


def _key(key: Any, declared: bool, where: str) -> str:
    numpy = sys.modules.get("numpy")
    if declared and numpy is not None and type(key) is numpy.str_:
        return str(key)
    if type(key) is not str:
        hint = 'make the keys str, or declare the format: Annotated[dict, "pkl"]'
        raise Unfit(f"the key {key!r}{_at(where)} is {type(key).__name__} and would come back as str", hint)
    return key


def _refusal(kind: type, where: str) -> tuple[str, str]:
    if kind is tuple:
        return (
            f"a tuple{_at(where)} would come back as a list",
            'make it a list, or declare the format: Annotated[..., "pkl"]',
        )
    return f"{kind.__module__}.{kind.__qualname__}{_at(where)} is not a JSON type", ""


def _at(where: str) -> str:
    return f" at {where}" if where else ""
