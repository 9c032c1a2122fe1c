"""Reads one source file into its summary."""

from __future__ import annotations

import ast
import hashlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import canonical, scopes
from .blind import findings
from .inputs import Outline, reads
from .names import Names
from .own_name import comes_out
from .summary import Alias, Mark, Statement, Summary
from .tidy import imported_names, tidied
from .words import CONSUMED, dotted, last

_UNCHANGING = (ast.Constant, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.expr_context)
_DEEP = 100_000  # a sum of thousands of terms nests as deep; these walks are plain calls and need no C stack


class UnreadableError(Exception):
    """The bytes are no source code; says why, and on which line."""

    def __init__(self, reason: str, line: int) -> None:
        self.reason, self.line = reason, line
        super().__init__(reason, line)


def parsed(source: bytes) -> ast.Module:
    """Parse source code; UnreadableError if it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the author's business
            return ast.parse(source)
    except SyntaxError as problem:
        raise UnreadableError(problem.msg, problem.lineno or 0) from None
    except (ValueError, RecursionError, MemoryError) as problem:
        raise UnreadableError(str(problem) or type(problem).__name__, 0) from None


def summarise(source: bytes) -> Summary:
    """Say what a source file says."""
    source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    tree = parsed(source)
    lines = source.split(b"\n")
    with _deep():
        tree = tidied(tree)
        flat = list(_flat(tree.body))
        outline = Outline(_constants(flat), _paths(flat), imported_names(tree))
        statements = [_docstring(tree.body[0], lines)] if ast.get_docstring(tree, clean=False) is not None else []
        for node in flat:
            if not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
                statements += _statements(node, lines, outline)
    return Summary(tuple(statements), _exports(tree, flat), _future(tree))


@contextmanager
def _deep() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _flat(body: Sequence[ast.AST]) -> Iterator[ast.stmt]:
    """Yield the statements of a module that can do something."""
    for node in canonical.live(body):
        assert isinstance(node, ast.stmt)
        yield node


def _docstring(node: ast.stmt, lines: list[bytes]) -> Statement:
    raw = _raw(node, lines)
    full = canonical.digest([node], full=True)
    return Statement(node.lineno, node.end_lineno or node.lineno, ("__doc__",), full, full, raw)


def _statements(node: ast.stmt, lines: list[bytes], outline: Outline) -> list[Statement]:
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        return [_statement(node, lines, outline)]
    return [
        Statement(
            node.lineno, node.end_lineno or node.lineno, (one.name,), plain_import=True, aliases=(one,),
            raw=hashlib.sha256(repr(one).encode()).hexdigest(),
        )
        for one in scopes.aliases(node)
    ]  # fmt: skip


def _statement(node: ast.stmt, lines: list[bytes], outline: Outline) -> Statement:
    bound = scopes.gathered("module", [node]).bound
    names = Names(outline.constants, bound)
    names.visit(node)
    own = next(iter(bound)) if len(bound) == 1 else None
    imported = [value for values in bound.values() for value in values if isinstance(value, Alias)]
    imported += [one for one in names.inner if one.name in names.globals]
    same = _same(node)
    uses = names.uses - {same} if same else names.uses
    early, late = reads(node, outline)
    if Mark.OWN_NAME in names.marks and not comes_out(node):
        del names.marks[Mark.OWN_NAME]
    return Statement(
        line=_first_line(node), end=node.end_lineno or node.lineno,
        binds=(*bound, *sorted(names.globals - bound.keys())),
        lean=canonical.digest([node], own=own), full=canonical.digest([node], full=True, own=own),
        raw=_raw(node, lines), same=same, fresh=_is_fresh(node),
        constant=_is_constant(node),
        uses=tuple(sorted(uses)), told=tuple(sorted(names.told)),
        early=tuple(sorted(names.early & uses)), aliases=tuple(imported), inner=tuple(sorted(names.inner, key=repr)),
        calls=tuple(names.calls), inside=tuple(sorted(names.inside)), handed=tuple(sorted(names.handed)),
        touches=tuple(sorted(names.touches)), readers=tuple(sorted(names.readers)), bases=tuple(names.bases),
        written=tuple(sorted(one for one in names.written if not names.loose[one[0]])),
        prefixes=tuple(sorted(names.prefixes)), strings=tuple(sorted(names.strings)), reads=(*early, *late),
        marks={**names.marks, **_consumed(node)}, blind=findings(node, outline),
    )  # fmt: skip


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _raw(node: ast.stmt, lines: list[bytes]) -> str:
    return hashlib.sha256(b"\n".join(lines[_first_line(node) - 1 : node.end_lineno])).hexdigest()


def _same(node: ast.stmt) -> str | None:
    """Return what ``q = hh.x`` makes another name of."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        name = dotted(node.value)
        return name if name and name.partition(".")[0] != node.targets[0].id else None
    return None


def _is_fresh(node: ast.stmt) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return True
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and scopes.fresh(node.value)


def _consumed(node: ast.stmt) -> dict[Mark, int]:
    """Mark the name of an iterator, or of what else changes when somebody looks at it."""
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    made = isinstance(value, ast.Call) and last(dotted(value.func) or "") in CONSUMED
    return {Mark.CONSUMED: node.lineno} if made or isinstance(value, ast.GeneratorExp) else {}


def _is_constant(node: ast.stmt) -> bool:
    """Say whether names are bound to numbers, texts, or tuples of them."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return False
    return all(isinstance(part, _UNCHANGING) for part in ast.walk(node.value))


def _constants(body: list[ast.stmt]) -> dict[str, str]:
    """Map the names bound once, to a text; those that a function sets are not."""
    found = scopes.gathered("module", body)
    values = {name: found.value(name) for name in found.bound}
    parts = (part for node in body for part in ast.walk(node))
    rebound = {name for part in parts if isinstance(part, ast.Global) for name in part.names}
    return {
        name: value.value
        for name, value in values.items()
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and name not in rebound
    }


def _paths(body: list[ast.stmt]) -> dict[str, ast.expr]:
    """Map names bound once to an expression, those of functions too: paths are built in pieces."""
    found = scopes.gathered("module", body)
    values = {name: found.value(name) for name in found.bound}
    inside: dict[str, list[ast.expr | None]] = {}
    for node in (part for statement in body for part in ast.walk(statement)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for name, value in _inside(node):
                inside.setdefault(name, []).append(value)
    local = {name: value[0] for name, value in inside.items() if len(value) == 1}
    return {name: value for name, value in {**local, **values}.items() if isinstance(value, ast.expr)}


def _inside(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[str, ast.expr | None]]:
    """List what a function's names are bound to: defaults of parameters, and locals bound once."""
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args]
    found = list(
        zip((one.arg for one in named[len(named) - len(arguments.defaults) :]), arguments.defaults, strict=True)
    )
    found += [(one.arg, value) for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    scope = scopes.gathered("function", node.body)
    values = [(name, scope.value(name)) for name in scope.bound]
    return [*found, *((name, value if isinstance(value, ast.expr) else None) for name, value in values)]


def _exports(tree: ast.Module, body: list[ast.stmt]) -> tuple[str, ...] | None:
    """Return ``__all__`` if it is written out in one place, and named nowhere else."""
    if sum(isinstance(node, ast.Name) and node.id == "__all__" for node in ast.walk(tree)) != 1:
        return None
    value = scopes.gathered("module", body).value("__all__")
    if not isinstance(value, (ast.List, ast.Tuple)):
        return None
    names = [item.value for item in value.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return tuple(names) if len(names) == len(value.elts) else None


def _future(tree: ast.Module) -> bool:
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__")
    return any(alias.name == "annotations" for node in imports for alias in node.names)
