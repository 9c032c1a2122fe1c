"""What is built: stages bound to the pipeline that owns them, with the artifacts they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from ..lean import dataclass
from .functions import function_name
from .references import Options, Where


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

    @cached_property
    def path(self) -> str:
        """The name that artifacts are asked for by: ``mnist/digits``."""
        return f"{self.pipeline}/{self.name}"

    @cached_property
    def upstream(self) -> tuple[str, ...]:
        """The stages whose artifacts it takes, each once."""
        return tuple(dict.fromkeys(wire.stage for wire in self.wires.values() if isinstance(wire, Input)))

    @property
    def function_name(self) -> str:
        """The function's dotted name, for people."""
        return function_name(self.function)
