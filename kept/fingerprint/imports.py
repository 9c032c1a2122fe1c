"""Imports that are calls: ``import_module("a.b")`` and those whose names are computed."""

from __future__ import annotations

import ast

from .words import dotted, last

_IMPORTERS = frozenset({"import_module", "__import__"})
_FROMLIST = 4  # the place of the names that are imported from the module, which then is what is returned
_BY_PATH = frozenset({"run_path", "load_source", "spec_from_file_location", "SourceFileLoader"})
_OWN = {"__name__": "\0", "__package__": "\1"}  # which module it is, is not known here
_LOADERS = _BY_PATH | frozenset({
    "run_path", "run_module", "load_source", "spec_from_file_location", "SourceFileLoader", "load_module", "find_spec",
    "spec_from_loader", "find_loader", "get_loader", "resolve_name", "LazyLoader",
})  # fmt: skip


def extended(name: str, rest: str) -> str:
    """Append attributes to a name, which may be ``module:attribute``."""
    if not rest:
        return name
    return f"{name}{rest}" if name.endswith(":") else f"{name}.{rest}"


def _tail(node: ast.Call) -> str:
    """Return the last name of what is called, whatever it is a method of."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else last(dotted(node.func) or "")


def is_import_call(node: ast.Call) -> bool:
    """Say whether this imports or finds a module by a value."""
    return _tail(node) in _IMPORTERS | _LOADERS


def loads_by_path(node: ast.Call) -> bool:
    """Say whether this loads a module from a file, whatever its name."""
    return _tail(node) in _BY_PATH


def import_target(node: ast.Call) -> str | None:
    """Name the module that this call imports, as ``module:``, where the name is written out."""
    callee = _tail(node)
    if callee not in _IMPORTERS | {"run_module", "resolve_name"} or not node.args:
        return None
    name = node.args[0]
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        return None
    text = name.value
    if not text.replace(".", "").replace("_", "").replace(":", "").isalnum():
        return None
    if text.startswith("."):
        package = [keyword.value for keyword in node.keywords if keyword.arg == "package"] or node.args[1:2]
        anchor = package[0] if package else None
        if isinstance(anchor, ast.Constant) and isinstance(anchor.value, str):
            text = anchor.value + (text if text.count(".") == 1 or not text.startswith("..") else text[1:])
    if callee == "__import__" and len(node.args) < _FROMLIST and not any(k.arg == "fromlist" for k in node.keywords):
        text = text.partition(".")[0]
    return text if ":" in text else text + ":"


def computed_prefix(node: ast.expr, constants: dict[str, str]) -> str:
    """Return what is known of the beginning of a computed module name; a leading dot is the module's own package."""
    text, _ = _known(node, constants)
    return text


def _known(node: ast.expr, constants: dict[str, str]) -> tuple[str, bool]:
    """Return the known beginning of a text, and whether it is all of it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value, True
    if isinstance(node, ast.Name):
        if node.id in _OWN:
            return _OWN[node.id], True
        return (constants[node.id], True) if node.id in constants else ("", False)
    if isinstance(node, ast.JoinedStr):
        return _joined([one.value if isinstance(one, ast.FormattedValue) else one for one in node.values], constants)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([node.left, node.right], constants)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _known(node.left, constants)[0].partition("%")[0], False
    return (_known_call(node, constants) if isinstance(node, ast.Call) else ""), False


def _known_call(node: ast.Call, constants: dict[str, str]) -> str:
    """Return the known beginning of what ``format`` or ``join`` makes."""
    if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _known(node.func.value, constants)[0].partition("{")[0]
    parts = node.args[0] if node.args else None
    if _tail(node) == "join" and isinstance(parts, (ast.List, ast.Tuple)) and parts.elts:
        known, whole = _known(parts.elts[0], constants)
        return known + "." if whole else known
    return ""


def _joined(parts: list[ast.expr], constants: dict[str, str]) -> tuple[str, bool]:
    text = ""
    for part in parts:
        known, whole = _known(part, constants)
        text += known
        if not whole:
            return text, False
    return text, True
