"""Gives back what was built, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import errors
from .build import ARTIFACTS, Project
from .build import load as load_output
from .pipeline import bound, pipelines


def project_around(place: Path) -> Project:
    """Return the project of the nearest folder, from ``place`` upwards, that has been built or has a dodo.py."""
    for folder in (place, *place.parents):
        if (folder / ARTIFACTS / ".kept").is_dir() or (folder / "dodo.py").is_file():
            return Project(folder)
    raise errors.no_project(place)


def load(artifact: str, run: str | None = None) -> Any:
    """Return the value of an artifact by name: ``"mnist_sklearn/model"``, ``"mnist/digits/X_train"``.

    It is verified against its digest; arrays are memory-mapped and read-only. Looked for in the project around the
    current folder. Raises KeptError where there is no such artifact, or it has not been built.
    """
    project = project_around(Path.cwd())
    task, field = _task(artifact, project)
    claim = project.claims.get(task)
    if claim is None:
        raise errors.not_built(artifact)
    wanted = [output for output in claim.outputs if output.name == field or not field]
    if not wanted:
        raise errors.unknown_artifact(artifact, task, tuple(output.name for output in claim.outputs))
    stem = f"{ARTIFACTS}/{task.replace(':', '/')}"
    values = {}
    for output in wanted:
        file = project.root / (stem + (f"/{output.name}" if output.name else "") + output.suffix)
        values[output.name] = load_output(output, project.store, file, trusted=project.trusted)
    if field or set(values) == {""}:
        return values[field]
    kind = _result_of(task)
    return kind(**values) if kind is not None else values


def _task(artifact: str, project: Project) -> tuple[str, str]:
    """Find the stage and the field that a name means; a variant's name may stand for an inherited stage, too."""
    pipeline, _, rest = artifact.partition("/")
    stage, _, field = rest.partition("/")
    known = pipelines().get(pipeline)
    if known is not None and stage in bound(known):
        return bound(known)[stage].task, field
    task = f"{pipeline}:{stage}"
    if not stage or task not in project.claims:
        names = tuple(name.replace(":", "/") for name in project.claims)
        raise errors.unknown_artifact(artifact, pipeline, names) if names else errors.not_built(artifact)
    return task, field


def _result_of(task: str) -> type | None:
    for pipeline in pipelines().values():
        for stage in bound(pipeline).values():
            if stage.task == task:
                return stage.result
    return None


def runs(target: str) -> Any:
    """Return the runs in which a stage of a pipeline was judged, newest first."""
    raise NotImplementedError(target)
