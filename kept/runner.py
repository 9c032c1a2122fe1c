"""doit's runner, replaced by ours: it drives doit's scheduler, and shows and records each stage as it ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import Any

from doit.exceptions import DependencyError, InvalidTask, TaskFailed
from doit.runner import Runner

from . import build, collector, errors, explain, noop, receipt, upkeep
from .actions import Cause, Outcome
from .build import Judgement, Result
from .fingerprint import states
from .progress import Progress, stages_among
from .renewal import Renewal
from .screen import Lines, Screen
from .witness import Witness


class KeptRunner(Runner):  # type: ignore[misc]  # doit has no types
    """Runs what is left to do, in this process or, with ``-n``, in workers."""

    nodes: Mapping[str, Any] = {}  # of the tasks that doit's scheduler has looked at, by name
    dispatcher: Any = None  # doit's scheduler
    place: build.Workplace | None = None  # where the stages of this process run
    asked: receipt.Asked | None = None  # the command line that a receipt may be written for
    came_through = False  # nothing has cut the run off

    def __init__(self, judge: Any, reporter: Any, continue_: bool, always: bool, stream: Any, workers: int = 0) -> None:
        super().__init__(judge, reporter, continue_, always, stream)
        self.workers = workers
        self.screen = reporter if isinstance(reporter, Screen) else None
        if self.screen is not None:
            self.screen.stages = self.project.stages
        self.asked, self.witness = judge.asked, judge.witness
        self.warned: set[str] = set()
        self.live = stream.verbosity is not None and stream.verbosity > 1

    @property
    def project(self) -> build.Project:
        """The project whose stages run."""
        project: build.Project = self.dep_manager.project
        return project

    def run_all(self, dispatcher: Any) -> Any:
        """Run what is selected; for a report that was asked for, what fails does not stop the rest."""
        if self.witness is not None:
            self.witness.end()  # all is loaded
            for path in self.witness.kinds:
                states.note_presence(path)
        reports = [task for name in dispatcher.selected_tasks if _is_report(task := dispatcher.tasks[name])]
        if reports and len(dispatcher.selected_tasks) < len(dispatcher.tasks):
            self.continue_ = True
        self.dispatcher, self.nodes = dispatcher, dispatcher.nodes
        self.renewal = Renewal(self.project, self._through, self._judged_anew, self._attempt, self._settle_result)
        if self.asked is not None:
            self.project.standing = self.asked.standing()
        if any(task.actions[0].prints_data for task in reports):
            self.asked = None  # what it prints goes to two streams: no receipt
            if self.screen is not None:
                self.screen.lines = Lines(sys.stderr)
        if self.screen is not None and self.screen.lines.live:
            selected = dispatcher.selected_tasks
            self.screen.lines.ahead = Progress(self.project, dispatcher.tasks, selected, self.workers)
        return super().run_all(dispatcher)

    def select_task(self, node: Any, tasks: Any) -> bool:
        """Judge a task; a stage that cannot be judged fails with its own message."""
        if node.task.name not in self.project.stages:
            self._look_again()  # it may show or use what will be made again
        if _is_report(node.task):
            node.bad_deps = []  # it says itself which variants are not built
        selected: bool = super().select_task(node, tasks)
        task = node.task
        if task.name in self.project.stages and node.run_status == "up-to-date":
            self._show(Result(task.name, Outcome.UP_TO_DATE, self.project.judgements[task.name]))
        return selected

    def run_tasks(self, dispatcher: Any) -> None:
        """Bring each task up to date, after those it needs."""
        project = self.project
        place = build.Workplace(str(project.home), project.settings.digest, project.memo.content)
        with contextlib.closing(place) as self.place:
            self._run_tasks(dispatcher)
            self._end()

    def _run_tasks(self, dispatcher: Any) -> None:
        node = None
        while not self._stop_running:
            try:
                node = dispatcher.generator.send(node)
            except StopIteration:
                break
            if node == "hold on":
                raise InvalidTask("no task can go on: tasks need each other")
            if not self.select_task(node, dispatcher.tasks):
                continue
            self.bring_up_to_date(node)

    def bring_up_to_date(self, node: Any) -> None:
        """Run a task here, whatever kind it is."""
        if node.task.name in self.project.stages:
            self._stage(node)
        elif _is_report(node.task):
            self._report(node)
        else:
            with collector.as_usual():
                failure = self.execute_task(node.task)
            self.process_task_result(node, failure)

    def _report(self, node: Any) -> None:
        action = node.task.actions[0]
        failure = action.execute()
        node.task.executed = True
        if failure is None:
            if self.screen is not None:
                self.screen.report(action.out, to_stdout=action.prints_data)
            else:
                sys.stdout.write(action.out + "\n")
        self.process_task_result(node, failure)

    def finish(self) -> Any:
        """End the run; one that found nothing to do leaves a receipt."""
        screen = self.screen
        if screen is not None and self.dispatcher is not None:
            screen.untried = self._untried(screen)
        code = super().finish()
        upkeep.after(self.project)
        came_through = code == 0 and self.came_through
        if came_through and screen is not None and self.asked is not None and self.witness is not None:
            self._leave_receipt(screen, self.asked, self.witness)
        return code

    def _untried(self, screen: Screen) -> int:
        """Count the stages that were asked for and that the run did not come to: one before them failed."""
        if len(screen.became) == len(self.project.stages):
            return 0
        asked = stages_among(self.project, self.dispatcher.tasks, self.dispatcher.selected_tasks)
        return max(0, sum(task not in screen.became for task in asked) - screen.ignored)

    def _leave_receipt(self, screen: Screen, asked: receipt.Asked, witness: Witness) -> None:
        done = set(screen.count)
        if done and Outcome.UP_TO_DATE not in done:
            return  # all is too new to be trusted
        idle = not screen.plain and done <= {Outcome.UP_TO_DATE}
        tasks = [node.task for node in self.nodes.values()]
        noop.remember(self.project, asked, witness, tasks, "".join(screen.text) if idle else None)

    def _stage(self, node: Any) -> None:
        result = self._attempt(self._judgement_of(node.task.name))
        self._settle(node, self.renewal.after(result))

    def _attempt(self, judged: Judgement, fresh: bool = False) -> Result:
        """Bring a stage up to date; what keeps it from that is its failure."""
        try:
            if judged.problem is not None:
                raise judged.problem
            return self._bring_up_to_date(judged, fresh)
        except (errors.KeptError, OSError) as problem:
            return self._failed(judged, problem)

    def _through(self) -> set[str]:
        """Name the stages that this run is through with, and that did not fail."""
        ended = {name for name, node in self.nodes.items() if node.run_status in ("up-to-date", "successful")}
        return ended & self.project.stages.keys()

    def _judged_anew(self, task: str) -> Judgement:
        self.project.judge_again(task)
        return self._judgement_of(task)

    def _settle_result(self, result: Result) -> None:
        self._settle(self.nodes[result.task], result)

    def _end(self) -> None:
        """Note that doit's scheduler has no more tasks; what stops a run, or breaks it off, does not come here."""
        self._look_again()
        self.came_through = not self._stop_running

    def _look_again(self) -> None:
        """See to what was up to date before something that it needs was made again."""
        if not self._stop_running:
            self.renewal.look_again()

    def _failed(self, judged: Judgement, problem: Exception) -> Result:
        """Say of a stage that it cannot be brought up to date for a reason that is not its own."""
        failure = build.Failure(str(problem).partition("\n")[0], str(problem), "")
        return Result(judged.stage.task, Outcome.FAILED, judged, failure=failure)

    def _handle_task_error(self, node: Any, fail: Any) -> None:
        """Show and note a stage that cannot be judged as one that failed, with its own message instead of doit's."""
        judged = self.project.judgements.get(node.task.name)
        if isinstance(fail, DependencyError) and judged is not None and judged.problem is not None:
            self._show(self._failed(judged, judged.problem))
            fail = DependencyError(fail.message, report=self.screen is None)
        super()._handle_task_error(node, fail)

    def _judgement_of(self, task: str) -> Judgement:
        return self.project.force(task) if self.always_execute else self.project.judge(task)

    def _bring_up_to_date(self, judged: Judgement, fresh: bool) -> Result:
        if judged.outcome is Outcome.RESTORED and not fresh:
            try:
                return build.restore(self.project, judged)
            except errors.BlobMissing:  # it was there, but not sound: the store has set it aside, so it is a miss
                self.project.judgements.pop(judged.stage.task, None)
                judged = self._judgement_of(judged.stage.task)
        return self._execute(judged, fresh)

    def _execute(self, judged: Judgement, fresh: bool) -> Result:
        job = build.job(self.project, judged, forced=self.always_execute, fresh=fresh, live=self.live)
        if self.screen is not None:
            self.screen.stage_starts(judged)
        with collector.as_usual():
            done = build.work(job, self._tell, self.place)
        return build.finish(self.project, judged, done)

    def _tell(self, text: str) -> None:
        if self.screen is not None:
            self.screen.say(f"waiting for {text}")

    def _settle(self, node: Any, result: Result) -> None:
        """Tell doit and the screen what became of a stage."""
        told = [w for w in (*result.warnings, *self.project.warnings) if w not in self.warned]
        self.warned |= set(told)
        # The store knows blobs by their digests only.
        warnings = tuple(f"{result.task}: {w}" if w.startswith("store: ") else w for w in told)
        self.project.warnings.clear()
        node.task.executed = result.outcome in (Outcome.BUILT, Outcome.FAILED)
        if result.failure is None:
            self._show(Result(result.task, result.outcome, result.judgement, result.seconds, None, warnings))
            self._note_blind_spots(result)
            node.run_status = "successful"
            if self.screen is None:
                self.reporter.add_success(node.task)
            return
        self._show(Result(result.task, result.outcome, result.judgement, result.seconds, result.failure, warnings))
        self._handle_task_error(node, TaskFailed(result.failure.text, report=self.screen is None))

    def _note_blind_spots(self, result: Result) -> None:
        """Say once, when a stage is first built, what decides it and cannot be seen."""
        first = any(reason.cause is Cause.NEVER_BUILT for reason in result.judgement.reasons)
        if self.screen is not None and first and result.outcome is Outcome.BUILT:
            self.screen.notes += explain.blind_spots(self.project, result.judgement)

    def _show(self, result: Result) -> None:
        judged = result.judgement
        if result.outcome is not Outcome.UP_TO_DATE:
            key = judged.action.key if judged.action is not None else ""
            said = result.failure.what if result.failure is not None else ""
            self.project.journal.append(result.task, result.outcome, key, result.seconds, judged.reasons, said)
        if self.screen is not None:
            self.screen.stage_done(result)


def _is_report(task: Any) -> bool:
    return bool(task.actions) and hasattr(task.actions[0], "prints_data")
