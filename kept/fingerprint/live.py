"""Describes what a live object holds beside its text: closures, defaults, partial arguments, ``self``.

Stages made in a loop have one text and many meanings: their values go into the fingerprint.
"""

from __future__ import annotations

import enum
import functools
import os
import sys
import types
from typing import Any

from .. import errors
from ..digest import encode
from ..lean import dataclass, field
from . import contents
from .canonical import SCHEME, named
from .homes import home, led_to
from .project import Kind, Project

_SCALARS = (type(None), bool, int, float, complex, str, bytes, type(...))
_IN_C = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
)


@dataclass
class Shell:
    """What one or more live objects lead to: roots in text, and values."""

    project: Project
    roots: list[str] = field(default_factory=list)  # "module:name", the stage's own first
    values: list[str] = field(default_factory=list)  # digests of values that the text does not say
    notes: list[str] = field(default_factory=list)
    _above: list[int] = field(default_factory=list)
    _target: object = None

    def target(self, value: object) -> None:
        """Take in a root: by name alone if a module of the project holds it by name."""
        if isinstance(value, str):
            self.roots.append(value)
            return
        name = self.name_of(value)
        if name is not None:
            self.roots.append(name)
            return
        self._target = value
        self.values.append(named(SCHEME, encode(self.described(value, "the function")).hex()))

    # ---- names

    def name_of(self, value: Any) -> str | None:
        """Return ``module:name`` if that name of a loaded module is this very object."""
        module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if module == "__main__" and isinstance(qualname, str) and "<" not in qualname:
            return self.name_in_script(qualname)
        if isinstance(module, str) and isinstance(qualname, str) and "<" not in qualname and self.is_project(module):
            found: Any = sys.modules.get(module)
            for name in qualname.split("."):
                found = getattr(found, name, None)
            if found is value or (sys.modules.get(module) is None and not isinstance(value, types.MethodType)):
                return f"{module}:{qualname}"
        if home(value, self.project) is not None:
            return None  # it is the library's, whichever module of the project imports it
        preferred = [module] if isinstance(module, str) else []
        for one in [*preferred, *sorted(sys.modules)]:
            loaded = sys.modules.get(one)
            if loaded is None or not self.is_loaded_project(loaded):
                continue
            for name, held in list(vars(loaded).items()):
                if held is value and not isinstance(value, _SCALARS):
                    return f"{one}:{name}"
        return None

    def name_in_script(self, qualname: str) -> str | None:
        """Take a file that was started by its name for the module of that name."""
        path = os.path.abspath(getattr(sys.modules["__main__"], "__file__", None) or os.sep)
        stem = os.path.basename(path).removesuffix(".py")
        return f"{stem}:{qualname}" if self.project.find(stem).path == path else None

    def is_project(self, module: str) -> bool:
        """Say whether a module's source is followed."""
        return module != "__main__" and self.project.find(module).followed

    def is_loaded_project(self, module: object) -> bool:
        """Say whether a loaded module came from the project."""
        path, name = getattr(module, "__file__", None), getattr(module, "__name__", "")
        if not isinstance(path, str) or not isinstance(name, str):
            return False
        path = path if os.path.isabs(path) else os.path.abspath(path)  # there may be thousands of modules
        return path.startswith(self.project.root + os.sep) and self.is_project(name)

    # ---- values

    def described(self, value: Any, where: str) -> object:
        """Turn a value into plain ones that say all of it, or refuse it."""
        if type(value) in _SCALARS:
            return value
        if id(value) in self._above:
            return ("above", len(self._above) - self._above.index(id(value)))
        self._above.append(id(value))
        try:
            return self._rich(value, where)
        finally:
            self._above.pop()

    def _rich(self, value: Any, where: str) -> object:  # noqa: PLR0911  # a case per line
        if type(value) in (list, tuple):
            return (type(value).__name__, tuple(self.described(item, where) for item in value))
        if type(value) in (set, frozenset):
            items = [encode(self.described(item, where)) for item in sorted(value, key=_name)]
            return (type(value).__name__, tuple(sorted(items)))
        if type(value) is dict:  # in order: whoever walks through it sees the order
            pairs = value.items()
            return ("dict", tuple((self.described(k, where), self.described(v, f"{where}[{k!r}]")) for k, v in pairs))
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if type(value) is functools.partial:
            pieces = (value.func, value.args, value.keywords, vars(value))
            return ("partial", tuple(self.described(piece, f"{where}, partial") for piece in pieces))
        if callable(value) and (library := home(value, self.project)) is not None:
            self.roots.append(library)  # its version counts
            return ("library", library)
        if isinstance(value, types.MethodType):
            return (
                "method",
                value.__name__,
                self.described(value.__func__, where),
                self.described(value.__self__, where),
            )
        if isinstance(value, (types.FunctionType, type, *_IN_C)):
            return self._definition(value, where)
        return self._instance(value, where)

    def _module(self, value: types.ModuleType) -> object:
        if self.is_project(value.__name__):
            self.roots.append(f"{value.__name__}:")
        return ("module", value.__name__)

    def _definition(self, value: Any, where: str) -> object:
        """Describe a function or class: its text is a root, the rest are values."""
        name = self.name_of(value)
        if name is not None:
            self.roots.append(name)
            return ("code", name if len(self.roots) > 1 else "@")
        if isinstance(value, type):
            return self._class(value, where)
        if isinstance(value, _IN_C):
            owner = value.__self__ if hasattr(value, "__self__") else value.__objclass__
            return ("in C", value.__qualname__, self.described(owner, f"{where}, what it is a method of"))
        wrapped = getattr(value, "__wrapped__", None)
        pieces = {
            "text": self._text(value, where),
            "cells": tuple(self.described(held, f"{where}, {name}") for name, held in _cells(value)),
            "defaults": self.described((value.__defaults__, value.__kwdefaults__), f"default of {where}"),
            "held": self.described({k: v for k, v in vars(value).items() if k != "__wrapped__"}, where),
            "wrapped": None if wrapped is None else self.described(wrapped, where),
        }
        return ("function", tuple(pieces.items()))

    def _class(self, value: type, where: str) -> object:
        name = f"{value.__module__}:{value.__qualname__}"
        place, module = self.project.find(value.__module__), sys.modules.get(value.__module__)
        is_found = module is None or led_to(module, value.__qualname__) is not None  # in text, if not as this very one
        if place.kind in (Kind.LIBRARY, Kind.STANDARD) or (place.followed and is_found):
            self.roots.append(name)
            return ("class", name)
        bases = tuple(self.described(base, f"{where}, a base") for base in (type(value), *value.__bases__))
        held = tuple((name, self._in_class(one, f"{where}, {name}")) for name, one in contents.body(value).items())
        outer = self._outer(value.__module__, value.__qualname__) if place.followed else ""
        return ("class", value.__qualname__, bases, held, outer)

    def _in_class(self, value: object, where: str) -> object:
        """Describe what a class holds; what a library puts there without canonical form, by its attributes."""
        try:
            return self.described(value, where)
        except errors.KeptError:
            if contents.hides(type(value)):
                raise
            return ("attributes", self.described(type(value), where), self.described(contents.attributes(value), where))

    def _text(self, value: types.FunctionType, where: str) -> object:
        """Return the text of a function that no name leads to; where it is in a file, the code around it is a root."""
        from . import code_objects

        module = str(value.__globals__.get("__name__", "?"))  # ``wraps`` makes ``__module__`` that of another function
        if self.is_project(module) and code_objects.in_file(value, self.project):
            return (code_objects.text(value), self._outer(module, value.__code__.co_qualname))
        if module != "__main__" and self.project.find(module).kind in (Kind.LIBRARY, Kind.STANDARD):
            self.roots.append(f"{module}:{value.__code__.co_qualname.partition('.')[0]}")  # its version counts
            return ("library", module, value.__code__.co_qualname)
        self.notes.append(
            f"{where}: made without a file, its key is for Python {sys.version_info[0]}.{sys.version_info[1]} only"
        )
        held = {name: value.__globals__[name] for name in code_objects.names(value) if name in value.__globals__}
        return (code_objects.text(value), self.described(held, where))

    def _outer(self, module: str, qualname: str) -> str:
        """Take the function or class around a local definition as a root; where there is none, the module."""
        outer, inside, _ = qualname.partition(".")
        if outer.startswith("<") or (not inside and led_to(sys.modules.get(module), outer) is None):
            outer = ""  # a lambda at top level, what ``type()`` has made
        self.roots.append(f"{module}:{outer}")
        return outer

    def _instance(self, value: Any, where: str) -> object:
        """Describe an object: its class, and its state where that can be seen."""
        kind = type(value)
        if isinstance(value, enum.Enum):  # what a member of flags is called says less than its number
            number = value.value if type(value.value) in _SCALARS else None
            return ("enum", self.described(kind, where), value.name, number)
        if not self.is_project(kind.__module__) and not contents.walked(kind):
            behind = contents.functions(value)
            return self._plain(value, where) if behind is None else (kind.__qualname__, self.described(behind, where))
        if contents.hides(kind):
            raise errors.holds_no_form(self._target, where, errors.no_digest(value))
        return (
            "instance",
            self.described(kind, where),
            self.described(contents.content(value), where),
            self.described(contents.attributes(value), f"{where}, its state"),
        )

    def _plain(self, value: object, where: str) -> object:
        try:
            return ("value", encode(value))
        except errors.KeptError as problem:
            library = home(value, self.project)
            if library is None or contents.hides(type(value)) or contents.attributes(value):
                raise errors.holds_no_form(self._target, where, problem) from None
            self.roots.append(library)  # it is there to be told from others, as ``dataclasses.MISSING`` is
            return ("library", library)


def _name(value: object) -> str:
    """Name what may become a root: their order must not be that of a set."""
    of = value if isinstance(value, (types.FunctionType, type)) else type(value)
    return f"{of.__module__}:{of.__qualname__}"


def _cells(value: types.FunctionType) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        try:
            found.append((name, cell.cell_contents))
        except ValueError:  # not filled yet
            found.append((name, ...))
    return found
