"""A pipeline as doit tasks, with doit's judging replaced by ours."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit import Globals
from doit.action import BaseAction
from doit.dependency import Dependency, DependencyStatus, MD5Checker
from doit.exceptions import InvalidDodoFile, TaskFailed
from doit.task import Task

from . import errors, runners
from .actions import Cause, Outcome
from .build import Project, work
from .build import finish as finish_job
from .build import job as make_job
from .build import restore as restore_artifacts
from .digest import Memo
from .pipeline import File, Input, Pipeline, Stage, Where, heard, stages, with_upstream
from .reports import Report

errors.adopt(InvalidDodoFile)
runners.install()

# What doit or kept would take for itself in `doit NAME` and `kept NAME`.
COMMANDS = frozenset(
    "accept auto clean diff du dumpdb debug fingerprint forget gc graph help ignore info list log plan reset-dep run"  # noqa: SIM905  # readable as it is
    " shell show strace tabcompletion verify why".split()
)


class State:
    """What doit remembers of plain tasks, one durable fact a task: its own backends save at the end of a run only."""

    name = "kept"

    def __init__(self, memo: Memo) -> None:
        self.memo = memo
        self.tasks: dict[str, dict[str, Any]] = {}
        self.changed: set[str] = set()

    def _task(self, task: str) -> dict[str, Any]:
        if task not in self.tasks:
            stored = self.memo.recall("doit", task)
            try:
                found = json.loads(stored) if stored else {}
            except (ValueError, RecursionError):
                found = {}
            sound = type(found) is dict and all(_sound(name, value) for name, value in found.items())
            self.tasks[task] = found if sound else {}
        return self.tasks[task]

    def get(self, task: str, name: str) -> Any:
        """Return one remembered value of a task, or None."""
        return self._task(task).get(name)

    def set(self, task: str, name: str, value: Any) -> None:
        """Remember one value of a task."""
        self.memo.drop_receipts()
        self._task(task)[name] = value
        self.changed.add(task)

    def in_(self, task: str) -> bool:
        """Say whether anything is remembered of a task."""
        return bool(self._task(task))

    def remove(self, task: str) -> None:
        """Forget a task."""
        self.memo.drop_receipts()
        self.tasks[task] = {}
        self.changed.discard(task)
        self.memo.forget("doit", task)

    def remove_all(self) -> None:
        """Forget every task."""
        for task in self.memo.all("doit"):
            self.remove(task)
        self.tasks.clear()

    def dump(self) -> None:
        """Write what changed; called after each task."""
        for task in sorted(self.changed):
            try:
                self.memo.remember("doit", task, json.dumps(self.tasks[task], default=_plain).encode())
            except (TypeError, ValueError) as problem:
                raise errors.unsavable_values(task, str(problem)) from None
        self.changed.clear()


def _sound(name: str, value: Any) -> bool:
    """Say whether a remembered value is of a kind that doit itself writes: anything else would stop it."""
    if name == "deps:":
        return type(value) is list and all(type(item) is str for item in value)
    kinds: dict[str, Any] = {"_values_:": dict, "checker:": str, "ignore:": str, "result:": str | dict | None}
    return isinstance(value, kinds.get(name, list)) and (name in kinds or len(value) == 3)


def _plain(value: Any) -> Any:
    """Turn a numpy scalar that an action returned into a number; doit's own json backend is bricked by one."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__}")


class KeptDependency(Dependency):  # type: ignore[misc]  # doit has no types
    """doit's judge of tasks: for stages it asks the project, for plain tasks it stays doit's own."""

    project: Project
    arguments: list[str] | None = None  # of the run, where a receipt may answer it next time
    state: State
    loaded: set[str]

    def __init__(self, project: Project) -> None:
        self._closed = False
        self.checker = MD5Checker()
        self.take(project)

    def take(self, project: Project) -> None:
        """Judge for ``project`` from now on."""
        self.project, self.state, self.loaded = project, State(project.memo), set()
        self.backend, self.name = self.state, self.state.name
        for name in ("_set", "_get", "_in", "remove", "remove_all"):
            self.__dict__.pop(name, None)  # doit's constructor binds them to its backend

    def _set(self, task: str, name: str, value: Any) -> None:
        self.state.set(task, name, value)

    def _get(self, task: str, name: str) -> Any:
        return self.state.get(task, name)

    def _in(self, task: str) -> bool:
        return self.state.in_(task)

    def remove(self, task: str) -> None:
        """Forget what is claimed of a task; records stay, so a stage is restored from them."""
        if task in self.project.stages:
            self.project.disclaim(task)
        self.state.remove(task)

    def remove_all(self) -> None:
        """Forget what is claimed of every task."""
        for task in list(self.project.claims):
            self.project.disclaim(task)
        self.state.remove_all()

    def remove_success(self, task: Task) -> None:
        """Let a stage that failed, or whose input did, keep what it knows: its claim is dropped before it runs."""
        if task.name not in self.project.stages:
            super().remove_success(task)

    def save_success(self, task: Task, result_hash: Any = None) -> None:
        """Remember a plain task durably as soon as it has run; a stage has its record already."""
        if task.name not in self.project.stages:
            super().save_success(task, result_hash)
            self.state.dump()

    def close(self) -> None:
        """Write what is left."""
        self.state.dump()

    def get_status(self, task: Task, tasks_dict: dict[str, Task], get_log: bool = False) -> DependencyStatus:
        """Judge a task; a stage without side effects, in `list -s`, `info` and `why` as in a run."""
        if task.name not in self.project.stages:
            return super().get_status(task, tasks_dict, get_log)
        task.dep_changed = []
        judged = self.project.judge(task.name)
        status = DependencyStatus(get_log)
        if judged.problem is not None:
            status.add_reason("uptodate_false", (judged.problem, [], {}), "error")
            status.error_reason = str(judged.problem)
        for reason in judged.reasons if judged.problem is None else ():
            kind = "missing_target" if reason.cause is Cause.MISSING else "uptodate_false"
            status.add_reason(kind, reason.name if kind == "missing_target" else (reason, [], {}))
        return status


def _check_name(target: str, where: Where) -> None:
    """Refuse a pipeline that nobody could ask for."""
    if target in COMMANDS:
        raise errors.command_name(target, where)


heard.append(_check_name)


def project_here() -> KeptDependency:
    """Return doit's judge, made ours: the first creator that runs adopts it, whatever command it runs under."""
    judge = Globals.dep_manager
    if not isinstance(judge, KeptDependency):
        _drop(judge.backend)
        judge.__class__ = KeptDependency
        judge.take(Project(os.getcwd()))
    assert isinstance(judge, KeptDependency)
    return judge


def _drop(backend: Any) -> None:
    """Close the database that doit has opened, and remove it if nothing is in it: some kinds lock others out."""
    if not hasattr(backend, "_dbm"):
        return
    empty = not backend._dbm.keys()
    backend._dbm.close()
    if empty:
        for suffix in ("", ".db", ".dat", ".dir", ".bak"):
            Path(backend.name + suffix).unlink(missing_ok=True)


class StageAction(BaseAction):  # type: ignore[misc]  # doit has no types
    """What doit runs for a stage: brings it up to date, as it was judged."""

    def __init__(self, judge: KeptDependency, stage: Stage) -> None:
        self.judge, self.stage = judge, stage
        self.task: Task | None = None
        self.out = self.err = self.result = None
        self.values: dict[str, Any] = {}

    def execute(self, _out: Any = None, _err: Any = None) -> TaskFailed | None:
        """Run in this process; kept's own runner goes around this, to show and to spread what happens."""
        project = self.judge.project
        judged = project.judge(self.stage.task)
        if judged.outcome is Outcome.RESTORED:
            restore_artifacts(project, judged)
            return None
        result = finish_job(project, judged, work(make_job(project, judged)))
        return TaskFailed(result.failure.text) if result.failure is not None else None

    def __str__(self) -> str:
        return f"Stage: {self.stage.function_name}"


def tasks_of(declared: Any) -> Iterator[Task]:
    """Return the doit tasks of a pipeline or a report."""
    judge = project_here()
    if isinstance(declared, Report):
        return _report_tasks(judge, declared)
    return _pipeline_tasks(judge, declared)


def _pipeline_tasks(judge: KeptDependency, pipeline: type[Pipeline]) -> Iterator[Task]:
    """Yield each stage once, whichever pipeline comes first, then the group that builds the variant."""
    of_pipeline = stages(pipeline)
    for stage in judge.project.add(with_upstream(of_pipeline)):
        yield _stage_task(judge, stage)
    if pipeline._target not in judge.loaded:
        judge.loaded.add(pipeline._target)
        doc = (pipeline.__doc__ or "").strip() or f"pipeline {pipeline.__name__}"
        yield Task(pipeline._target, None, has_subtask=True, task_dep=[s.task for s in of_pipeline], doc=doc)


def _stage_task(judge: KeptDependency, stage: Stage) -> Task:
    project = judge.project
    targets = artifact_files(project, stage)
    inputs = [wire.path for wire in stage.wires.values() if isinstance(wire, File)]
    for wire in stage.wires.values():
        if isinstance(wire, Input):
            inputs += artifact_files(project, project.stages[wire.stage], wire.field or None)
    doc = (stage.function.__doc__ or "").strip().partition("\n")[0]
    task = Task(
        stage.task,
        [],
        file_dep=list(dict.fromkeys(path for path in inputs if not os.path.isdir(project.root / path))),
        targets=targets,
        task_dep=list(stage.upstream),
        subtask_of=stage.pipeline,
        doc=doc or stage.function_name,
        clean=[(_clean, [project, stage])],
        verbosity=None,
    )
    task._actions = [StageAction(judge, stage)]
    return task


def artifact_files(project: Project, stage: Stage, field: str | None = None) -> list[str]:
    """Return where the artifacts of a stage lie, as far as that is known before it is built."""
    claim = project.claims.get(stage.task)
    shown = {output.name: output.suffix for output in claim.outputs} if claim is not None else {}
    files = []
    for artifact in stage.artifacts:
        suffix = project.declared_suffix(artifact)
        suffix = shown.get(artifact.field) if suffix is None else suffix
        if suffix is not None and field in (None, artifact.field):
            files.append(project.file(artifact, suffix))
    return files


def _clean(project: Project, stage: Stage, dryrun: bool) -> None:
    for file in artifact_files(project, stage):
        path = project.root / file
        if not path.exists():
            continue
        sys.stdout.write(f"{stage.task} - removing {'folder' if path.is_dir() else 'file'} '{file}'\n")
        if not dryrun:
            project.remove(file)


def _report_tasks(judge: KeptDependency, report: Report) -> Iterator[Task]:
    for pipeline in report.pipelines:
        yield from _pipeline_tasks(judge, pipeline)
    for stage in judge.project.add(with_upstream(report.besides)):
        yield _stage_task(judge, stage)
    task = Task(
        report.target,
        [],
        task_dep=[*(pipeline._target for pipeline in report.pipelines), *(stage.task for stage in report.besides)],
        uptodate=[False],
        doc=report.__doc__,
        params=list(report.options),
        verbosity=2,
    )
    task._actions = [ReportAction(judge, report)]
    yield task


class ReportAction(BaseAction):  # type: ignore[misc]  # doit has no types
    """What doit runs for a report: draws the records of its variants."""

    def __init__(self, judge: KeptDependency, report: Report) -> None:
        self.judge, self.report = judge, report
        self.task: Task | None = None
        self.out = ""
        self.err = self.result = None
        self.values: dict[str, Any] = {}

    def execute(self, _out: Any = None, _err: Any = None) -> TaskFailed | None:
        """Draw the report; the runner shows it."""
        assert self.task is not None
        try:
            self.out = self.report.draw(self.judge.project, self.task.options or {})
        except errors.KeptError as problem:
            return TaskFailed(str(problem))
        return None

    @property
    def prints_data(self) -> bool:
        """Say whether what it prints is for machines, so that nothing else may stand beside it."""
        return self.report.prints_data((self.task.options if self.task is not None else None) or {})

    def __str__(self) -> str:
        return f"Report: {self.report.target}"
