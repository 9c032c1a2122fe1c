"""Has an artifact made again that another version of a library has made, where a stage cannot read it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection

from . import build
from .actions import Outcome
from .build import Judgement, Project, Result


class Renewal:
    """What one run has made again.

    ``done()`` names the stages that the run is through with: no other is made again, nothing runs that was not asked
    for. ``attempt(judged, fresh)`` brings a stage up to date, a ``fresh`` one from no record that was made with other
    versions; ``judge(task)`` judges one anew; ``settle(result)`` shows what became of one.
    """

    def __init__(
        self,
        project: Project,
        done: Callable[[], Collection[str]],
        judge: Callable[[str], Judgement],
        attempt: Callable[[Judgement, bool], Result],
        settle: Callable[[Result], None],
    ) -> None:
        self.project, self.done = project, done
        self.judge, self.attempt, self.settle = judge, attempt, settle
        self.made: set[str] = set()  # what needs it may have been up to date before

    def after(self, result: Result) -> Result:
        """Make again what a stage could not read, and have the stage go on; its own result where that is no help.

        What made it may itself be unable to read what it needs; such chains are long, so there is no recursion.
        """
        waiting: list[tuple[Result, bool]] = []
        fresh = False
        while True:
            maker = self._maker(result)
            if maker is not None:
                waiting.append((result, fresh))
                result, fresh = self.attempt(maker, True), True
            elif self._made_meanwhile(result):
                result = self.attempt(self.judge(result.task), fresh)
            elif waiting:
                result, fresh = self._next(result, *waiting.pop())
            else:
                return result

    def _next(self, made: Result, waited: Result, fresh: bool) -> tuple[Result, bool]:
        """Go on with the stage that has waited for one, unless that failed."""
        self.settle(made)
        if made.failure is None:
            self.made.add(made.task)
            return self.attempt(self.judge(waited.task), fresh), fresh
        assert waited.failure is not None
        return dataclasses.replace(waited, failure=dataclasses.replace(waited.failure, unread=None)), fresh

    def _maker(self, result: Result) -> Judgement | None:
        """Return the stage to run again for one that failed; None where nothing says that it would come out otherwise.

        Only another version of a library says so. What this run has built is made with those that are here: if it
        cannot be read all the same, that is an error, in this run and in the next ones.
        """
        unread = result.failure.unread if result.failure is not None else None
        if unread is None or unread.stage not in self.done():
            return None
        before = self.project.judgements[unread.stage]
        if before.outcome is Outcome.BUILT or unread.digest not in _digests(before):
            return None
        judged = self.project.judge_again(unread.stage)
        record = self.project.record(judged.action.key) if judged.action is not None else None
        others = build.other_versions(record, judged.code.libraries) if record is not None and judged.code else ()
        if not others:
            self.project.judgements[unread.stage] = before
            return None
        then = ", ".join(f"{reason.name} {reason.old}" for reason in others)
        now = ", ".join(f"{reason.name} {reason.new}" for reason in others)
        what = f"{unread.stage} was made with {then}, and this is {now}, which cannot read it"
        self.project.warnings.append(f"{what} ({unread.why}): it is built again")
        return dataclasses.replace(judged, outcome=Outcome.BUILT, reasons=others, outputs=())

    def _made_meanwhile(self, result: Result) -> bool:
        """Say whether a stage was given something that has been made again while it ran."""
        unread = result.failure.unread if result.failure is not None else None
        known = _digests(self.project.judgements[unread.stage]) if unread is not None else ()
        return unread is not None and bool(known) and unread.digest not in known

    def look_again(self) -> None:
        """Bring up to date what had been so before something that it needs was made again."""
        while self.made:
            made, self.made = self.made, set()
            done, failed = set(self.done()), set[str]()
            for task in self.project.order(done):
                needs = set(self.project.stages[task].upstream)
                if needs & failed:
                    failed.add(task)
                elif task in done and needs & made:
                    made.add(task)
                    if not self._looked(task):
                        failed.add(task)

    def _looked(self, task: str) -> bool:
        before = self.project.judgements[task]
        judged = self.project.judge_again(task)
        if before.action is not None and judged.action is not None and before.action.key == judged.action.key:
            self.project.judgements[task] = before  # one that was not recorded runs once only
            return True
        if judged.outcome is Outcome.UP_TO_DATE:
            return True
        result = self.after(self.attempt(judged, False))
        self.settle(result)
        return result.failure is None


def _digests(judged: Judgement) -> set[str]:
    return {output.digest.hex for output in judged.outputs}
