"""What a line of a pipeline declares: a function with its wiring, as a reference to the artifacts it will make."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast, overload

from .. import digest, errors
from ..lean import dataclass
from .functions import function_name, signature
from .returns import Returns, returns

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@dataclass(frozen=True, slots=True)
class Where:
    """The user's line that declared something."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{os.path.relpath(self.file) if os.path.isabs(self.file) else self.file}:{self.line}"

    @classmethod
    def here(cls) -> Where:
        """Return the innermost line on the stack that is not kept's own."""
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
            frame = frame.f_back
        return cls(frame.f_code.co_filename, frame.f_lineno)


@dataclass(frozen=True, slots=True)
class Options:
    """What a stage asks of the engine, beside the arguments of its function."""

    env: tuple[str, ...] = ()  # environment variables that decide its result
    threads: int = 1  # processors that it keeps busy; `doit -n` counts them
    gpu: int = 0  # graphics processors that it holds while it runs
    seed: bool = True  # whether the generators are seeded before it runs


class Declared:
    """A stage as a class body declares it; its name and owner come when the class is made."""

    __slots__ = ("arguments", "function", "leaves", "name", "options", "owner", "returns", "where")

    def __init__(
        self, function: Callable[..., Any], arguments: Mapping[str, object], options: Options, where: Where
    ) -> None:
        self.function, self.arguments, self.options, self.where = function, arguments, options, where
        self.name = ""
        self.owner: type | None = None
        self.returns: Returns = returns(function)
        try:  # of all arguments, as ``named_leaves`` names them
            self.leaves = tuple(leaf for name, value in arguments.items() for leaf in named_leaves(name, value))
        except RecursionError:  # one without artifacts is no leaf of them, and refused with its parameter
            raise errors.wired_loop(function_name(function), where) from None

    @property
    def shown(self) -> str:
        """The stage's name as messages show it, before or after it has one."""
        return self.name or function_name(self.function)


class Reference:
    """Stands for what a stage will return, or for one field of it; ``kept.load`` gives the value.

    For a type checker it *is* that value, so that mypy checks the wiring of a pipeline; at run time it only knows the
    stage, and the variant through which it was looked at.
    """

    __slots__ = ("_declared", "_field", "_through")

    def __init__(self, declared: Declared, field: str = "", through: type | None = None) -> None:
        self._declared = declared
        self._field = field
        self._through = through

    def __get__(self, _: object, pipeline: type | None = None) -> Reference:
        """Return what this is in a variant: what that inherits follows what it overrides."""
        owner = self._declared.owner
        if owner is None or pipeline is None or pipeline is owner or not issubclass(pipeline, owner):
            return self
        return Reference(self._declared, self._field, pipeline)

    @property
    def _pipeline(self) -> type | None:
        """The class whose stage this is; None as long as that is not made."""
        return self._through or self._declared.owner

    def __getattr__(self, name: str) -> Reference:
        if name.startswith("_") or name == "create_doit_tasks":  # doit asks every name in dodo.py for it
            raise AttributeError(name)
        declared = self._declared
        fields = declared.returns.fields
        if self._field or name not in fields:
            raise errors.no_such_field(declared.shown, name, fields, Where.here())
        return Reference(declared, name, self._through)

    def __iter__(self) -> Iterator[object]:
        raise errors.not_a_value(self._declared.shown, "unpacked", Where.here())

    def __bool__(self) -> bool:
        raise errors.not_a_value(self._declared.shown, "tested", Where.here())

    def __call__(self, *_: object, **__: object) -> object:  # noqa: D102  # it only refuses
        raise errors.not_a_value(self._declared.shown, "called", Where.here())

    def __getitem__(self, _: object) -> object:
        raise errors.not_a_value(self._declared.shown, "indexed", Where.here())

    def _reckon(self, *_: object) -> object:
        raise errors.not_a_value(self._declared.shown, "reckoned with", Where.here())

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _reckon
    __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __neg__ = __lt__ = __le__ = __gt__ = __ge__ = _reckon
    __len__ = __float__ = __int__ = __array__ = __format__ = __eq__ = __ne__ = _reckon  # type: ignore[assignment]  # it never returns
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        declared = self._declared
        owner = f"{self._pipeline.__name__}." if self._pipeline is not None else ""
        return f"<artifact {owner}{declared.shown}{'.' + self._field if self._field else ''}>"

    def _repr_html_(self) -> str | None:
        """Show in a notebook what is recorded of it."""
        from .variants import doors

        return doors[0].drawn(self)


def _bind(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], where: Where
) -> dict[str, object]:
    if not callable(function):
        raise errors.not_callable(function, where)
    try:
        bound = signature(function).bind(*args, **kwargs)
    except TypeError as problem:
        raise errors.wrong_arguments(function_name(function), str(problem), str(signature(function)), where) from None
    except ValueError:
        raise errors.no_signature(function_name(function), where) from None
    return dict(bound.arguments)


def _split_options(function: Callable[..., Any], kwargs: dict[str, Any], where: Where) -> Options:
    """Take the options of ``stage`` out of ``kwargs``; a parameter of that name in the function itself goes first."""
    if not kwargs:
        return _NO_OPTIONS
    try:
        taken = set(signature(function).parameters) if callable(function) else set()
    except ValueError:
        taken = set()
    given = {name: kwargs.pop(name) for name in Options.__match_args__ if name in kwargs and name not in taken}
    if isinstance(given.get("env"), str):
        raise errors.env_not_a_list(given["env"], where)
    for name, value in given.items():
        wanted = _OPTIONS[name]
        if not wanted[1](value):
            raise errors.bad_option(name, wanted[0], value, where)
    if "env" in given:
        given["env"] = tuple(given["env"])
    return Options(**given)


_NO_OPTIONS = Options()
_OPTIONS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "env": ("a list of names", lambda v: isinstance(v, list | tuple) and all(isinstance(n, str) for n in v)),
    "threads": ("a number of processors, 1 or more", lambda v: type(v) is int and v >= 1),
    "gpu": ("a number of graphics processors", lambda v: type(v) is int and v >= 0),
    "seed": ("True or False", lambda v: type(v) is bool),
}


def _check_params(declared: Declared) -> None:
    """Refuse now, at the user's line, what would have no place in a key later."""
    names = {name for name, _ in declared.leaves}
    pieces = ((name, layout(value)) for name, value in declared.arguments.items() if name not in names)
    for name, leaf in (*declared.leaves, *pieces):
        if isinstance(leaf, Reference | Path):
            continue
        try:
            digest.encode(leaf, _plain_code)
        except errors.KeptError as problem:
            raise errors.bad_parameter(problem, declared.shown, name.partition("[")[0], declared.where) from None


def _plain_code(function: object) -> str:
    """Accept what can be found again by its name; a lambda cannot."""
    name = getattr(function, "__qualname__", "")
    if "<lambda>" in name or not name:
        raise errors.no_digest(function)
    return f"{getattr(function, '__module__', '')}.{name}"


def leaves(value: object) -> Iterator[object]:
    """Yield what lists, tuples and dicts of an argument hold, in order: references may stand anywhere in them."""
    return (leaf for _, leaf in named_leaves("", value))


def named_leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield the leaves of an argument that holds references or paths, named ``models[0]``; any other is one leaf."""
    if type(value) not in _HOLDERS or not _wired(value):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from named_leaves(f"{name}[{key!r}]", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from named_leaves(f"{name}[{index}]", item)
    else:
        yield name, value


def layout(value: object) -> object:
    """Return how an argument is put together, None in the place of each leaf: a list, a tuple or a dict in its order.

    What is wired is known by the names of its leaves; they do not tell ``[a]`` from ``(a,)`` or ``{0: a}``.
    """
    if type(value) is dict:
        return {key: layout(item) for key, item in value.items()}
    if type(value) is list or type(value) is tuple:
        return type(value)(map(layout, value))
    return None


_HOLDERS = (dict, list, tuple)


def _wired(value: object) -> bool:
    """Say whether a value is or holds a reference or a path; a loop in it ends the search, and is refused later."""
    todo, seen = [value], set[int]()
    while todo:
        item = todo.pop()
        if isinstance(item, Reference | Path):
            return True
        if id(item) not in seen and type(item) in _HOLDERS:
            seen.add(id(item))
            todo.extend(item.values() if isinstance(item, dict) else cast("list[object]", item))
    return False


@overload
def stage(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...
@overload
def stage(  # type: ignore[overload-cannot-match]  # mypy holds P for broader; it still comes here for the options
    function: Callable[..., R],
    /,
    *args: Any,
    env: Sequence[str],
    threads: int = 1,
    gpu: int = 0,
    seed: bool = True,
    **kwargs: Any,
) -> R: ...
@overload
def stage(  # type: ignore[overload-cannot-match]  # mypy holds P for broader; it still comes here for the options
    function: Callable[..., R], /, *args: Any, threads: int, gpu: int = 0, seed: bool = True, **kwargs: Any
) -> R: ...
@overload
def stage(  # type: ignore[overload-cannot-match]  # as above
    function: Callable[..., R], /, *args: Any, gpu: int, seed: bool = True, **kwargs: Any
) -> R: ...
@overload
def stage(  # type: ignore[overload-cannot-match]  # as above
    function: Callable[..., R], /, *args: Any, seed: bool, **kwargs: Any
) -> R: ...
def stage(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Declare that a class attribute is what ``function`` returns for these arguments.

    Arguments are other artifacts (references, also inside lists, tuples and dicts), input files (``pathlib.Path``) or
    parameters (plain values). ``env``, ``threads``, ``gpu`` and ``seed`` are options of the stage unless the function
    has a parameter of that name. Typed as the function's result, so that mypy checks the wiring; at run time it is a
    reference. Raises KeptError where an argument is missing, unknown or has no canonical form.
    """
    where = Where.here()
    options = _split_options(function, kwargs, where)
    declared = Declared(function, _bind(function, args, kwargs, where), options, where)
    _check_params(declared)
    return Reference(declared)


def swap(artifact: A, function: Callable[..., A], /, **params: Any) -> A:
    """Keep the wiring of ``artifact`` and change its function; ``params`` replace or add parameters.

    Inputs stay as they are wired; parameters of the old function that the new one does not take are dropped.
    Raises KeptError where the new function does not take what the wiring gives.
    """
    where = Where.here()
    reference = cast(object, artifact)
    if not isinstance(reference, Reference) or reference._field:
        raise errors.not_an_artifact("swap", reference, where)
    if not callable(function):
        raise errors.not_callable(function, where)
    old = reference._declared
    options = _split_options(function, params, where)
    wired = {name: value for name, value in old.arguments.items() if _wired(value)}
    missing = [name for name in wired if not _takes(function, name)]
    if missing:
        raise errors.does_not_take(function_name(function), missing, str(signature(function)), old.shown, where)
    plain = {name: value for name, value in old.arguments.items() if _takes(function, name)}
    args, kwargs = call_arguments(function, {**plain, **wired, **params})
    arguments = _bind(function, args, kwargs, where)
    declared = Declared(function, arguments, options if options != Options() else old.options, where)
    _check_params(declared)
    return cast(A, Reference(declared))


def _takes(function: Callable[..., Any], name: str) -> bool:
    parameters = signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def call_arguments(
    function: Callable[..., Any], arguments: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what to call ``function`` with, so that each of its parameters gets the argument of its name."""
    parameters = signature(function).parameters
    known = {name: arguments[name] for name in parameters if name in arguments}
    rest = {name: value for name, value in arguments.items() if name not in parameters}
    bound = inspect.BoundArguments(signature(function), known)
    return bound.args, {**bound.kwargs, **rest}
