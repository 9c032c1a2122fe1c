"""Finds the text of functions that no name leads to: closures, lambdas, functions of a notebook or of ``exec``."""

from __future__ import annotations

import ast
import functools
import hashlib
import linecache
import os
import types

from . import canonical
from .project import Project
from .reading import UnreadableError, parsed


def in_file(function: types.FunctionType, project: Project) -> bool:
    """Say whether a function was made from a file of the project."""
    path = os.path.abspath(function.__code__.co_filename)
    return path.startswith(project.root + os.sep) and os.path.exists(path)


def text(function: types.FunctionType) -> str:
    """Name the canonical form of a function's source; where there is none, of its bytecode, for this Python only."""
    node = definition(function)
    return canonical.digest([node], own=function.__name__) if node is not None else _bytecode(function.__code__)


def definition(function: types.FunctionType) -> ast.AST | None:
    """Find the definition of a function by its place."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    tree = _tree("".join(linecache.getlines(code.co_filename)))
    if tree is None:
        return None
    found = [node for node in ast.walk(tree) if _is_at(node, code)]
    return found[0] if len(found) == 1 else _by_column(found, code)


@functools.lru_cache(maxsize=32)
def _tree(source: str) -> ast.Module | None:
    try:
        return parsed(source.encode()) if source else None
    except UnreadableError:
        return None


def _is_at(node: ast.AST, code: types.CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.name != code.co_name:
        return False
    return min([node.lineno, *(one.lineno for one in node.decorator_list)]) == code.co_firstlineno


def _by_column(found: list[ast.AST], code: types.CodeType) -> ast.AST | None:
    """Tell several lambdas on a line apart by where their bodies are."""
    places = {
        (line, column) for line, _, column, _ in code.co_positions() if line and column is not None and column > 0
    }
    for node in found:
        body = getattr(node, "body", None)
        parts = list(ast.walk(body)) if isinstance(body, ast.AST) else []
        inside = {(part.lineno, part.col_offset) for part in parts if isinstance(part, (ast.expr, ast.arg))}
        if places and places <= inside:
            return node
    return None


def names(function: types.FunctionType) -> list[str]:
    """List the names that a function may look up among its globals, functions inside it included."""
    found: set[str] = set()
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        found |= set(code.co_names)
        waiting += [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return sorted(found)


def _bytecode(code: types.CodeType) -> str:
    hashed = hashlib.sha256(code.co_code)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            hashed.update(_bytecode(const).encode())
        else:
            shown = sorted(map(repr, const)) if isinstance(const, frozenset) else const
            hashed.update(f"{type(const).__name__} {shown!r};".encode())
    hashed.update(
        repr(
            (code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, code.co_kwonlyargcount, code.co_flags)
        ).encode()
    )
    return hashed.hexdigest()
