"""doit's judge of tasks, replaced by ours: what is to be done with each, and what is remembered of plain ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit import Globals, cmd_base
from doit.cmd_resetdep import ResetDep
from doit.dependency import Dependency, DependencyStatus, MD5Checker
from doit.task import Task

from . import errors, receipt
from .actions import Cause
from .build import Project
from .digest import Memo
from .pipeline import pipelines

if TYPE_CHECKING:
    from .witness import Witness


class State:
    """What doit remembers of plain tasks, one durable fact a task: its own backends save at the end of a run only."""

    name = "kept"

    def __init__(self, memo: Memo) -> None:
        self.memo = memo
        self.tasks: dict[str, dict[str, Any]] = {}
        self.changed: set[str] = set()

    @cached_property
    def names(self) -> frozenset[str]:
        """The tasks of which something was remembered when the first was asked for: no stage, usually."""
        return frozenset(self.memo.all("doit"))

    def _task(self, task: str) -> dict[str, Any]:
        if task not in self.tasks:
            stored = self.memo.recall("doit", task) if task in self.names else None
            try:
                found = json.loads(stored) if stored else {}
            except (ValueError, RecursionError):
                found = {}
            sound = type(found) is dict and all(_sound(name, value) for name, value in found.items())
            self.tasks[task] = found if sound else {}
        return self.tasks[task]

    def has(self, task: str) -> bool:
        """Say whether anything was remembered of a task when this was first asked."""
        return task in self.tasks or task in self.names

    def get(self, task: str, name: str) -> Any:
        """Return one remembered value of a task, or None."""
        return self._task(task).get(name)

    def set(self, task: str, name: str, value: Any) -> None:
        """Remember one value of a task."""
        known = self._task(task)
        if name in known and _listed(known[name]) == _listed(value):  # doit saves groups each time
            return
        self.memo.drop_receipts()
        known[name] = value
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


def _listed(value: Any) -> Any:
    """Return a tuple as it comes back from the memory."""
    return list(value) if type(value) is tuple else value


def _plain(value: Any) -> Any:
    """Turn a numpy scalar that an action returned into a number; doit's own json backend is bricked by one."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__}")


class KeptDependency(Dependency):  # type: ignore[misc]  # doit has no types
    """doit's judge of tasks: for stages it asks the project, for plain tasks it stays doit's own."""

    project: Project
    asked: receipt.Asked | None = None  # of a run that a receipt may answer next time
    witness: Witness | None = None  # of what loading dodo.py asked
    loaded: set[str]
    sure = False  # that the memory can be written to

    def __init__(self, project: Project) -> None:
        self._closed = False
        self.checker = MD5Checker()
        self.take(project)

    def take(self, project: Project) -> None:
        """Judge for ``project`` from now on."""
        self.project, self.name, self.loaded = project, State.name, set()
        self.__dict__.pop("state", None)
        for name in ("_set", "_get", "_in", "remove", "remove_all"):
            self.__dict__.pop(name, None)  # doit's constructor binds them to its backend

    @cached_property
    def state(self) -> State:
        """What is remembered of plain tasks; who only lists tasks asks for none of it."""
        return State(self.project.memo)

    @property
    def backend(self) -> State:
        """What doit takes for its database."""
        return self.state

    def _set(self, task: str, name: str, value: Any) -> None:
        self.state.set(task, name, value)

    def _get(self, task: str, name: str) -> Any:
        if task in self.project.stages and not self.state.has(task):  # there are many, and hardly any is ignored
            return None
        return self.state.get(task, name)

    def _in(self, task: str) -> bool:
        return self.state.in_(task)

    def remove(self, task: str) -> None:
        """Forget what is claimed of a task; records stay, so a stage is restored from them."""
        self._must_write()
        if task in self.project.stages:
            self.project.disclaim(task)
        self.state.remove(task)

    def remove_all(self) -> None:
        """Forget what is claimed of every task."""
        self._must_write()
        for task in list(self.project.claims):
            self.project.disclaim(task)
        self.state.remove_all()

    def remove_success(self, task: Task) -> None:
        """Let a stage that failed, or whose input did, keep what it knows: its claim is dropped before it runs."""
        if task.name not in self.project.stages:
            self.state.remove(task.name)

    def ignore(self, task: Task) -> None:
        """Remember that runs pass over a task, until it is forgotten."""
        self._must_write()
        super().ignore(task)

    def _must_write(self) -> None:
        """Refuse what a command is told to do where nothing can be remembered: a run goes without, a command fails."""
        if not self.sure:
            self.project.store.require_writable()
            self.sure = True

    def save_success(self, task: Task, result_hash: Any = None) -> None:
        """Remember a plain task durably as soon as it has run; a stage has its record already."""
        if task.name not in self.project.stages:
            super().save_success(task, result_hash)
            self.state.dump()

    def close(self) -> None:
        """Write what is left."""
        if "state" in self.__dict__:
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


class _Judge:
    """Makes our judge where a pipeline is declared, else doit's: each of its commands asks for one by name."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return KeptDependency(Project(os.getcwd())) if pipelines() else Dependency(*args, **kwargs)


def project_here() -> KeptDependency:
    """Return doit's judge, made ours where it was made before the first pipeline was declared."""
    judge = Globals.dep_manager
    if not isinstance(judge, KeptDependency):
        _drop(judge.__dict__.pop("backend"))
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


def _surely(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command of doit's fail where what it says that it has saved would be lost."""

    @wraps(stock)  # doit passes what it finds in the signature
    def execute(command: Any, *args: Any, **options: Any) -> Any:
        if isinstance(command.dep_manager, KeptDependency):
            command.dep_manager._must_write()
        return stock(command, *args, **options)

    return execute


cmd_base.Dependency = _Judge
ResetDep._execute = _surely(ResetDep._execute)
