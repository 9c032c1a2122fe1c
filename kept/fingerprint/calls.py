"""What a statement calls."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable

from .canonical import inner_code
from .changes import Changes
from .imports import computed_prefix, extended, import_target, is_import_call, loads_by_path
from .scopes import Value, aliases
from .summary import LOOPED, Alias, Call, How, Mark
from .texts import evaluated, modules_run
from .words import MUTATING, dotted, last, works_in_place

_NAME = re.compile(r"[A-Za-z_][\w.]*(:[\w.]+)?")


class Calls(Changes):
    """The half of the walk that looks at calls; ``names`` has the other half."""

    def __init__(self, constants: dict[str, str], bound: dict[str, list[Value]] | None = None) -> None:
        super().__init__()
        self.constants = constants  # texts bound to names of the module: prefixes of computed imports
        self.bound = bound or {}  # the names of the module that the statement itself binds, with what to
        self.lazy = 0  # how many function bodies around: what is in them does not run while importing
        self.discarded = False  # inside an expression whose value nobody takes
        self.uses: set[str] = set()
        self.told: set[str] = set()
        self.early: set[str] = set()
        self.inner: set[Alias] = set()
        self.calls: list[Call] = []
        self.inside: set[str] = set()
        self.handed: set[str] = set()
        self.touches: set[str] = set()
        self.readers: set[str] = set()
        self.bases: list[str] = []
        self.globals: set[str] = set()  # names of the module that functions in here bind
        self.prefixes: set[tuple[str, int]] = set()
        self.strings: set[str] = set()
        self.written: set[tuple[str, str]] = set()  # what is called with a text, which may name a module
        self.loose: Counter[str] = Counter()  # how often a name is there for anything else
        self.marks: dict[Mark, int] = {}

    # ---- the other half

    def use(self, name: str) -> None:
        """Note a name of the module."""
        raise NotImplementedError

    def visit(self, node: ast.AST) -> None:
        """Walk on."""
        raise NotImplementedError

    def all(self, nodes: Iterable[ast.AST | None]) -> None:
        """Walk on through several."""
        raise NotImplementedError

    # ---- calls

    def callee(self, node: ast.expr) -> str:
        """Name what is called; ``?.method`` is a method of something computed."""
        name = dotted(node)
        if name is not None:
            return self.chain(name) or ("?." + last(name) if "." in name else "?")
        target = (
            import_target(node.value) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) else None
        )
        if target is not None and isinstance(node, ast.Attribute):
            return extended(target, node.attr)
        return "?." + node.attr if isinstance(node, ast.Attribute) else "?"

    def see_call(self, node: ast.Call) -> None:
        """Note who is called, with what."""
        name = self.callee(node.func)
        if self.special(node, name):
            return
        changed = isinstance(node.func, ast.Attribute) and node.func.attr in MUTATING
        if changed:
            assert isinstance(node.func, ast.Attribute)
            self.changed(node.func, node, method=True)
        elif isinstance(node.func, ast.Attribute) and self.in_place(node, node.func):
            self.changed(node.func, node, method=True)
        self.all_filled(node)
        if self.lazy:
            self.called_inside(node, name)
        else:
            how = How.BARE if self.discarded else How.CALL
            if not changed or how is How.CALL or name.endswith(".register"):
                self.calls.append(Call(name, how, self.given(node), bool(node.args or node.keywords)))
        self.by_text(evaluated(node))
        before, self.discarded = self.discarded, False
        self.visit(node.func)
        self.all((*node.args, *(keyword.value for keyword in node.keywords)))
        self.discarded = before

    def in_place(self, node: ast.Call, method: ast.Attribute) -> bool:
        """Say whether a method changes its object whatever is done with the result: ``df.fillna(0, inplace=True)``."""
        for keyword in node.keywords:
            if keyword.arg == "inplace":
                return not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        scope = self.owner(method.value.id) if self.lazy and isinstance(method.value, ast.Name) else None
        return scope is not None and dotted(method.value) in scope.params and works_in_place(method.attr)

    def special(self, node: ast.Call, name: str) -> bool:
        """Handle calls that are names in disguise: imports, ``getattr``, and texts that are no names at all."""
        tail = last(name.rpartition(":")[2])
        if is_import_call(node):
            self.imported(node)
            self.called_with(name, "")
            return False
        text = node.args[0] if node.args else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and _NAME.fullmatch(text.value):
            self.called_with(name, text.value)
        for statement in inner_code(node) or ():
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self.inner |= set(aliases(statement))
                for one in aliases(statement):
                    self.use(f"{one.module}:{one.attribute or ''}")
            self.visit(statement)
        if tail == "getLogger" or name in ("namedtuple", "collections.namedtuple"):
            self.visit(node.func)
            self.all(arg for arg in node.args if not isinstance(arg, ast.Constant))
            return not self.discarded or tail == "getLogger"
        if name in ("vars", "locals", "dir") and not node.args and not self.lazy_local(name):
            self.mark(Mark.OWN_MODULE, node)
        if name in ("getattr", "hasattr", "setattr", "delattr") and len(node.args) >= 2:
            return self.by_attribute(node, name)
        return False

    def called_with(self, name: str, text: str) -> None:
        """Note what is called with a text that may name a module; empty where that is followed already."""
        self.written.add((name, text))
        self.loose[name] -= 1

    def lazy_local(self, name: str) -> bool:
        """``locals()`` and ``vars()`` in a function are that function's own names."""
        return bool(self.lazy) and name in ("locals", "vars", "dir")

    def by_attribute(self, node: ast.Call, name: str) -> bool:
        """Take ``getattr(x, "name")`` for ``x.name``."""
        owner, attribute = dotted(node.args[0]), node.args[1]
        found = self.chain(owner) if owner is not None else None
        if name in ("setattr", "delattr"):
            self.changed(ast.Attribute(node.args[0], "?", ast.Store()), node)
        if found is None or not isinstance(attribute, ast.Constant) or not isinstance(attribute.value, str):
            return False
        self.use(extended(found, attribute.value))
        self.all((node.func, *node.args[1:]))
        return True

    def imported(self, node: ast.Call) -> None:
        """Note a module imported by a call."""
        target = import_target(node)
        if target is not None:
            self.use(target)
            name = target.rstrip(":").partition(":")[0]
            self.inner.add(Alias("", name, None))
            return
        named = node.args[0] if node.args else next((k.value for k in node.keywords), None)
        known = named is not None and not loads_by_path(node)
        constants = {one: text for one, text in self.constants.items() if self.owner(one) is None}
        prefix = computed_prefix(named, constants) if known and named is not None else ""
        self.prefixes.add((prefix, node.lineno))

    def called_inside(self, node: ast.Call, name: str) -> None:
        """Note what a function calls, and to whom it hands an argument of its own."""
        self.inside.add(name)
        params = {param for scope in self.scopes for param in scope.params}
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if any(isinstance(part, ast.Name) and part.id in params for arg in arguments for part in ast.walk(arg)):
            self.handed.add(name)

    def by_text(self, names: Iterable[str]) -> None:
        """Note names that a text mentions."""
        for found in filter(None, map(self.chain, names)):
            self.use(found)

    def run_modules(self, names: Iterable[str]) -> None:
        """Note modules that a command runs."""
        for name in names:
            self.use(f"{name}:")
            self.use(f"{name}.__main__:")

    def see_list(self, node: ast.List | ast.Tuple) -> None:
        """Note the modules that a command runs."""
        self.run_modules(modules_run(node))
        self.all(node.elts)

    see_tuple = see_list

    def entered(self, node: ast.expr) -> None:
        """Note what a ``with`` enters by its name."""
        name = dotted(node)
        found = self.chain(name) if name is not None and not self.lazy else None
        if found is not None:
            self.calls.append(Call(extended(found, "__enter__"), How.CALL))

    def given(self, node: ast.Call) -> tuple[str, ...]:
        """List the module's names among the arguments; a lambda is ``?``, a name of a comprehension ``*``."""
        found: set[str] = set()
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            for part in ast.walk(argument):
                if isinstance(part, ast.Lambda):
                    found.add("?")
                elif isinstance(part, (ast.Name, ast.Attribute)):
                    name = dotted(part)
                    target = self.chain(name) if name else None
                    found |= {target} if target else {LOOPED} if name and not self.lazy else set()
        return tuple(sorted(found))

    # ---- definitions

    def decorators(self, nodes: list[ast.expr]) -> None:
        """Note decorators: they may keep what they decorate, or read it."""
        for node in nodes:
            configured = isinstance(node, ast.Call)
            name = self.callee(node.func if isinstance(node, ast.Call) else node)
            self.readers.add(name)
            if not self.lazy:
                given = self.given(node) if isinstance(node, ast.Call) else ()
                self.calls.append(Call(name, How.DECORATOR, given, configured))
            if isinstance(node, ast.Call):
                self.all((node.func, *node.args, *(keyword.value for keyword in node.keywords)))
            else:
                self.visit(node)

    def parents(self, node: ast.ClassDef) -> None:
        """Note bases and metaclass: they may keep the class, or read it."""
        options = [keyword for keyword in node.keywords if keyword.arg != "metaclass"]
        for base in node.bases:
            inner = base.value if isinstance(base, ast.Subscript) else base
            if isinstance(inner, ast.Call):
                inner = inner.func
            self.parent(self.callee(inner), How.BASE, bool(options))
        for keyword in node.keywords:
            if keyword.arg == "metaclass":
                self.parent(self.callee(keyword.value), How.METACLASS, bool(options))
        self.all((*node.bases, *(keyword.value for keyword in node.keywords)))

    def parent(self, name: str, how: How, configured: bool) -> None:
        """Note one base or metaclass."""
        self.readers.add(name)
        self.bases.append(name)
        if not self.lazy:
            self.calls.append(Call(name, how, (), configured))
