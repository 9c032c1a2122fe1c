"""What a statement changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .lookup import Lookup
from .scopes import FUNCTIONS, Scope, Value, fresh
from .summary import Mark
from .words import LOGGING, dotted


class Changes(Lookup):
    """The part of the walk that looks at stores into things that others may hold."""

    lazy: int
    bound: dict[str, list[Value]]
    touches: set[str]
    globals: set[str]

    # ---- the other parts

    def mark(self, mark: Mark, node: ast.AST) -> None:
        """Note a feature of the code."""
        raise NotImplementedError

    # ---- changes

    def changed(self, node: ast.Attribute | ast.Subscript, at: ast.AST, *, method: bool = False) -> None:
        """Note a store into something, or a call that changes it, by whose that is."""
        root: ast.AST = node
        depth, first = 0, ""
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            depth += 1
            first = root.attr if isinstance(root, ast.Attribute) else "[]"
            root = root.value
        if not isinstance(root, ast.Name):
            if not isinstance(root, ast.Constant) and not (method and self.makes_new(root)):
                self.mark(Mark.CHANGES if self.lazy else Mark.EFFECT, at)
            return
        scope = self.owner(root.id)
        if scope is None:
            self.changed_global(node, root.id, at)
        elif root.id in scope.params:
            self.changed_parameter(root.id, scope, first if depth > 1 else "", at)
        elif root.id in scope.returned and scope is not self.innermost():
            self.mark(Mark.CHANGES, at)  # a function that is given away keeps things in what is given away beside it
        elif not scope.is_fresh(root.id) or (depth > 1 and scope.is_shallow(root.id)):
            found = self.chain(root.id)
            if found is not None and not self.lazy:
                self.touches.add(found)
            else:
                self.mark(Mark.CHANGES if self.lazy else Mark.EFFECT, at)
        elif self.lazy and scope is not self.innermost():
            self.mark(Mark.KEEPS, at)

    def changed_parameter(self, name: str, scope: Scope, attribute: str, at: ast.AST) -> None:
        """Note a store into what a function is given, or into an attribute of that."""
        if name in scope.held or (attribute and self.is_shared(name, attribute)):
            self.mark(Mark.CHANGES, at)
        elif name == "self" and scope.builds:
            self.mark(Mark.FILLS, at)
        else:
            self.mark(Mark.ALTERS, at)
            if name == "self":
                self.mark(Mark.KEEPS, at)

    def see_global(self, node: ast.Global) -> None:
        """Note that calling this binds names of the module."""
        self.globals |= set(node.names)
        self.mark(Mark.CHANGES, node)

    def see_nonlocal(self, node: ast.Nonlocal) -> None:
        """Note that a function binds names of the one around it, which another call sees."""
        self.mark(Mark.KEEPS, node)

    def named_as_logging(self, names: Iterable[str], node: ast.AST) -> None:
        """Note what a class or function defines for its users, if that is named as a logger's methods are."""
        if {*LOGGING, "__getattr__"}.intersection(names):
            self.mark(Mark.LOGS, node)

    def shares(self, node: ast.Assign) -> None:
        """Note ``self.__dict__ = self.shared``: what is then stored in one object is in others."""
        if not any(isinstance(one, ast.Attribute) and one.attr == "__dict__" for one in node.targets):
            return
        value = node.value
        scope = self.owner(value.id) if isinstance(value, ast.Name) else None
        behind = scope.value(value.id) if scope is not None and isinstance(value, ast.Name) else value
        while isinstance(behind, ast.Subscript):
            behind = behind.value
        if isinstance(behind, ast.Attribute) or (isinstance(behind, ast.Name) and self.owner(behind.id) is None):
            self.mark(Mark.CHANGES if self.lazy else Mark.EFFECT, node)

    def all_filled(self, node: ast.Call) -> None:
        """Note what a call writes its result into: ``np.clip(a, 0, 1, out=a)``."""
        for value in (keyword.value for keyword in node.keywords if keyword.arg == "out"):
            for one in value.elts if isinstance(value, (ast.Tuple, ast.List)) else (value,):
                scope = self.owner(one.id) if isinstance(one, ast.Name) else None
                made = scope is not None and isinstance(one, ast.Name) and isinstance(scope.value(one.id), ast.Call)
                if isinstance(one, (ast.Name, ast.Attribute, ast.Subscript)) and not made:
                    self.changed(ast.Attribute(one, "?", ast.Store()), node)

    def changed_in_place(self, target: ast.Name) -> None:
        """Note ``d |= x`` in a function, where ``d`` may be somebody else's."""
        scope = self.owner(target.id)
        if scope is not None and target.id in scope.params:
            self.mark(Mark.CHANGES if target.id in scope.held else Mark.ALTERS, target)
        elif scope is not None and scope.kind == "function":
            others = [value for value in scope.bound.get(target.id, []) if value is not None]
            if not all(map(fresh, others)):
                self.mark(Mark.CHANGES, target)

    @staticmethod
    def makes_new(node: ast.AST) -> bool:
        """Say whether an expression makes a value of its own."""
        return isinstance(node, (ast.List, ast.Dict, ast.Set, ast.JoinedStr, ast.BinOp, *FUNCTIONS))

    def changed_global(self, node: ast.Attribute | ast.Subscript, root: str, at: ast.AST) -> None:
        """Note a change of something that a name of the module leads to."""
        if self.lazy:
            self.mark(Mark.CHANGES, at)
            return
        if not all(map(fresh, self.bound.get(root, ()))):
            self.mark(Mark.EFFECT, at)  # ``for m in MODELS: m.rate = 1``: nobody but this statement says what it is
        inner: ast.AST = node.value
        deep = isinstance(inner, ast.Subscript)  # something held by what the name leads to, perhaps by others too
        while isinstance(inner, ast.Subscript):
            inner = inner.value
        name = dotted(inner)
        name = f"{name}.?" if name and deep else name
        found = self.chain(name) if name else None
        if found is None:
            self.mark(Mark.EFFECT, at)
        else:
            self.touches.add(found)

    def is_shared(self, name: str, attribute: str) -> bool:
        """Say whether ``self.attribute`` may belong to the class and so to all; of other arguments it is."""
        if name not in ("self",) or attribute == "__class__":
            return True
        around = [scope for scope in self.scopes if scope.kind == "class"]
        return not around or attribute in around[-1].bound or around[-1].open_class
