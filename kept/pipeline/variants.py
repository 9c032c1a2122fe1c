"""A class body as a pipeline, a subclass as a variant: which stages it has, and who owns each."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from .. import errors
from .references import Declared, Options, Reference, Where, function_name, named_leaves


@dataclass(frozen=True, slots=True)
class Artifact:
    """A named output of a stage: what is made, and where below ``artifacts/`` it lies (without its suffix)."""

    field: str  # "" where the stage returns one value
    declared: str | None  # dotted name of its declared type, see returns.Returns
    stem: str  # "mnist/digits/X_train"


@dataclass(frozen=True, slots=True)
class Input:
    """An argument that is an artifact of another stage, or (``field == ""`` of several) all of them."""

    stage: str
    field: str


@dataclass(frozen=True, slots=True)
class File:
    """An argument that is a file or folder of the project."""

    path: str  # relative to the project's folder where it lies in it, POSIX


@dataclass(frozen=True, eq=False)
class Stage:
    """The unit that is built: a function with its wiring and params, bound to the pipeline that owns it."""

    pipeline: str
    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, object]  # by parameter, with Input and File in place of references and paths
    wires: Mapping[str, Input | File | Any]  # every leaf of the arguments by its name: "X", "models[0]"
    artifacts: tuple[Artifact, ...]
    options: Options
    where: Where
    result: type | None  # the NamedTuple it returns, if it does

    @cached_property
    def task(self) -> str:
        """The name that doit knows it by: ``mnist:digits``."""
        return f"{self.pipeline}:{self.name}"

    @property
    def path(self) -> str:
        """The name that artifacts are asked for by: ``mnist/digits``."""
        return f"{self.pipeline}/{self.name}"

    @property
    def upstream(self) -> tuple[str, ...]:
        """The stages whose artifacts it takes, each once."""
        return tuple(dict.fromkeys(wire.stage for wire in self.wires.values() if isinstance(wire, Input)))

    @property
    def function_name(self) -> str:
        """The function's dotted name, for people."""
        return function_name(self.function)


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


class Pipeline:
    """A pipeline: its class body names the artifacts, a subclass is a variant.

    ``class MnistTf(Mnist)`` is the target ``mnist_tf``; ``class X(Pipeline, name="y")`` is the target ``y``.
    References bind late, by name, as a method call does: an inherited stage follows an overridden one.
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
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
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
    creator.__doc__ = declared.__doc__
    declared.create_doit_tasks = creator


def pipelines() -> Mapping[str, type[Pipeline]]:
    """Return every pipeline declared so far, by target."""
    return dict(_known)


# ---- binding


def stages(pipeline: type[Pipeline]) -> tuple[Stage, ...]:
    """Return the stages of a pipeline in an order in which they can be built."""
    return tuple(bound(pipeline).values())


def bound(pipeline: type[Pipeline]) -> Mapping[str, Stage]:
    """Return the stages of a pipeline by name, wired; an inherited one that nothing overrides is the parent's own."""
    done: dict[str, Stage] | None = pipeline.__dict__.get("_bound")
    if done is None:
        done = _Binding(pipeline).all()
        pipeline._bound = done  # type: ignore[attr-defined]  # kept on the class itself, as its cache
    return done


class _Binding:
    """Resolves one class: depth first without recursion, so that chains of thousands of stages bind."""

    def __init__(self, pipeline: type[Pipeline]) -> None:
        self.pipeline = pipeline
        self.declared: dict[str, Declared] = {}
        for cls in reversed(pipeline.__mro__):
            for name, value in vars(cls).items():
                if isinstance(value, Reference):
                    self.declared[name] = value._declared
                elif name in self.declared and issubclass(cls, Pipeline):
                    del self.declared[name]  # overridden by something that is no stage
        self.owners: dict[str, type[Pipeline]] = {}
        self.done: dict[str, Stage] = {}

    def all(self) -> dict[str, Stage]:
        for name in self.declared:
            self._resolve(name)
        return self.done

    def _resolve(self, first: str) -> None:
        open_names: dict[str, Iterator[str]] = {}
        todo = [first]
        while todo:
            name = todo[-1]
            if name in self.done:
                todo.pop()
                continue
            if name not in open_names:
                open_names[name] = iter(list(self._local(self.declared[name])))
            following = next((n for n in open_names[name] if n not in self.done), None)
            if following is None:
                self.done[name] = self._bind(name)
            elif following in open_names:
                ring = [*todo[todo.index(following) :], following]
                raise errors.cycle(ring, self.declared[following].where)
            else:
                todo.append(following)

    def _local(self, declared: Declared) -> Iterator[str]:
        for reference in self._references(declared):
            if self._is_local(reference):
                yield reference._declared.name

    def _references(self, declared: Declared) -> Iterator[Reference]:
        for parameter, value in declared.arguments.items():
            for _, leaf in named_leaves(parameter, value):
                if isinstance(leaf, Reference):
                    yield leaf

    def _is_local(self, reference: Reference) -> bool:
        owner = reference._declared.owner
        return owner in self.pipeline.__mro__ and reference._declared.name in self.declared

    def _bind(self, name: str) -> Stage:
        declared = self.declared[name]
        for reference in self._references(declared):
            if reference._declared.owner is None:
                raise errors.unnamed_stage(reference._declared.shown, declared.shown, reference._declared.where)
        owner = self._owner(declared)
        self.owners[name] = owner
        return self._own(name, declared) if owner is self.pipeline else bound(owner)[name]

    def _owner(self, declared: Declared) -> type[Pipeline]:
        """Find the class that first has this stage with this wiring: there it is built once for all variants."""
        assert declared.owner is not None
        owners = [declared.owner, *(self.owners[n] for n in self._local(declared))]
        deepest = min((o for o in owners), key=_depth(self.pipeline))
        return (
            deepest if all(issubclass(deepest, o) or o not in self.pipeline.__mro__ for o in owners) else self.pipeline
        )

    def _own(self, name: str, declared: Declared) -> Stage:
        target = self.pipeline._target
        fields = declared.returns.fields
        if fields:
            made = tuple(Artifact(f, declared.returns.types[f], f"{target}/{name}/{f}") for f in fields)
        else:
            made = (Artifact("", declared.returns.types.get(""), f"{target}/{name}"),)
        wires: dict[str, Any] = {}
        for parameter, value in declared.arguments.items():
            for leaf_name, leaf in named_leaves(parameter, value):
                wires[leaf_name] = self._wire(leaf)
        arguments = {parameter: self._wired(value) for parameter, value in declared.arguments.items()}
        return Stage(
            target, name, declared.function, arguments, wires, made, declared.options, declared.where,
            declared.returns.tuple_type,
        )  # fmt: skip

    def _wired(self, value: object) -> object:
        if type(value) is dict:
            return {key: self._wired(item) for key, item in value.items()}
        if type(value) is list or type(value) is tuple:
            return type(value)(map(self._wired, value))
        return self._wire(value)

    def _wire(self, leaf: object) -> object:
        if isinstance(leaf, Path):
            return File(leaf.as_posix())
        if not isinstance(leaf, Reference):
            return leaf
        source = leaf._declared
        if self._is_local(leaf):
            stage = self.done[source.name]
        else:
            assert source.owner is not None
            stage = bound(source.owner)[source.name]
        fields = [artifact.field for artifact in stage.artifacts]
        if leaf._field and leaf._field not in fields:  # the variant's function returns something else
            raise errors.no_such_field(source.name, leaf._field, tuple(f for f in fields if f), stage.where)
        return Input(stage.task, leaf._field)


def _depth(pipeline: type) -> Callable[[type], int]:
    order = {cls: index for index, cls in enumerate(pipeline.__mro__)}
    return lambda cls: order.get(cls, len(order))
