"""Writes a piece of syntax in one form, whatever its layout and whichever Python parsed it.

Not ``ast.dump``: that differs between Python versions. Not bytecode: no two versions agree on it.
Two forms of each piece: *lean* leaves out docstrings and annotations, *full* keeps them for those who can read them.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

from .words import PLAIN_BASES, dotted

# Bump when the form changes: it is part of every digest and of every remembered summary.
SCHEME = 6

_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores", "simple"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def digest(nodes: Sequence[ast.AST], *, full: bool = False, own: str | None = None) -> str:
    """Name some statements; ``own`` is the name they bind, written as a placeholder so that renaming shows nowhere."""
    writer = _Writer(full, own)
    writer.body(nodes)
    return hashlib.sha256(b"".join(writer.out)).hexdigest()


class _Writer:
    def __init__(self, full: bool, own: str | None) -> None:
        self.full, self.own = full, own
        self.out: list[bytes] = [b"kept%d" % SCHEME]
        self.in_class: list[bool] = []  # for each class around: do its annotations make fields?

    def text(self, tag: bytes, value: str) -> None:
        data = value.encode("utf-8", "surrogatepass")
        self.out.append(b"%s%d:%s" % (tag, len(data), data))

    def body(self, nodes: Sequence[ast.AST]) -> None:
        self.out.append(b"[")
        for node in live(nodes, keep_docs=self.full):
            self.node(node)
        self.out.append(b"]")

    def node(self, node: ast.AST) -> None:
        special = _SPECIAL.get(type(node))
        if special is None:
            self.fields(node)
        else:
            special(self, node)

    def fields(self, node: ast.AST, skip: frozenset[str] = frozenset()) -> None:
        self.text(b"(", type(node).__name__)
        for field in node._fields:
            value = getattr(node, field, None)
            if field in _SKIPPED or field in skip or value is None or value == []:
                continue
            self.text(b".", field)
            self.value(field, value)
        self.out.append(b")")

    def value(self, field: str, value: object) -> None:
        if isinstance(value, ast.AST):
            self.node(value)
        elif isinstance(value, list):
            if field in ("body", "orelse", "finalbody"):
                self.body(value)
                return
            self.out.append(b"[")
            for item in value:
                if item is None:  # no default, ``**`` in a dict: not the constant None
                    self.out.append(b"-")
                else:
                    self.value("", item)
            self.out.append(b"]")
        elif isinstance(value, str):
            self.text(b"s", self.placeholder(value) if field == "name" else value)
        else:
            self.constant(value)

    def placeholder(self, name: str) -> str:
        return "\0" if name == self.own else name

    def constant(self, value: object) -> None:
        """Typed: 1, 1.0, True and '1' differ, so do 0.0 and -0.0; there is one NaN."""
        if isinstance(value, str):
            self.text(b"s", value)
        elif isinstance(value, bytes):
            self.out.append(b"y%d:%s" % (len(value), value))
        elif isinstance(value, bool) or value is None or value is ...:
            self.text(b"k", repr(value))
        elif isinstance(value, int):
            self.text(b"i", f"{value:x}")
        elif isinstance(value, float):
            self.out.append(b"f" + (b"nan" if math.isnan(value) else struct.pack(">d", value)))
        elif isinstance(value, complex):
            self.out.append(b"c")
            self.constant(value.real)
            self.constant(value.imag)
        else:
            raise AssertionError(f"a constant of type {type(value).__name__} in a syntax tree")

    # ---- nodes with a rule of their own

    def see_constant(self, node: ast.Constant) -> None:
        self.constant(node.value)

    def see_name(self, node: ast.Name) -> None:
        self.text(b"n", self.placeholder(node.id))

    def see_arg(self, node: ast.arg) -> None:
        self.fields(node, frozenset() if self.full else frozenset({"annotation"}))

    def see_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        skip = set() if self.full else {"returns"}
        if not self.full and not _reads_type_parameters(node):
            skip.add("type_params")
        self.in_class.append(False)
        self.fields(node, frozenset(skip))
        self.in_class.pop()

    def see_class(self, node: ast.ClassDef) -> None:
        self.in_class.append(makes_fields(node))
        self.fields(node)
        self.in_class.pop()

    def see_annotated(self, node: ast.AnnAssign) -> None:
        """``x: int = 1`` is ``x = 1`` where nobody reads the annotation."""
        if self.full or (self.in_class and self.in_class[-1]):
            self.fields(node)
        elif node.value is not None:
            self.fields(ast.Assign(targets=[node.target], value=node.value))

    def see_joined(self, node: ast.JoinedStr) -> None:
        """Write an f-string; neighbouring texts are one, and without a hole it is a plain string."""
        pieces: list[ast.expr | str] = []
        for piece in node.values:
            if isinstance(piece, ast.Constant) and isinstance(piece.value, str):
                if pieces and isinstance(pieces[-1], str):
                    pieces[-1] += piece.value
                elif piece.value:
                    pieces.append(piece.value)
            else:
                pieces.append(piece)
        if all(isinstance(piece, str) for piece in pieces):
            self.constant("".join(str(piece) for piece in pieces))
            return
        self.text(b"(", "JoinedStr")
        for one in pieces:
            self.value("", one)
        self.out.append(b")")

    def see_delete(self, node: ast.Delete) -> None:
        """``del (a, b)`` is ``del a, b``."""
        targets = node.targets
        while any(isinstance(one, (ast.Tuple, ast.List)) for one in targets):
            targets = [part for one in targets for part in getattr(one, "elts", [one])]
        self.fields(ast.Delete(targets=targets))

    def see_call(self, node: ast.Call) -> None:
        """Code in a text given to ``exec`` is code: its layout does not count."""
        inner = inner_code(node)
        if inner is None:
            self.fields(node)
            return
        self.text(b"(", "Call")
        self.node(node.func)
        self.body(inner)
        for argument in (*node.args[1:], *(keyword.value for keyword in node.keywords)):
            self.node(argument)
        self.out.append(b")")


_SPECIAL: dict[type[ast.AST], Callable[[_Writer, Any], None]] = {
    ast.Constant: _Writer.see_constant,
    ast.Name: _Writer.see_name,
    ast.arg: _Writer.see_arg,
    ast.FunctionDef: _Writer.see_function,
    ast.AsyncFunctionDef: _Writer.see_function,
    ast.ClassDef: _Writer.see_class,
    ast.AnnAssign: _Writer.see_annotated,
    ast.JoinedStr: _Writer.see_joined,
    ast.Delete: _Writer.see_delete,
    ast.Call: _Writer.see_call,
}


def live(nodes: Sequence[ast.AST], *, keep_docs: bool = False) -> list[ast.AST]:
    """Leave out statements that do nothing: ``pass`` and constants, docstrings among them."""
    kept: list[ast.AST] = []
    for position, node in enumerate(nodes):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if keep_docs and position == 0 and isinstance(node.value.value, str):
                kept.append(node)
        elif not isinstance(node, ast.Pass):
            kept.append(node)
    return kept


def inner_code(node: ast.Call) -> list[ast.stmt] | None:
    """Return the statements of a text that is given to ``exec``, if it is written out and is code."""
    text = node.args[0] if node.args else None
    if dotted(node.func) != "exec" or not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        return None
    try:
        return ast.parse(text.value).body
    except (SyntaxError, ValueError):
        return None


def makes_fields(node: ast.ClassDef) -> bool:
    """Say whether somebody may read the annotations of this class: a decorator, or a base that is not plain."""
    bases = {(dotted(base) or "?").rpartition(".")[2] for base in map(_unsubscripted, node.bases)}
    return bool(node.decorator_list or node.keywords or bases - PLAIN_BASES)


def _unsubscripted(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Subscript) else node


def _reads_type_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {parameter.name for parameter in getattr(node, "type_params", [])}
    if not names:
        return False
    inside = (part for statement in node.body for part in ast.walk(statement))
    return any(isinstance(part, ast.Name) and part.id in names for part in inside)


def named(*values: object) -> str:
    """Name some plain values."""
    return hashlib.sha256(json.dumps(values, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()
