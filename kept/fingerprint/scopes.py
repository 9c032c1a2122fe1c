"""Which names a piece of code binds, scope by scope."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ..lean import dataclass, field
from .summary import Alias
from .words import FRESH, dotted, last

Value = ast.AST | Alias | None  # what a name is bound to, where one expression says it
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.Tuple, ast.Constant, ast.JoinedStr, *COMPREHENSIONS, *FUNCTIONS)

_SHOWING = frozenset({"locals", "vars", "dir", "eval", "exec"})
_COPYING = frozenset({"copy", "dict", "list", "tuple", "sorted", "OrderedDict", "ChainMap", "zip", "map"})


@dataclass
class Scope:
    """The names that one function, class or comprehension binds."""

    kind: str  # "class", "function" or "comprehension"
    bound: dict[str, list[Value]] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)  # declared global
    around: set[str] = field(default_factory=set)  # declared nonlocal
    params: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)  # locals that a function returns among others
    held: set[str] = field(default_factory=set)  # those that are the same at every call, and stay changed
    open_class: bool = False  # a class with bases that may hold more names
    shown: bool = False  # a function that may look at its local names by text
    builds: bool = False  # a function that fills a new object

    def value(self, name: str) -> Value:
        """Return what ``name`` is bound to, if it is bound once."""
        values = self.bound.get(name, [])
        return values[0] if len(values) == 1 else None

    def is_fresh(self, name: str) -> bool:
        """Say whether every value of this local name was made here."""
        values = self.bound.get(name, [])
        return name not in self.params and bool(values) and all(map(fresh, values))

    def is_shallow(self, name: str) -> bool:
        """Say whether this local name may be a new box around things that others hold."""
        calls = [value for value in self.bound.get(name, []) if isinstance(value, ast.Call)]
        return any(last(dotted(one.func) or "") in _COPYING and (one.args or _is_method(one)) for one in calls)


def _is_method(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute)


def fresh(value: Value) -> bool:
    """Say whether this expression makes a value that nobody else holds."""
    if isinstance(value, ast.ClassDef):
        return True
    if isinstance(value, ast.Call):
        return last(dotted(value.func) or "") in FRESH
    return isinstance(value, _DISPLAYS) or (
        isinstance(value, (ast.BinOp, ast.UnaryOp, ast.Compare)) and not isinstance(value, ast.Call)
    )


def of_function(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Scope:
    """Gather the names local to a function."""
    arguments = node.args
    params = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    params |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
    body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
    scope = gathered("function", body)
    scope.params = params
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*zip(positional[::-1], arguments.defaults[::-1], strict=False)]
    defaults += [(one, value) for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    scope.held = {one.arg for one, value in defaults if isinstance(value, (ast.List, ast.Dict, ast.Set, ast.Call))}
    scope.builds = getattr(node, "name", "") in ("__init__", "__post_init__", "__attrs_post_init__", "__setstate__")
    if positional and _has_its_class(node, positional[0].arg):
        scope.held.add(positional[0].arg)
    for name in params:
        scope.bound.setdefault(name, []).append(None)
    return scope


def _has_its_class(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, first: str) -> bool:
    """Say whether a function is given its class; ``__init_subclass__`` is given a new one each time."""
    if isinstance(node, ast.Lambda) or node.name in ("__init_subclass__", "__prepare__"):
        return False
    if node.name == "__new__" or (node.name == "__call__" and first == "cls"):  # of a metaclass
        return True
    return any(dotted(one) == "classmethod" for one in node.decorator_list)


def of_comprehension(node: Comprehension) -> Scope:
    """Gather the loop variables of a comprehension."""
    scope = Scope("comprehension")
    for generator in node.generators:
        _targets(generator.target, None, scope)
    return scope


def gathered(kind: str, body: Iterable[ast.AST]) -> Scope:
    """Gather the names that these statements bind, not looking into functions and classes."""
    scope = Scope(kind)
    waiting = list(body)[::-1]
    while waiting:
        node = waiting.pop()
        _bind(node, scope)
        scope.returned |= _given_back(node)
        scope.shown = scope.shown or (isinstance(node, ast.Name) and node.id in _SHOWING)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            waiting += _outside(node)
        elif isinstance(node, COMPREHENSIONS):
            waiting += [part for part in ast.walk(node) if isinstance(part, ast.NamedExpr)]
        else:
            waiting += list(ast.iter_child_nodes(node))[::-1]
    for name in scope.outer:
        scope.bound.pop(name, None)
    return scope


def _outside(node: ast.AST) -> list[ast.AST]:
    """List what is worked out where a function or class is defined: it may bind names there."""
    found: list[ast.AST] = [*getattr(node, "decorator_list", ())]
    if isinstance(node, ast.ClassDef):
        return [*found, *node.bases, *node.keywords]
    arguments = getattr(node, "args", None)
    if isinstance(arguments, ast.arguments):
        found += filter(None, (*arguments.defaults, *arguments.kw_defaults))
    return found


def _given_back(node: ast.AST) -> set[str]:
    """Return the names that a ``return`` of several things gives back."""
    if not isinstance(node, ast.Return) or not isinstance(node.value, (ast.Tuple, ast.List, ast.Dict)):
        return set()
    inside = node.value.values if isinstance(node.value, ast.Dict) else node.value.elts
    return {one.id for one in inside if isinstance(one, ast.Name)}


def _bind(node: ast.AST, scope: Scope) -> None:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            _targets(target, node.value, scope)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        scope.bound.setdefault(node.target.id, []).append(node.value)
    elif isinstance(node, (ast.NamedExpr, ast.AugAssign, ast.For, ast.AsyncFor)):
        _targets(node.target, node.value if isinstance(node, ast.NamedExpr) else None, scope)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        _targets(node.optional_vars, None, scope)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        scope.bound.setdefault(node.name, []).append(node)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in (one for one in aliases(node) if one.name):
            scope.bound.setdefault(alias.name, []).append(alias)
    else:
        _bind_rest(node, scope)


def _bind_rest(node: ast.AST, scope: Scope) -> None:
    name = None
    if isinstance(node, ast.Global):
        scope.outer |= set(node.names)
    elif isinstance(node, ast.Nonlocal):  # it belongs to a function around, so what it is bound to here is not all
        scope.around |= set(node.names)
        for one in node.names:
            scope.bound.setdefault(one, []).append(None)
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        name = node.name
    elif isinstance(node, ast.MatchMapping):
        name = node.rest
    elif type(node).__name__ == "TypeAlias":
        name = node.name.id  # type: ignore[attr-defined]  # Python 3.11 has none
    elif isinstance(node, ast.Delete):
        for target in node.targets:
            _targets(target, None, scope)
    if name is not None:
        scope.bound.setdefault(name, []).append(None)


def _targets(target: ast.AST, value: Value, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope.bound.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Starred):
        _targets(target.value, None, scope)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for item in target.elts:
            _targets(item, None, scope)


def aliases(node: ast.Import | ast.ImportFrom) -> list[Alias]:
    """List what an import binds."""
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        return [Alias(one.asname or one.name, module, one.name) for one in node.names]
    found: list[Alias] = []
    for one in node.names:
        top = one.name.partition(".")[0]
        found.append(Alias(one.asname or top, one.name if one.asname else top, None))
        if not one.asname and top != one.name:
            found.append(Alias("", one.name, None))  # binds nothing more, but loads it
    return found
