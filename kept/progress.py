"""Estimates how far a run has come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .actions import Outcome
from .build import Project


class Progress:
    """The stages of one run: how many are done, how long the others took in earlier runs.

    What will execute is not known before what it needs is done. Counted are the stages that run now, those that
    need one which has executed, and those that never ran: early cutoff may end it sooner, an edit further on later.
    """

    def __init__(self, project: Project, tasks: Mapping[str, Any], selected: Iterable[str], workers: int) -> None:
        self.project = project
        self.workers = max(1, workers)
        self.waiting = dict.fromkeys(project.order(stages_among(project, tasks, selected)))  # each after what it needs
        self.total = len(self.waiting)
        self.running: dict[str, float] = {}
        self.executed: set[str] = set()
        self.took = {x.stage: x.seconds for x in project.journal.lines() if x.outcome is Outcome.BUILT}
        self._left: tuple[float, float | None] = (0.0, None)

    def begins(self, task: str) -> None:
        """Note that a stage executes from now on."""
        self.running[task] = time.monotonic()

    def ends(self, task: str) -> None:
        """Note that a stage is done, whatever became of it."""
        self.waiting.pop(task, None)
        if self.running.pop(task, None) is not None:
            self.executed.add(task)

    def done(self) -> str:
        """Count the stages that are done: ``3 of 12``."""
        return f"{self.total - len(self.waiting)} of {self.total}"

    def left(self) -> float | None:
        """Return how many seconds the run may still take; None where nothing that is ahead was ever timed."""
        now = time.monotonic()
        at, known = self._left
        if now - at >= 1:  # with many stages this is no small sum
            known = self._estimated(now)
            self._left = (now, known)
        return known

    def _estimated(self, now: float) -> float | None:
        ahead = set(self.executed)
        times: list[float] = []
        for task in self.waiting:
            if task in self.running:
                ahead.add(task)
                if task in self.took:
                    times.append(max(0.0, self.took[task] - (now - self.running[task])))
            elif task not in self.took or any(need in ahead for need in self.project.stages[task].upstream):
                ahead.add(task)
                if task in self.took:
                    times.append(self.took[task])
        return max(*times, sum(times) / self.workers) if times else None


def stages_among(project: Project, tasks: Mapping[str, Any], selected: Iterable[str]) -> Iterator[str]:
    """Yield the stages among tasks and all that they need."""
    seen = dict.fromkeys(selected)
    todo = list(seen)
    while todo:
        task = tasks[todo.pop()]
        if task.name in project.stages:
            yield task.name
        for name in task.task_dep:
            if name not in seen:
                seen[name] = None
                todo.append(name)
