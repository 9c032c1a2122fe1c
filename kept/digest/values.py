"""Names plain values: one canonical encoding each, type and length on every item."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .. import errors


def digest_value(value: object, code: Callable[[object], str] | None = None, *, ordered: bool = False) -> str:
    """Name a plain value; ``code`` names the functions and classes in it (refused without)."""
    return hashlib.sha256(encode(value, code, ordered=ordered)).hexdigest()


def encode(value: object, code: Callable[[object], str] | None = None, *, ordered: bool = False) -> bytes:
    """Write a value in its one canonical form, or refuse it: no repr, no pickle, no salted hash.

    ``ordered`` tells dicts apart that are equal but for the order of their items, as whoever walks through one can.
    """
    return _Encoder(code, ordered=ordered).encode(value)


def _item(tag: str, body: bytes) -> bytes:
    return b"%s%d:%s" % (tag.encode(), len(body), body)


class _Encoder:
    """One walk over a value; it remembers where it is, to refuse a value that contains itself."""

    def __init__(self, code: Callable[[object], str] | None, *, ordered: bool) -> None:
        self.code, self.ordered = code, ordered
        self.above: list[int] = []

    def encode(self, value: object) -> bytes:
        kind = type(value)
        plain = _PLAIN.get(kind)
        if plain is not None:
            return plain(value)
        if id(value) in self.above:
            raise errors.contains_itself(value)
        self.above.append(id(value))
        try:
            return self._rich(value, kind)
        finally:
            self.above.pop()

    def _all(self, values: Iterable[object]) -> bytes:
        return b"".join(map(self.encode, values))

    def _rich(self, value: Any, kind: type) -> bytes:
        if kind is tuple:
            return _item("t", self._all(value))
        if kind is list:
            return _item("l", self._all(value))
        if kind is dict:
            pairs = [self.encode(k) + self.encode(v) for k, v in value.items()]
            return _item("d", b"".join(pairs if self.ordered else sorted(pairs)))
        if kind in (set, frozenset):
            return _item("S" if kind is set else "F", b"".join(sorted(map(self.encode, value))))
        if kind in (range, slice):
            return _item("r" if kind is range else "L", self._all((value.start, value.stop, value.step)))
        return self._named(value, kind)

    def _named(self, value: Any, kind: type) -> bytes:
        """Values whose type is more than a letter: it is written out before the content."""
        import enum
        from dataclasses import fields, is_dataclass

        name = _qualified(kind)
        if isinstance(value, enum.Enum):
            return _item("E", self._all((name, value.name, value.value)))
        if is_dataclass(kind):
            return self._dataclass(value, name, {f.name: getattr(value, f.name) for f in fields(value)})
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return _item("N", self._all((name, tuple(value))))
        if isinstance(value, os.PathLike) and isinstance(value, Path):
            if value.is_absolute():
                raise errors.absolute_parameter(value)
            return _item("P", value.as_posix().encode("utf-8", "surrogateescape"))
        known = _exact_text(value, kind)
        if known is not None:
            return _item("X", self._all((name, known)))
        if name in _HOLDERS:
            return _item("H", self._all((name, *_HOLDERS[name](value))))
        numpy = sys.modules.get("numpy")  # a value of numpy's exists only where numpy is loaded already
        if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic, numpy.dtype)):
            return self._array(value, numpy)
        if self.code is not None and (isinstance(value, type) or callable(value)):
            return _item("C", self.code(value).encode())
        raise errors.no_digest(value)

    def _dataclass(self, value: Any, name: str, named: dict[str, object]) -> bytes:
        """Write the fields; what was put beside them is seen by methods, too, but for what they keep for later."""
        from functools import cached_property

        held: dict[str, object] = getattr(value, "__dict__", {})
        more = {
            key: held[key]
            for key in sorted(held.keys() - named.keys())
            if not key.startswith("__") and not isinstance(getattr(type(value), key, None), cached_property)
        }
        return _item("D", self._all((name, named, more) if more else (name, named)))

    def _array(self, value: Any, numpy: Any) -> bytes:
        if isinstance(value, numpy.dtype):
            if value.hasobject:
                raise errors.no_digest(value)
            return _item("T", self._all((numpy.lib.format.dtype_to_descr(value), value.isalignedstruct)))
        array = numpy.asarray(value)
        scalar = isinstance(value, numpy.generic)
        if type(value) is not numpy.ndarray and not scalar:
            raise errors.no_digest(value)  # masked arrays, matrices: bytes alone do not say what they mean
        if array.dtype.hasobject:
            return _item("O", self._all((repr(array.dtype.descr), array.shape, array.ravel().tolist())))
        layout = (scalar, numpy.lib.format.dtype_to_descr(array.dtype), array.shape)
        return _item("A", self._all(layout) + numpy.ascontiguousarray(array).tobytes())


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _float(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack(">d", value)  # one NaN; -0.0 keeps its sign


_PLAIN: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"n0:",
    bool: lambda v: b"b1:1" if v else b"b1:0",
    int: lambda v: _item("i", b"%x" % v),
    float: lambda v: _item("f", _float(v)),
    complex: lambda v: _item("c", _item("f", _float(v.real)) + _item("f", _float(v.imag))),
    str: lambda v: _item("s", v.encode("utf-8", "surrogatepass")),
    bytes: lambda v: _item("y", v),
    type(...): lambda _: b".0:",
}


# Types of the standard library that are all in what they hold; not their subclasses.
_HOLDERS: dict[str, Callable[[Any], tuple[object, ...]]] = {
    "re.Pattern": lambda v: (v.pattern, v.flags),
    "functools.partial": lambda v: (v.func, v.args, v.keywords, vars(v)),
    "collections.OrderedDict": lambda v: tuple(v.items()),  # it differs from another one by its order alone
    "builtins.bytearray": lambda v: (bytes(v),),
}


def _exact_text(value: Any, kind: type) -> str | None:
    """Write a value of the standard library whose text says all of it; None for any other type."""
    module = kind.__module__
    if module == "datetime":
        if kind.__name__ == "timedelta":
            return f"{value.days} {value.seconds} {value.microseconds}"
        if kind.__name__ == "timezone":
            return repr(value)
        if kind.__name__ in ("datetime", "date", "time"):
            return f"{value.isoformat()} {getattr(value, 'tzinfo', None)!r} {getattr(value, 'fold', 0)}"
    if (module, kind.__name__) in {("decimal", "Decimal"), ("fractions", "Fraction"), ("uuid", "UUID")}:
        return str(value)
    return None


def canonical_json(value: object) -> bytes:
    """Write JSON in one way only: sorted keys, ASCII, no NaN, no spaces."""
    return _JSON.encode(value).encode()


_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
