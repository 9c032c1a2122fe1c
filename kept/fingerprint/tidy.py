"""Takes out of a syntax tree what is for type checkers, or for running the file as a script."""

from __future__ import annotations

import ast
from typing import Any

from .words import dotted

_TYPING = frozenset({"typing", "typing_extensions"})


def tidied(tree: ast.Module) -> ast.Module:
    """Leave out ``if TYPE_CHECKING``, ``@overload`` stubs and ``if __name__ == "__main__"``, but for their ``else``."""
    names = imported_names(tree)
    flags = {
        name for name, full in names.items() if full in ("typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING")
    }
    constants = [
        node for node in tree.body if isinstance(node, ast.Assign) and dotted(node.targets[0]) == "TYPE_CHECKING"
    ]
    if len(constants) == 1 and isinstance(constants[0].value, ast.Constant) and constants[0].value.value is False:
        flags.add("TYPE_CHECKING")
    stubs = {name for name, full in names.items() if full in ("typing.overload", "typing_extensions.overload")}
    for name, full in names.items():
        if full in _TYPING:
            flags.add(f"{name}.TYPE_CHECKING")
            stubs.add(f"{name}.overload")
    found: ast.Module = _Tidy(flags, stubs).visit(tree)
    return found


def imported_names(tree: ast.AST) -> dict[str, str]:
    """Map the names that imports bind, anywhere in a file, to what they stand for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                top = one.name.partition(".")[0]
                found[one.asname or top] = one.name if one.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for one in node.names:
                found[one.asname or one.name] = f"{node.module}.{one.name}"
    return found


class _Tidy(ast.NodeTransformer):
    def __init__(self, flags: set[str], stubs: set[str]) -> None:
        self.flags, self.stubs = flags, stubs

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        test, negated = node.test, False
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, negated = test.operand, True
        if dotted(test) in self.flags:
            return node.body if negated else node.orelse
        return node.orelse if not negated and asks_for_main(test) else node

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
        if any(dotted(one) in self.stubs for one in node.decorator_list):
            return None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # ast's name


def asks_for_main(test: ast.expr) -> bool:
    """Say whether this is ``__name__ == "__main__"``."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = {dotted(side) or getattr(side, "value", None) for side in (test.left, test.comparators[0])}
    return sides == {"__name__", "__main__"}
