"""A pipeline as doit tasks."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from doit import loader
from doit.action import BaseAction
from doit.cmdparse import CmdOption, CmdParseError
from doit.doit_cmd import DoitMain
from doit.exceptions import InvalidDodoFile, TaskFailed
from doit.task import Task

from . import cleaning, errors, mistake, runners, slips
from .actions import Outcome
from .build import Project
from .judge import KeptDependency, project_here
from .pipeline import File, Input, Pipeline, Stage, Where, heard, stages, unnamed, with_upstream

if TYPE_CHECKING:
    from .reports import Report

errors.adopt(InvalidDodoFile)
runners.install()
cleaning.install()
mistake.install()

# What doit or kept would take for itself in `doit NAME` and `kept NAME`.
VERBS = frozenset({"debug", "diff", "du", "fingerprint", "gc", "graph", "log", "plan", "shell", "show", "verify"})
COMMANDS = VERBS | {
    "accept", "clean", "dumpdb", "forget", "help", "ignore", "info", "list", "reset-dep", "run", "strace",
    "tabcompletion", "why",
}  # fmt: skip


def _check_name(target: str, where: Where) -> None:
    """Refuse a pipeline that nobody could ask for."""
    if target in COMMANDS:
        raise errors.command_name(target, where)


heard.append(_check_name)
slips.install(lambda: COMMANDS if DoitMain.BIN_NAME == "kept" else COMMANDS - VERBS)


def _told_apart(load: Callable[..., list[Task]]) -> Callable[..., list[Task]]:
    """Let doit load tasks, and refuse two of one name with the lines that declare them: doit names none.

    It asks what names stand for: pipelines that a loop has made are put beside them.
    """

    def load_tasks(namespace: dict[str, Any], *args: Any, **kwargs: Any) -> list[Task]:
        namespace = {**{f"pipeline {name}": one for name, one in unnamed(namespace).items()}, **namespace}
        tasks = load(namespace, *args, **kwargs)
        count = Counter(task.name for task in tasks)
        for name in (name for name in count if count[name] > 1):
            creators = [ref for own, ref, _ in loader._get_task_creators(namespace, ()) if own == name]
            codes = [ref.__code__ for ref in creators if hasattr(ref, "__code__")]
            raise errors.name_twice(name, [str(Where(code.co_filename, code.co_firstlineno)) for code in codes])
        return tasks

    return load_tasks


loader.load_tasks = _told_apart(loader.load_tasks)


class _Lines:
    """`inspect` for doit's loader, which asks in what line a task is made: a declaration knows, no source is read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)

    def getsourcelines(self, creator: Any) -> tuple[list[str], int]:
        where = getattr(creator, "where", None)
        return ([], where.line) if isinstance(where, Where) else inspect.getsourcelines(creator)


loader.inspect = _Lines()


class StageAction(BaseAction):  # type: ignore[misc]  # doit has no types
    """What doit runs for a stage: brings it up to date, as it was judged."""

    def __init__(self, judge: KeptDependency, stage: Stage) -> None:
        self.judge, self.stage = judge, stage
        self.task: Task | None = None
        self.out = self.err = self.result = None
        self.values: dict[str, Any] = {}

    def execute(self, _out: Any = None, _err: Any = None) -> TaskFailed | None:
        """Run in this process; kept's own runner goes around this, to show and to spread what happens."""
        from . import build

        project = self.judge.project
        judged = project.judge(self.stage.task)
        if judged.outcome is Outcome.RESTORED:
            build.restore(project, judged)
            return None
        result = build.finish(project, judged, build.work(build.job(project, judged)))
        return TaskFailed(result.failure.text) if result.failure is not None else None

    def __str__(self) -> str:
        return f"Stage: {self.stage.function_name}"


class StageTask(Task):  # type: ignore[misc]  # doit has no types
    """A stage as doit sees it."""

    def clean(self, outstream: Any, dryrun: bool) -> None:
        """Remove its artifacts."""
        action = self.actions[0]
        project = action.judge.project
        for file in artifact_files(project, action.stage):
            path = project.root / file
            if not path.exists():
                continue
            outstream.write(f"{self.name} - removing {'folder' if path.is_dir() else 'file'} '{file}'\n")
            if not dryrun:
                try:
                    project.remove(file)
                except OSError as problem:
                    raise errors.cannot_remove(path, problem) from None


def tasks_of(declared: Any) -> Iterator[Task]:
    """Return the doit tasks of a pipeline or a report."""
    judge = project_here()
    if isinstance(declared, type):
        return _pipeline_tasks(judge, declared)
    return _report_tasks(judge, declared)


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
    task = StageTask(
        stage.task,
        [],
        file_dep=inputs,
        targets=targets,
        task_dep=list(stage.upstream),
        subtask_of=stage.pipeline,
        doc=doc or stage.function_name,
    )
    task._actions = [StageAction(judge, stage)]
    return task


def artifact_files(project: Project, stage: Stage, field: str | None = None) -> list[str]:
    """Return where the artifacts of a stage lie, as far as that is known before it is built."""
    files = []
    for artifact in stage.artifacts:
        suffix = project.declared_suffix(artifact)
        suffix = _shown(project, stage).get(artifact.field) if suffix is None else suffix
        if suffix is not None and field in (None, artifact.field):
            files.append(project.file(artifact, suffix))
    return files


def _shown(project: Project, stage: Stage) -> dict[str, str]:
    """Return the suffixes of what artifacts/ shows of a stage, by field."""
    claim = project.claims.get(stage.task)
    return {output.name: output.suffix for output in claim.outputs} if claim is not None else {}


def _report_tasks(judge: KeptDependency, report: Report) -> Iterator[Task]:
    for pipeline in report.pipelines:
        yield from _pipeline_tasks(judge, pipeline)
    for stage in judge.project.add(with_upstream(report.besides)):
        yield _stage_task(judge, stage)
    task = _ReportTask(
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


class _ReportTask(Task):  # type: ignore[misc]  # doit has no types
    """A report as doit sees it."""

    def init_options(self, args: list[str] | None = None) -> Any:
        try:
            return super().init_options(args)
        except CmdParseError as problem:
            raise slips.wrong_option(self.name, problem, map(CmdOption, self.params)) from None


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
