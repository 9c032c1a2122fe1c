"""Several stages at a time: doit's scheduler, spread over processes."""

from __future__ import annotations

import os
import queue
import sys
from collections import deque
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from doit.exceptions import InvalidTask

from . import build, errors
from .actions import Outcome
from .build import Failure, Judgement, Result
from .executors import NotUnderstood, WorkerDied, Workers, thread_limits
from .lean import dataclass, field
from .runner import KeptRunner
from .store import temporary


@dataclass
class _Room:
    """What stages share: processors, as many as ``-n`` says, and graphics processors."""

    threads: int
    gpus: list[str] = field(default_factory=lambda: list(_gpus()))
    used: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def fits(self, judged: Judgement) -> bool:
        """Say whether a stage can start now; one alone always can."""
        need = judged.stage.options
        taken = sum(threads for threads, _ in self.used.values())
        return not self.used or (
            taken + min(need.threads, self.threads) <= self.threads
            and len(self.gpus) >= min(need.gpu, self._all_gpus())
        )

    def _all_gpus(self) -> int:
        return len(self.gpus) + sum(len(gpus) for _, gpus in self.used.values())

    def take(self, judged: Judgement) -> dict[str, str]:
        """Give a stage its share; return the environment that tells libraries to stay within it."""
        need = judged.stage.options
        gpus = [self.gpus.pop(0) for _ in range(min(need.gpu, len(self.gpus)))]
        self.used[judged.stage.task] = (min(need.threads, self.threads), gpus)
        each = max(need.threads, _processors() // self.threads)
        return thread_limits(each) | ({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if need.gpu and gpus != ["any"] else {})

    def give_back(self, task: str) -> None:
        """Take back the share of a stage that has ended."""
        _, gpus = self.used.pop(task)
        self.gpus[:0] = gpus


def _processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> list[str]:
    """Name the graphics processors; where none is seen, one that may be anything: gpu=1 stages then run in turn."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip()] or ["any"]
    devices = (
        sorted(name[6:] for name in os.listdir("/dev") if name.startswith("nvidia") and name[6:].isdigit())
        if os.path.isdir("/dev")
        else []
    )
    return devices or ["any"]


class ParallelRunner(KeptRunner):
    """Runs stages in workers and plain tasks here, as many as ``-n`` says."""

    def run_tasks(self, dispatcher: Any) -> None:
        """Keep every worker busy until all is done, or something failed."""
        given = (*thread_limits(1), "CUDA_VISIBLE_DEVICES")
        enter = (build.enter, (str(self.project.root), str(self.project.home), list(sys.path), given))
        self.pool = Workers(enter)
        self.room = _Room(max(1, self.workers))
        self.running: dict[Future[Any], tuple[Any, Judgement]] = {}
        self.ready: deque[tuple[Any, Judgement]] = deque()
        self.done: deque[Any] = deque()  # finished, doit's scheduler has not heard of them
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()
        with temporary() as self.sockets:
            try:
                self._loop(dispatcher)
                self._end()
            finally:
                self.pool.close()

    def _loop(self, dispatcher: Any) -> None:
        while True:
            exhausted = self._gather(dispatcher)
            self._start()
            if self.running:
                self._collect()
            elif self._stop_running or (exhausted and not self.ready):
                return
            elif not self.ready and not self.done:
                raise InvalidTask("no task can go on: tasks need each other")

    def _gather(self, dispatcher: Any) -> bool:
        """Take from doit's scheduler what can go on; True when it has no more."""
        while not self._stop_running and len(self.ready) < self.workers:
            finished = self.done.popleft() if self.done else None
            try:
                node = dispatcher.generator.send(finished)
            except StopIteration:
                return True
            if node == "hold on":
                if self.done:
                    continue
                return False
            if not self.select_task(node, dispatcher.tasks):
                self.done.append(node)
            elif node.task.name in self.project.stages:
                self._prepare(node)
            else:
                self.bring_up_to_date(node)
                self.done.append(node)
        return False

    def _prepare(self, node: Any) -> None:
        judged = self._judgement_of(node.task.name)
        if judged.outcome is Outcome.RESTORED:
            self._stage(node)
            self.done.append(node)
        else:
            self.ready.append((node, judged))

    def _start(self) -> None:
        if self._stop_running:
            self.ready.clear()
        waiting = [pair for pair in self.ready if not self._started(*pair)]
        self.ready = deque(waiting)

    def _started(self, node: Any, judged: Judgement) -> bool:
        if self._stop_running or not self.room.fits(judged):
            return False
        try:
            self.running[self._submitted(judged)] = (node, judged)
        except (errors.KeptError, OSError) as problem:
            self._settle(node, self._failed(judged, problem))
            self.done.append(node)
        return True

    def _submitted(self, judged: Judgement, fresh: bool = False) -> Future[Any]:
        job = build.job(self.project, judged, forced=self.always_execute, fresh=fresh, sockets=self.sockets)
        if self.screen is not None:
            self.screen.stage_starts(judged)
        environment = self.room.take(judged)
        try:
            return self.pool.submit(build.work, job, environment, self.told.put)
        except Exception as problem:  # noqa: BLE001  # pickling runs the user's code, which may raise anything
            future: Future[Any] = Future()
            future.set_exception(errors.not_sendable(judged.stage.task, f"{type(problem).__name__}: {problem}"))
            return future

    def _execute(self, judged: Judgement, fresh: bool) -> Result:
        """Run a stage that others wait for, in a worker like any: it is rare, so the rest is not heard meanwhile."""
        future = self._submitted(judged, fresh)
        self._await({future})
        self.room.give_back(judged.stage.task)
        return self._result(judged, future)

    def _collect(self) -> None:
        """Wait for a stage to end, then settle all that have."""
        for future in self._await(self.running):
            node, judged = self.running.pop(future)
            self.room.give_back(judged.stage.task)
            self._settle(node, self.renewal.after(self._result(judged, future)))
            self.done.append(node)

    def _await(self, futures: Iterable[Future[Any]]) -> set[Future[Any]]:
        """Return those that have ended, once one has; lines that workers tell are shown meanwhile."""
        while not (ended := wait(futures, timeout=0.2, return_when=FIRST_COMPLETED).done):
            self._show_told()
        self._show_told()
        return ended

    def _show_told(self) -> None:
        while not self.told.empty():
            self._tell(self.told.get())

    def _result(self, judged: Judgement, future: Future[Any]) -> Result:
        try:
            return build.finish(self.project, judged, future.result())
        except (errors.KeptError, OSError) as problem:
            return self._failed(judged, problem)
        except NotUnderstood as problem:
            return self._failed(judged, errors.not_sendable(judged.stage.task, str(problem)))
        except WorkerDied as problem:
            log = build.log_of(self.project, judged)
            failure = Failure(str(problem), f"{problem}\n{problem.said}".strip(), log)
        except Exception as problem:  # noqa: BLE001  # raised by user code while a result was sent
            failure = Failure(f"{type(problem).__name__}: {problem}", str(problem), "")
        return Result(judged.stage.task, Outcome.FAILED, judged, failure=failure)
