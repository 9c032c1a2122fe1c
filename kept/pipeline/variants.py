"""A class body as a pipeline, a subclass as a variant: which stages it has, and who owns each."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from .. import errors
from .binding import bound
from .references import Reference, Where
from .units import Stage

_known: dict[str, type[Pipeline]] = {}


class Door(Protocol):
    """What the rooms above do for a declaration; ``kept`` itself puts it here, a pipeline knows none of them."""

    def tasks(self, declared: Any) -> Any:
        """Return what doit's loader takes: the tasks of a pipeline or a report."""

    def load(self, artifact: str, run: str | None) -> Any:
        """Return the value of an artifact, by name."""

    def runs(self, target: str) -> Any:
        """Return the runs in which a pipeline was built, newest first."""

    def drawn(self, declared: Any) -> str | None:
        """Return what a notebook shows of a declaration, as HTML; None outside a project."""


doors: list[Door] = []  # one at most

RESERVED = frozenset({"load", "runs", "create_doit_tasks"})


class _Body(dict[str, Any]):
    """The names of a class body while it runs: the second stage of one name would hide the first without a word."""

    def __setitem__(self, name: str, value: Any) -> None:
        first = self.get(name)
        if isinstance(value, Reference) and isinstance(first, Reference) and first._declared is not value._declared:
            raise errors.stage_twice(name, first._declared.where, value._declared.where)
        super().__setitem__(name, value)


class _Declaring(type):
    """Watches the bodies of pipelines."""

    @classmethod
    def __prepare__(cls, _name: str, _bases: tuple[type, ...], /, **_: object) -> _Body:
        return _Body()


class Pipeline(metaclass=_Declaring):
    """A pipeline: its class body names the artifacts, a subclass is a variant.

    ``class MnistTf(Mnist)`` is the target ``mnist_tf``; ``class X(Pipeline, name="y")`` is the target ``y``.
    References bind late, by name, as a method call does: an inherited stage follows an overridden one, and is looked at
    from elsewhere by the variant's name (``MnistTf.accuracy``).
    """

    _target: ClassVar[str] = ""
    _where: ClassVar[Where]
    create_doit_tasks: ClassVar[Callable[[], Any]]

    def __init_subclass__(cls, *, name: str = "") -> None:
        super().__init_subclass__()
        cls._where = Where.here()
        cls._target = name or snake(cls.__name__)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", cls._target):
            raise errors.bad_pipeline_name(cls._target, cls._where)
        other = _known.get(cls._target)
        if other is not None and _is_another(other, cls):
            raise errors.pipeline_twice(cls._target, other._where, cls._where)
        _name_stages(cls)
        bound(cls)
        announce(cls, cls._target, cls._where)
        _known[cls._target] = cls

    def __new__(cls) -> Pipeline:
        """Refuse: a pipeline is its class."""
        raise errors.not_instantiated(cls.__name__, Where.here())

    @classmethod
    def load(cls, artifact: str, run: str | None = None) -> Any:
        """Return the value of an artifact of this variant: ``"accuracy"``, ``"digits.X_train"``.

        It is verified against its digest; arrays are memory-mapped and read-only. ``run`` names an earlier run.
        Raises KeptError where there is no such artifact or it has not been built.
        """
        name, _, field = artifact.replace("/", ".").partition(".")
        stage = bound(cls).get(name)
        if stage is None:
            raise errors.unknown_artifact(artifact, cls._target, tuple(bound(cls)))
        return doors[0].load(stage.path + (f"/{field}" if field else ""), run)

    @classmethod
    def runs(cls) -> Any:
        """Return the runs in which a stage of this variant was judged, newest first."""
        return doors[0].runs(cls._target)

    @classmethod
    def _repr_html_(cls) -> str | None:
        """Show the stages in a notebook: IPython asks a class for its class methods."""
        return doors[0].drawn(cls)


def _is_another(first: type[Pipeline], second: type[Pipeline]) -> bool:
    """Say whether two pipelines of one target are not the same, declared again by a cell or a module that is rerun."""
    if (first.__module__, first.__qualname__) != (second.__module__, second.__qualname__):
        return True
    a, b = first._where, second._where
    if a.file != b.file or a.line == b.line:
        return False
    try:
        tree = ast.parse(Path(b.file).read_bytes())
    except (OSError, SyntaxError, ValueError):  # a cell is no file
        return False
    return sum(isinstance(node, ast.ClassDef) and node.name == second.__name__ for node in tree.body) > 1


def _name_stages(pipeline: type[Pipeline]) -> None:
    """Give each stage of the class body its name; not in ``__set_name__``, whose errors Python 3.11 wraps."""
    for name, value in vars(pipeline).items():
        if not isinstance(value, Reference):
            continue
        declared = value._declared
        if value._field:
            raise errors.field_as_stage(name, declared.shown, value._field, pipeline._where)
        if name in RESERVED or name.startswith("_"):
            raise errors.reserved_name(name, declared.where)
        if declared.owner is None:
            declared.name, declared.owner = name, pipeline
        elif declared.name != name or declared.owner is pipeline:
            raise errors.two_names(declared.name, name, _line_of(pipeline, name))


def _line_of(pipeline: type[Pipeline], name: str) -> Where:
    """Find the line of a class body that binds a name; the class's own where its source cannot be read."""
    where = pipeline._where
    try:
        tree = ast.parse(Path(where.file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return where
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == pipeline.__name__]
    for statement in (statement for body in bodies for statement in body if isinstance(statement, ast.Assign)):
        if any(isinstance(target, ast.Name) and target.id == name for target in statement.targets):
            return Where(where.file, statement.lineno)
    return where


def snake(name: str) -> str:
    """Turn a class name into a target: ``MnistTf`` → ``mnist_tf``, ``HTTPModel2`` → ``http_model2``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


# What the door wants to know of each declaration when it is made (a name that is a command, say).
heard: list[Callable[[str, Where], None]] = []


def announce(declared: Any, target: str, where: Where) -> None:
    """Give a declaration the attribute by which doit finds its tasks.

    It must stand on the object itself: doit asks every name in dodo.py for it, base classes too, and calls it. doit
    orders creators by their source line, so the creator claims to stand where the user declared.
    """
    for listener in heard:
        listener(target, where)

    def create() -> Any:
        return doors[0].tasks(declared)

    place = {"co_filename": where.file, "co_firstlineno": where.line} if Path(where.file).is_file() else {}
    creator = types.FunctionType(create.__code__.replace(**place), globals(), target, None, create.__closure__)  # type: ignore[arg-type]  # place holds what replace takes
    creator.basename = target  # type: ignore[attr-defined]  # doit reads the task's name here
    creator.where = where  # type: ignore[attr-defined]  # and its line, within kept
    creator.__doc__ = declared.__doc__
    declared.create_doit_tasks = creator


def pipelines() -> Mapping[str, type[Pipeline]]:
    """Return every pipeline declared so far, by target."""
    return dict(_known)


def unnamed(namespace: Mapping[str, Any]) -> Mapping[str, type[Pipeline]]:
    """Return the pipelines that a module declares and that none of its names stands for: a loop has made them."""
    file, held = namespace.get("__file__"), {id(value) for value in namespace.values()}
    return {name: one for name, one in _known.items() if one._where.file == file and id(one) not in held}


def stages(pipeline: type[Pipeline]) -> tuple[Stage, ...]:
    """Return the stages of a pipeline in an order in which they can be built."""
    return tuple(bound(pipeline).values())


def with_upstream(wanted: Iterable[Stage]) -> list[Stage]:
    """Return stages and all that they need, other pipelines' stages too, each after what it needs."""
    done: dict[str, Stage] = {}
    todo = list(reversed(list(wanted)))
    while todo:
        missing = [name for name in todo[-1].upstream if name not in done] if todo[-1].task not in done else []
        if not missing:
            stage = todo.pop()
            done[stage.task] = stage
        for name in reversed(missing):
            owner, _, own = name.rpartition(":")
            todo.append(bound(_known[owner])[own])
    return list(done.values())
