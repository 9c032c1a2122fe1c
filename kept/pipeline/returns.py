"""What a function says that it returns, read from its annotation without importing what only type checkers import."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import itertools
import sys
import typing
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..lean import dataclass


@dataclass(frozen=True, slots=True)
class Returns:
    """The declared result of a function: one value, or the fields of a NamedTuple.

    ``types`` gives each field (or ``""`` for a single value) the dotted name of its declared type, the text of its
    ``Annotated`` type, or None where only the value itself can tell.
    """

    types: Mapping[str, str | None]
    tuple_type: type | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields; empty for a single value."""
        return tuple(self.types) if self.tuple_type is not None else ()


_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where statements lie in a statement
_UNKNOWN = object()  # what an annotation means that cannot be read


class _Named:
    """Stands for a name that is not bound at run time; it knows its dotted path and bears any subscript."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> _Named:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Named(f"{self._path}.{name}")

    def __getitem__(self, _: object) -> _Named:
        return self

    def __or__(self, _: object) -> object:  # a union is decided by the value
        return _UNKNOWN

    __ror__ = __or__

    def __call__(self, *_: object) -> _Named:  # typing accepts only callables as types
        return self


class _Names(dict[str, Any]):
    """The names of a module as its annotations see them: bound ones first, then what only type checkers import."""

    def __init__(self, module: str) -> None:
        super().__init__(vars(sys.modules[module]) if module in sys.modules else {})
        self.module = module

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            return getattr(builtins, name)
        path = _type_checkers_imports(self.module).get(name) or _unbound_imports(self.module).get(name, name)
        return _Named(path)


@functools.cache
def _unbound_imports(module: str) -> Mapping[str, str]:
    """Return name → dotted path of every import statement in the source of a module, wherever it stands."""
    try:
        return _imports_of(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError):
        return {}


@functools.cache
def _type_checkers_imports(module: str) -> Mapping[str, str]:
    """Return those that stand at the top, below ``if TYPE_CHECKING:``: to parse all takes a hundred times as long."""
    try:
        lines = inspect.getsource(sys.modules[module]).splitlines(keepends=True)
        start = next(number for number, line in enumerate(lines) if line.startswith(_TYPE_CHECKING))
        return _imports_of("".join([lines[start], *itertools.takewhile(_indented, lines[start + 1 :])]))
    except (KeyError, OSError, TypeError, SyntaxError, StopIteration):
        return {}


_TYPE_CHECKING = ("if TYPE_CHECKING:", "if typing.TYPE_CHECKING:")


def _indented(line: str) -> bool:
    return not line.strip() or line[0] in " \t"


def _imports_of(source: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement in _statements(ast.parse(source)):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                found[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            for alias in statement.names:
                found[alias.asname or alias.name] = f"{statement.module}.{alias.name}"
    return found


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield every statement, and none of the many expressions in them."""
    todo: deque[Any] = deque(tree.body)
    while todo:
        one = todo.popleft()
        if isinstance(one, ast.stmt):
            yield one
        for field in _BLOCKS:
            todo += getattr(one, field, ())


def _evaluate(annotation: object, module: str) -> object:
    """Return what an annotation means, however often it is quoted; _UNKNOWN where it cannot be read."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    while isinstance(annotation, str):
        annotation = _read(annotation, module)
    return annotation


def _read(annotation: str, module: str) -> object:
    try:
        return eval(annotation, {"__builtins__": {}}, _Names(module))  # noqa: S307  # the user's own annotation, as typing does
    except Exception:  # noqa: BLE001  # an annotation may be any expression; what cannot be read is decided by the value
        return _UNKNOWN


def _dotted(annotation: object, module: str) -> str | None:
    """Name a declared type: ``numpy.ndarray``; the text of ``Annotated[X, "skops"]`` wins; None if it says nothing."""
    annotation = _evaluate(annotation, module)
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *notes = typing.get_args(annotation)
        texts = [note for note in notes if isinstance(note, str)]
        return texts[0] if texts else _dotted(inner, module)
    if annotation is None or annotation is type(None):
        return "builtins.None"
    if isinstance(annotation, _Named):
        return annotation._path
    kind = typing.get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return None
    return f"{kind.__module__}.{kind.__qualname__}"


def _call_of(value: object) -> Callable[..., Any] | None:
    """Return the method behind a callable instance of a class written in Python."""
    call = vars(type(value)).get("__call__")
    return call if inspect.isfunction(call) else None


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the plain function below partials, wrappers, bound methods and callable instances."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif inspect.ismethod(function):
            function = function.__func__
        elif (call := _call_of(function)) is not None:
            function = call
        else:
            return function


@functools.cache
def _returns(function: Callable[..., Any]) -> Returns:
    plain = unwrapped(function)
    if isinstance(plain, type):  # a class as a stage returns its instances
        annotation: object = plain
    else:
        annotation = getattr(plain, "__annotations__", {}).get("return", _UNKNOWN)
    value = _evaluate(annotation, plain.__module__)
    kind = typing.get_origin(value) or value  # of Pair[int], too
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields") and kind._fields:
        return Returns(_fields(kind), kind)
    return Returns({"": _dotted(value, plain.__module__)})


def _fields(kind: Any) -> dict[str, str | None]:
    """Name the declared type of each field of a NamedTuple, where it was declared: a subclass has no notes of it."""
    found = dict.fromkeys(kind._fields)
    for cls in reversed(kind.__mro__):
        found |= {f: _dotted(note, cls.__module__) for f, note in inspect.get_annotations(cls).items() if f in found}
    return found


def returns(function: Callable[..., Any]) -> Returns:
    """Read what ``function`` declares to return."""
    try:
        return _returns(function)
    except TypeError:  # an unhashable callable
        return _returns.__wrapped__(function)
