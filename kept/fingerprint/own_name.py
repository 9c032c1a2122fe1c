"""Tells whether the name of a module, or of its file, comes out of its own code."""

from __future__ import annotations

import ast

from .imports import is_import_call
from .words import OWN_NAMES, dotted, last

_FOLDERS = frozenset({"parent", "parents", "with_name"})  # of a path: its own name is not in them
_FINDING = frozenset({
    "getLogger", "get_logger", "files", "get_data", "read_text", "open_text", "read_binary", "open_binary",
    "resource_filename", "resource_string", "resource_stream",
})  # fmt: skip


def comes_out(node: ast.AST) -> bool:
    """Say whether code asks for its module's name for more than a logger, a folder, an import or ``"__main__"``."""
    waiting = [(node, OWN_NAMES)]
    while waiting:
        part, names = waiting.pop()
        if isinstance(part, ast.Name) and part.id in names:
            return True
        names -= _kept_inside(part)
        waiting += [(child, names) for child in ast.iter_child_nodes(part)]
    return False


def _kept_inside(node: ast.AST) -> frozenset[str]:
    """Name those of the names that are in an expression and do not come out of it."""
    if isinstance(node, ast.Attribute) and node.attr in _FOLDERS:
        return frozenset({"__file__", "__spec__"})
    if isinstance(node, ast.Call):
        callee = node.func.attr if isinstance(node.func, ast.Attribute) else last(dotted(node.func) or "")
        if callee == "dirname":
            return frozenset({"__file__"})
        return frozenset({"__name__", "__package__"} if callee in _FINDING or is_import_call(node) else ())
    asked = isinstance(node, ast.Subscript) and last(dotted(node.value) or "") == "modules"
    if isinstance(node, ast.Compare):
        sides = (node.left, *node.comparators)
        asked = any(isinstance(one, ast.Constant) and one.value == "__main__" for one in sides)
    return frozenset({"__name__"} if asked else ())
