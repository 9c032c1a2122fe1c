"""What the inputs of a stage bring to it: content, classes, libraries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import errors
from ..actions import Given, Output
from ..pipeline import File, Input, Stage

if TYPE_CHECKING:
    from ..fingerprint import Fingerprint
    from .project import Project

# Whose values a format holds; a format that is not here may hold anybody's.
LIBRARIES = {
    "json": frozenset[str](),
    "file": frozenset[str](),
    "npy": frozenset({"numpy"}),
    "parquet": frozenset({"pandas", "polars", "pyarrow"}),
    "skops": frozenset({"scikit-learn", "scipy", "numpy"}),
    "keras": frozenset({"keras", "tensorflow", "tensorflow-cpu", "torch", "jax"}),
}


def given_to(project: Project, stage: Stage) -> tuple[dict[str, Given], list[str]]:
    """Return what a stage is given, by argument, and the stages that must be built before that is known."""
    given: dict[str, Given] = {}
    waiting: dict[str, None] = {}
    for name, wire in stage.wires.items():
        if isinstance(wire, File):
            content = project.content(wire.path)
            if content is None:
                raise errors.missing_input(stage.task, name, wire.path, stage.where)
            given[name] = Given(content, f"file {project.keys.place(wire.path)}", wire.path)  # a stage may look at it
        elif isinstance(wire, Input):
            outputs = _upstream(project, stage, wire)
            if not outputs:
                waiting[wire.stage] = None
            for output in outputs:
                field = f"{name}.{output.name}" if output.name and not wire.field else name
                shown = wire.stage.replace(":", "/") + (f"/{output.name}" if output.name else "")
                # Where it is given as a path the end of its name is part of what a stage sees.
                form = f"file{output.suffix}" if output.format.partition(".")[0] == "file" else output.format
                given[field] = Given(output.digest, form, shown)
    return given, list(waiting)


def _upstream(project: Project, stage: Stage, wire: Input) -> list[Output]:
    judged = project.judgements[wire.stage]
    if judged.problem is not None:
        raise errors.upstream_unclear(stage.task, wire.stage, judged.problem)
    return [output for output in judged.outputs if output.name == wire.field or not wire.field]


def code_of(project: Project, stage: Stage, *, anew: bool = False) -> Fingerprint:
    """Fingerprint a stage's function, with the classes of what it is given."""
    inputs = [wire for wire in stage.wires.values() if isinstance(wire, Input)]
    held = {name for wire in inputs for name in _classes(project, wire)}
    libraries = _libraries(project, inputs)
    try:
        return project.keys.of(stage, held, libraries, anew=anew)
    except errors.KeptError:  # a class that an input held when it was last made may be gone by now
        sure = {name for w in inputs if project.judgements[w.stage].outputs for name in _classes(project, w)}
        if sure == held:
            raise
        return project.keys.of(stage, sure, libraries, anew=anew)


def _libraries(project: Project, inputs: list[Input]) -> dict[str, str]:
    """Name the libraries whose values a stage is given: it uses them, even if its own code never names them."""
    found: dict[str, str] = {}
    for wire in inputs:
        given = {output.format.partition(".")[0] for output in _made(project, wire)}
        code = project.judgements[wire.stage].code
        known = code.libraries if code is not None else {}
        found |= {n: v for n, v in known.items() if any(n in LIBRARIES.get(form, known) for form in given)}
    return found


def _classes(project: Project, wire: Input) -> Iterator[str]:
    whole = project.stages[wire.stage].result
    if whole is not None and not wire.field:  # it is given as that NamedTuple: its order and methods count
        yield f"{whole.__module__}:{whole.__qualname__}"
    for output in _made(project, wire):
        yield from output.classes


def _made(project: Project, wire: Input) -> list[Output]:
    """Return what a stage is given by another; before that has run, what it made last: near enough for reasons."""
    outputs = project.judgements[wire.stage].outputs
    last = project.last(wire.stage) if not outputs else None
    return [o for o in (last.outputs if last is not None else outputs) if not wire.field or o.name == wire.field]
