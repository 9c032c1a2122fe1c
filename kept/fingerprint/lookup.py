"""Follows a name, within one statement, to the name of the module that it stands for."""

from __future__ import annotations

import ast

from .imports import extended, import_target
from .scopes import Scope
from .summary import Alias
from .words import dotted


class Lookup:
    """The scopes around the place where a walk is."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    def reference(self, name: str) -> str | None:
        """Return the name of the module that ``name`` stands for here; None where it is local."""
        inner = True
        for depth, scope in reversed([*enumerate(self.scopes, 1)]):
            if scope.kind == "class":
                if inner and name in scope.bound:
                    return name  # may be the class's or the module's: take the module's too
                continue
            inner = inner and scope.kind == "comprehension"
            if name in scope.outer:
                return name
            if name in scope.bound and name not in scope.around:
                return self.local(depth, name)
        return name

    def local(self, depth: int, name: str) -> str | None:
        """Follow a local name to the import or the global name it was bound to, once, in the scope that far in."""
        scope = self.scopes[depth - 1]
        value = scope.value(name)
        if isinstance(value, Alias):
            if value.attribute == "*":
                return None
            if value.attribute is not None:
                return f"{value.module}:{value.attribute}"
            return f"{value.module}:"
        target = import_target(value) if isinstance(value, ast.Call) else None
        if target is not None:
            return target
        chain = dotted(value) if isinstance(value, (ast.Name, ast.Attribute)) else None
        if chain is None or chain.partition(".")[0] == name:
            return None
        del_name = scope.bound.pop(name)  # while it is followed it is not itself: no endless loop
        here, self.scopes = self.scopes, self.scopes[:depth]  # scopes further in may bind the same names otherwise
        try:
            return self.chain(chain)
        finally:
            scope.bound[name], self.scopes = del_name, here

    def chain(self, name: str) -> str | None:
        """Say what a dotted name stands for here; None if it is local."""
        root, _, rest = name.partition(".")
        found = self.reference(root)
        return None if found is None else extended(found, rest)

    def owner(self, name: str) -> Scope | None:
        """Return the scope that binds a name, None for the module."""
        inner = True
        for scope in reversed(self.scopes):
            if scope.kind == "class" and not inner:
                continue
            inner = inner and scope.kind == "comprehension"
            if name in scope.outer:
                return None
            if name in scope.bound:
                return scope
        return None

    def innermost(self) -> Scope:
        """Return the scope of the function or class here."""
        return next(scope for scope in reversed(self.scopes) if scope.kind != "comprehension")
