"""What one top-level statement mentions, calls and changes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from . import scopes, words
from .calls import Calls
from .imports import extended, import_target
from .scopes import COMPREHENSIONS, FUNCTIONS, Scope
from .summary import Call, How, Mark
from .texts import mentioned, modules_in_command, quoted
from .words import dotted, last

_LOOKS_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(:[A-Za-z_][\w.]*)?|[A-Za-z_]\w*:[A-Za-z_][\w.]*")
_SPEAKING = (ast.BinOp, ast.UnaryOp, ast.Subscript, ast.Attribute)
_JOINING = (ast.BitOr, ast.RShift, ast.LShift, ast.MatMult)
# What a word tells: anywhere, as a name of its own, and as an attribute or text.
_TELLING = {
    **dict.fromkeys(words.READS_DOCS, Mark.READS_DOCS),
    **dict.fromkeys(words.READS_SOURCE, Mark.READS_SOURCE),
    **dict.fromkeys(words.READS_LINES, Mark.READS_LINES),
    **dict.fromkeys(words.READS_MODULES, Mark.READS_MODULES),
    **dict.fromkeys(words.EVERYTHING, Mark.EVERY_MODULE),
    "__subclasses__": Mark.SUBCLASSES,
}
_BARE = {
    **dict.fromkeys(words.OWN_NAMES, Mark.OWN_NAME),
    **dict.fromkeys(words.OWN_MODULE, Mark.OWN_MODULE),
    "__debug__": Mark.ASSERTS,
}
_HELD = dict.fromkeys(words.READS_NAMES, Mark.READS_NAMES)
_HARMLESS_WITH = frozenset({"open", "suppress", "nullcontext", "closing", "ExitStack", "catch_warnings"})


class Names(Calls):
    """One walk over a statement; what it finds is in the attributes afterwards."""

    # ---- what is found

    def mark(self, mark: Mark, node: ast.AST) -> None:
        """Note a feature of the code with its first line."""
        self.marks.setdefault(mark, getattr(node, "lineno", 0))

    def use(self, name: str) -> None:
        """Note a name of the module, and whether importing looks it up."""
        self.uses.add(name)
        self.loose[name] += 1
        if not self.lazy:
            self.early.add(name)

    # ---- the walk

    def all(self, nodes: Iterable[ast.AST | None]) -> None:
        """Walk through several nodes."""
        for node in nodes:
            if node is not None:
                self.visit(node)

    def visit(self, node: ast.AST) -> None:
        """Walk through one node, by the rule for its kind."""
        if isinstance(node, FUNCTIONS):
            self.function(node)
        elif isinstance(node, COMPREHENSIONS):
            self.comprehension(node)
        else:
            special = getattr(self, "see_" + type(node).__name__.lower(), None)
            if special is not None:
                special(node)
            else:
                self.all(ast.iter_child_nodes(node))

    def see_name(self, node: ast.Name) -> None:
        """Note a name."""
        found = self.reference(node.id)
        if isinstance(node.ctx, ast.Store):
            return
        if found is not None:
            self.use(found)
            self.words(node.id, node, is_name=True)

    def see_attribute(self, node: ast.Attribute) -> None:
        """Note a dotted name as one."""
        if not isinstance(node.ctx, ast.Load):
            self.changed(node, node)
        names: list[str] = []
        root: ast.AST = node
        while isinstance(root, ast.Attribute):
            self.words(root.attr, root)
            names.append(root.attr)
            root = root.value
        found = None
        if isinstance(root, ast.Name):
            found = self.reference(root.id)
            if found in words.OWN_NAMES:
                self.mark(Mark.OWN_NAME, root)
        elif isinstance(root, ast.Call):
            found = import_target(root)
        if found is None:
            if not isinstance(root, ast.Name):
                self.visit(root)
            return
        self.use(extended(found, ".".join(reversed(names))))

    def see_subscript(self, node: ast.Subscript) -> None:
        """Note changes, and modules taken from ``sys.modules``."""
        if not isinstance(node.ctx, ast.Load):
            self.changed(node, node)
        if last(dotted(node.value) or "") == "modules":
            own = isinstance(node.slice, ast.Name) and node.slice.id == "__name__"
            self.mark(Mark.OWN_MODULE if own else Mark.EVERY_MODULE, node)
        self.all((node.value, node.slice))

    def see_constant(self, node: ast.Constant) -> None:
        """Note a text that may name code."""
        if isinstance(node.value, str) and len(node.value) < 200:
            self.words(node.value, node)
            if _LOOKS_DOTTED.fullmatch(node.value):
                self.strings.add(node.value)
        if isinstance(node.value, str):
            self.by_text(mentioned(node.value))
            self.run_modules(modules_in_command(node.value))

    def words(self, word: str, node: ast.AST, *, is_name: bool = False) -> None:
        """Note a feature by its telling name."""
        mark = _TELLING.get(word) or (_BARE if is_name else _HELD).get(word)
        if mark is not None:
            self.mark(mark, node)

    def see_assert(self, node: ast.Assert) -> None:
        """Note an assertion: ``-O`` drops it."""
        self.mark(Mark.ASSERTS, node)
        self.all((node.test, node.msg))

    def see_expr(self, node: ast.Expr) -> None:
        """Note that nobody takes the value."""
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, (ast.BinOp,) if self.lazy else _SPEAKING):
            self.mark(Mark.CHANGES if self.lazy else Mark.EFFECT, node)  # ``flow >> step`` is there for what it does
        before, self.discarded = self.discarded, True
        self.visit(node.value)
        self.discarded = before

    def see_binop(self, node: ast.BinOp) -> None:
        """Note an operator that pipelines are joined with: it may change what stands on its left."""
        joined = dotted(node.left) if isinstance(node.op, _JOINING) and not self.lazy else None
        found = self.chain(joined) if joined is not None else None
        if found is not None:
            self.calls.append(Call(extended(found, "__or__"), How.CALL))
        self.all((node.left, node.right))

    def see_assign(self, node: ast.Assign) -> None:
        """Walk an assignment; one that only gives a thing another name does not yet look into it."""
        self.shares(node)
        found = self.renamed(node)
        if found is not None:
            self.use(extended(found, "?"))
        else:
            self.visit(node.value)
        self.all(node.targets)

    def renamed(self, node: ast.Assign) -> str | None:
        """Return what a local name is bound to here, only here, if that is a dotted name: its uses say what counts."""
        if not self.scopes or self.scopes[-1].kind != "function" or self.scopes[-1].shown or len(node.targets) != 1:
            return None
        target = node.targets[0]
        if not isinstance(target, ast.Name) or self.scopes[-1].value(target.id) is not node.value:
            return None
        return self.local(len(self.scopes), target.id)

    def see_augassign(self, node: ast.AugAssign) -> None:
        """Note ``x += y``: it reads, binds and changes."""
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            found = self.reference(node.target.id)
            if found is not None:
                self.use(found)
                if not self.lazy:
                    self.touches.add(found)  # a list is changed in place, whoever else holds it
            if self.lazy:
                self.changed_in_place(node.target)
        else:
            self.visit(node.target)

    def see_annassign(self, node: ast.AnnAssign) -> None:
        """Walk an annotated assignment; a class's annotations are values."""
        self.all((node.value, node.target))
        in_class = bool(self.scopes) and self.scopes[-1].kind == "class"
        if in_class:
            self.visit(node.annotation)
        if in_class or not self.lazy:
            self.annotation(node.annotation)  # of a class, the quoted names

    def annotation(self, node: ast.AST | None) -> None:
        """Note the names of an annotation, quoted ones too, apart from the others."""
        waiting = [node]
        while waiting:
            part = waiting.pop()
            if part is None or (isinstance(part, ast.Subscript) and last(dotted(part.value) or "") == "Literal"):
                continue
            waiting += ast.iter_child_nodes(part)
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                waiting.append(quoted(part.value))
            name = dotted(part) if isinstance(part, (ast.Name, ast.Attribute)) else None
            found = self.chain(name) if name is not None else None
            if found:
                self.told.add(found)

    def see_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Note an import inside a function or class."""
        if not self.scopes:
            return
        found = scopes.aliases(node)
        self.inner |= set(found)
        scope = self.scopes[-1]
        for one in found:
            name = f"{one.module}:{one.attribute or ''}"
            bound = one.name or one.module.partition(".")[0]
            known = scope.kind == "function" and not scope.shown and scope.value(bound) is not None
            # else an attribute of the class, or one of several things that a name may be
            self.use(extended(name, "?") if known else name)

    see_importfrom = see_import

    def see_with(self, node: ast.With | ast.AsyncWith) -> None:
        """Walk a ``with``: what it enters may change anything."""
        for item in node.items:
            callee = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
            name = callee.attr if isinstance(callee, ast.Attribute) else dotted(callee) or "?"
            before, self.discarded = self.discarded, last(name) not in _HARMLESS_WITH
            self.visit(item.context_expr)
            self.discarded = before
            self.entered(item.context_expr)
            self.all((item.optional_vars,))
        self.all(node.body)

    see_asyncwith = see_with

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """Walk a function: its defaults run now, its body later."""
        self.mark(Mark.DEFINES, node)
        if not isinstance(node, ast.Lambda):
            self.named_as_logging({node.name} if self.scopes else (), node)
            self.decorators(node.decorator_list)
            self.type_parameters(node)
        arguments = node.args
        self.all((*arguments.defaults, *arguments.kw_defaults))
        everyone = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        for argument in everyone:
            self.annotation(argument.annotation if argument is not None else None)
        if not isinstance(node, ast.Lambda):
            self.annotation(node.returns)
        self.scopes.append(scopes.of_function(node))
        self.lazy += 1
        before, self.discarded = self.discarded, False
        self.all([node.body] if isinstance(node, ast.Lambda) else node.body)
        self.discarded = before
        self.lazy -= 1
        self.scopes.pop()
        if getattr(node, "type_params", None):
            self.scopes.pop()

    def type_parameters(self, node: ast.AST) -> None:
        """Open a scope for ``[T: bound]``, which is there from Python 3.12 on."""
        parameters = getattr(node, "type_params", [])
        if not parameters:
            return
        scope = Scope("function", {one.name: [None] for one in parameters})
        self.scopes.append(scope)
        for one in parameters:
            self.annotation(getattr(one, "bound", None))
            self.annotation(getattr(one, "default_value", None))

    def see_typealias(self, node: ast.AST) -> None:
        """Walk ``type X = ...``: its value is made when asked for."""
        self.type_parameters(node)
        self.lazy += 1
        self.visit(node.value)  # type: ignore[attr-defined]  # Python 3.11 has none
        self.lazy -= 1
        if getattr(node, "type_params", None):
            self.scopes.pop()

    def comprehension(self, node: scopes.Comprehension) -> None:
        """Walk a comprehension in a scope of its own."""
        generators = node.generators
        self.visit(generators[0].iter)
        self.scopes.append(scopes.of_comprehension(node))
        for position, generator in enumerate(generators):
            self.all((generator.iter if position else None, *generator.ifs))
        self.all(getattr(node, field, None) for field in ("key", "value", "elt"))
        self.scopes.pop()

    def see_classdef(self, node: ast.ClassDef) -> None:
        """Walk a class: its body runs now."""
        self.mark(Mark.DEFINES, node)
        self.decorators(node.decorator_list)
        self.type_parameters(node)
        self.parents(node)
        scope = scopes.gathered("class", node.body)
        scope.open_class = bool(node.bases or node.keywords)
        self.named_as_logging(scope.bound, node)
        self.scopes.append(scope)
        before, self.discarded = self.discarded, False
        self.all(node.body)
        self.discarded = before
        self.scopes.pop()
        if getattr(node, "type_params", None):
            self.scopes.pop()
        if {"__init_subclass__", "__set_name__", "__prepare__"} & scope.bound.keys() or self.is_metaclass(node):
            self.mark(Mark.HOOKS, node)

    @staticmethod
    def is_metaclass(node: ast.ClassDef) -> bool:
        """Say whether this class makes classes."""
        return any(last(dotted(base) or "") in ("type", "ABCMeta", "EnumMeta", "EnumType") for base in node.bases)
