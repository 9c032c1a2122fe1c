"""A stage in this process, with its inputs, where nothing of it is recorded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .. import build, errors
from ..actions import Cause
from ..build import Job, Project
from ..formats import describe
from ..lean import dataclass
from ..pipeline import Stage, call_arguments
from .declarations import declared


class Inputs(Mapping[str, Any]):
    """What a stage is given, by parameter; read anew from the store whenever it is asked for."""

    def __init__(self, job: Job, project: Project) -> None:
        self._job, self._project = job, project

    def __getitem__(self, name: str) -> Any:
        return build.given(self._job, self._project.store, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._job.arguments)

    def __len__(self) -> int:
        return len(self._job.arguments)

    def __repr__(self) -> str:
        return f"<inputs of {self._job.task}: {', '.join(self)}>"


def _not_shown(project: Project, stage: Stage) -> Iterator[str]:
    """Name the stages whose artifacts are handed over as paths, and do not lie there."""
    for name in stage.upstream:
        made = project.files(project.stages[name], project.judgements[name].outputs)
        paths = {file: output for file, output in made.items() if output.format.partition(".")[0] == "file"}
        if any((shown := project.shown(file)) is None or shown.hex != paths[file].digest.hex for file in paths):
            yield name


@dataclass(frozen=True)
class Rehearsal:
    """A stage that can be run here, again and again."""

    job: Job
    inputs: Inputs

    @classmethod
    def of(cls, name: str) -> Rehearsal:
        """Prepare a stage; KeptError where what it needs is not there as a run would give it."""
        known = declared()
        task = known.stage(name)
        judged = known.project.judge(task)
        if judged.problem is not None:
            raise judged.problem
        waiting = [reason.name for reason in judged.reasons if reason.cause is Cause.WAITS]
        waiting = waiting if judged.action is None else list(_not_shown(known.project, judged.stage))
        if waiting:
            raise errors.inputs_not_there(task, waiting)
        job = build.rehearsal(known.project, judged)
        return cls(job, Inputs(job, known.project))

    @property
    def function_name(self) -> str:
        """The function's dotted name."""
        return self.job.record.function

    def run(self, values: Mapping[str, Any], caller: Callable[..., Any] | None = None) -> Any:
        """Call the function, or have it called, as a run would: same folder, same names, same random numbers."""
        build.prepare(self.job)
        args, kwargs = call_arguments(self.job.function, values)
        return self.job.function(*args, **kwargs) if caller is None else caller(self.job.function, *args, **kwargs)

    def heading(self, values: Mapping[str, Any]) -> str:
        """Say what is called with what."""
        given = ", ".join(f"{name}: {describe(value)}" for name, value in values.items())
        return f"{self.job.task}: {self.function_name}({given})"

    def log(self) -> str:
        """Say where the stage's output lies from the last run that executed it; nothing if it never ran."""
        path = self.job.log
        return f"its output in the last run: {os.path.relpath(path)}" if os.path.exists(path) else ""
