"""Gives back what was built, by name."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .. import errors
from ..actions import Outcome, Output, Record
from ..build import ARTIFACTS, Project
from ..build import load as load_output
from ..lean import dataclass
from ..pipeline import bound, pipelines
from ..store import temporary
from .history import History, Run, runs_of


def project_around(place: Path) -> Project:
    """Return the project of the nearest folder, from ``place`` upwards, that has been built or has a dodo.py."""
    for folder in (place, *place.parents):
        if (folder / ARTIFACTS / ".kept").is_dir() or (folder / "dodo.py").is_file():
            return Project(folder)
    raise errors.no_project(place)


def load(artifact: str, run: str | None = None) -> Any:
    """Return the value of an artifact by name: ``"mnist_sklearn/model"``, ``"mnist/digits/X_train"``.

    ``run`` is the id of an earlier run (``kept log``, ``Pipeline.runs()``): the artifact is given as that run left it.
    It is verified against its digest; arrays are memory-mapped and read-only. Looked for in the project around the
    current folder. Raises KeptError where there is no such artifact, it has not been built, or is not kept any more.
    """
    for name in (artifact, run or ""):
        if not isinstance(name, str):
            raise errors.no_name(name)
    project = project_around(Path.cwd())
    history = History(project)
    named = find(artifact, history)
    outputs = _now(project, named) if run is None else record_then(history, named, history.run(run)).outputs
    wanted = named.of(outputs)
    stem = f"{ARTIFACTS}/{named.stage.replace(':', '/')}"
    values = {}
    for output in wanted:
        file = stem + (f"/{output.name}" if output.name else "") + output.suffix
        place = project.root / file if run is None else _view(project, output, file)
        values[output.name] = load_output(output, project.store, place, trusted=project.trusted)
    if named.field or set(values) == {""}:
        return values[named.field]
    kind = _result_of(named.stage)
    return kind(**values) if kind is not None and set(values) == set(getattr(kind, "_fields", ())) else values


def _now(project: Project, named: Named) -> tuple[Output, ...]:
    claim = project.claims.get(named.stage)
    if claim is None:
        raise errors.not_built(named.text)
    return claim.outputs


def record_then(history: History, named: Named, run: str) -> Record:
    """Return the record of a stage as a run left it."""
    line = history.left(run, named.stage)
    if line is None:
        raise errors.not_built_then(named.text, run)
    if line.outcome is Outcome.FAILED:
        raise errors.failed_then(named.text, run, line.run)
    record = history.record(line.key)
    if record is None:
        raise errors.record_gone(named.text, run)
    return record


def _view(project: Project, output: Output, file: str) -> Path:
    """Return where a format that hands over the path itself finds an earlier artifact, until this process ends."""
    if output.format.partition(".")[0] != "file":
        return project.root / file
    place = Path(_views(), output.digest.hex[:16], Path(file).name)
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        project.store.restore(output.digest, place, output.tree)
    return place


@cache
def _views() -> str:
    made = contextlib.ExitStack()
    atexit.register(made.close)
    return made.enter_context(temporary())


# ---- names


@dataclass(frozen=True, slots=True)
class Named:
    """An artifact as somebody named it: the stage that makes it, and which of its fields ("" for all)."""

    text: str
    stage: str
    field: str

    def of(self, outputs: tuple[Output, ...]) -> list[Output]:
        """Return the outputs that are meant."""
        wanted = [output for output in outputs if output.name == self.field or not self.field]
        if not wanted:
            path = self.stage.replace(":", "/")
            names = tuple(f"{path}/{output.name}" if output.name else path for output in outputs)
            raise errors.unknown_artifact(self.text, self.stage, names)
        return wanted


def find(artifact: str, history: History) -> Named:
    """Find the artifact that a name or a path means; an inherited one may be called by the variant's name."""
    name = artifact.replace(":", "/").removeprefix("./")
    if name.startswith(f"{ARTIFACTS}/"):  # a path as the shell completes it, with a suffix
        name = str(Path(name.removeprefix(f"{ARTIFACTS}/")).with_suffix("").as_posix())
    pipeline, _, rest = name.strip("/").partition("/")
    stage, _, field = rest.partition("/")
    known = pipelines().get(pipeline)
    if known is not None and stage in bound(known):
        return Named(artifact, bound(known)[stage].task, field)
    task = f"{pipeline}:{stage}"
    if task in history.stages:
        return Named(artifact, task, field)
    names = {task.replace(":", "/") for task in history.stages}
    if known is not None:
        names |= {f"{pipeline}/{stage}" for stage in bound(known)}
    if not names:
        raise errors.not_built(artifact)
    own = {name for name in names if name.startswith(f"{pipeline}/")}
    raise errors.unknown_artifact(artifact, pipeline if own else "", tuple(sorted(own or names)))


def _result_of(task: str) -> type | None:
    for pipeline in pipelines().values():
        for stage in bound(pipeline).values():
            if stage.task == task:
                return stage.result
    return None


def runs(target: str) -> list[Run]:
    """Return the runs in which a stage of a pipeline was built, restored or failed, newest first."""
    known = pipelines().get(target)
    project = project_around(Path.cwd())
    if known is not None:
        names: Mapping[str, str] = {stage.task: stage.name for stage in bound(known).values()}
    else:
        names = {t: t.partition(":")[2] for t in History(project).stages if t.partition(":")[0] == target}
    return runs_of(project, target, names)
