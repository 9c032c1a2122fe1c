"""`kept plan`: what a run would do, how long it would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .. import explain
from ..actions import Cause, Outcome
from ..build import Project
from ..explain import PERHAPS, WOULD, Told, verdict
from ..lean import dataclass
from ..reading import History
from ..reports.words import seconds
from ..screen import MARKS
from .arguments import Arguments, cut, say, say_json
from .declarations import declared


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run would do to one stage, how long that took last time: None where it never ran."""

    told: Told
    seconds: float | None


def plan(arguments: list[str]) -> int:
    """Show what a run would do to each stage; nothing is executed or written."""
    about = "Show what a run would build, restore and leave, why, and how long it would take by earlier runs."
    after = "Executes nothing and writes nothing. Exit code 0 when nothing would be done, 1 when something would."
    given = Arguments("plan", about, after).json().tasks("stages, or pipelines (default: all)").parse_args(arguments)
    found = declared()
    stages = planned(found.project, found.project.order(found.stages(given.tasks)))
    if given.json:
        say_json(_plain(stages))
    else:
        say("".join(cut(_line(one)) + "\n" for one in stages) + _sum(stages))
        say("".join(f"warning: {warning}\n" for warning in found.project.warnings))
    return 1 if explain.anything(one.told for one in stages) else 0


def planned(project: Project, tasks: Iterable[str]) -> list[Planned]:
    """Judge stages, in an order in which they can be built."""
    ran = {line.stage: line.seconds for line in History(project).lines if line.outcome is Outcome.BUILT}
    return [Planned(told, _expected(project, told, ran)) for told in explain.before(project, tasks)]


def _expected(project: Project, told: Told, ran: dict[str, float]) -> float | None:
    """Take what the stage took when it last ran in this project, else what the record it was restored from says."""
    if told.outcome is not Outcome.BUILT:
        return 0.0
    last = project.last(told.task) if told.task not in ran else None
    return ran.get(told.task, last.seconds if last is not None else None)


def _line(one: Planned) -> str:
    told = one.told
    text = f"{MARKS[told.outcome]} {told.task} {verdict(told)}"
    if told.outcome is Outcome.BUILT:
        text += f", about {seconds(one.seconds)}" if one.seconds is not None else ", never timed"
    reasons = [reason for reason in told.reasons if reason.cause is not Cause.WAITS]
    why = f": {reasons[0]}" if reasons else ""
    return text + why + (f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else "")


def _sum(stages: list[Planned]) -> str:
    """Count what would be done: ``4 stages: 1 to build, 3 up to date; about 9.1 s by earlier runs``."""
    count = Counter("ignored" if one.told.ignored else verdict(one.told) for one in stages)
    short = [(words, words.replace("would be built", "to build").replace("would be restored", "to restore"))
             for words in (WOULD[Outcome.FAILED], WOULD[Outcome.BUILT], PERHAPS,
                           WOULD[Outcome.RESTORED], WOULD[Outcome.UP_TO_DATE], "ignored")]  # fmt: skip
    text = ", ".join(f"{count[words]} {said}" for words, said in short if count[words]) or "nothing to do"
    known = sum(one.seconds or 0.0 for one in stages)
    text += f"; about {seconds(known)} by earlier runs" if known else ""
    unknown = sum(one.seconds is None for one in stages)
    return f"{len(stages)} stage{'s' if len(stages) != 1 else ''}: {text}" + (
        f", {unknown} never timed" if unknown and known else ""
    )


def _plain(stages: list[Planned]) -> dict[str, object]:
    """Return the plan as values that JSON holds; ``seconds`` is null for what never ran."""
    told = explain.as_json(one.told for one in stages)["stages"]
    return {
        "stages": [{**plain, "seconds": one.seconds} for plain, one in zip(told, stages, strict=True)],
        "seconds": sum(one.seconds or 0.0 for one in stages),
        "never_timed": sum(one.seconds is None for one in stages),
    }
