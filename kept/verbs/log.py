"""`kept log`: what runs have done."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

from .. import errors
from ..actions import Cause, Outcome
from ..build.journal import Line
from ..reading import History, project_around
from ..reports.words import moment, seconds
from ..screen import MARKS, summary
from .arguments import Arguments, cut, say, say_json

_SHOWN = 40  # lines of one run; `kept log RUN` shows all


def log(arguments: list[str]) -> int:
    """Show what runs have done, newest last."""
    parser = Arguments("log", "Show what runs have done, newest last.").json()
    parser.add_argument("names", nargs="*", metavar="TASK|RUN", help="only these stages, pipelines or runs")
    parser.add_argument("-n", type=int, default=20, metavar="RUNS", help="how many runs (default 20; 0: all)")
    given = parser.parse_args(arguments)
    history = History(project_around(Path.cwd()))
    # A name of a pipeline begins with a letter, that of a run with its year.
    runs = {history.run(name) for name in given.names if name[:1].isdigit()}
    tasks = [name.replace("/", ":") for name in given.names if not name[:1].isdigit()]
    for task in tasks:
        if not any(_wanted(stage, [task]) for stage in history.stages):
            raise errors.unknown_stage(task, (*history.stages, *_pipelines(history)))
    lines = [line for line in history.lines if _wanted(line.stage, tasks) and (not runs or line.run in runs)]
    chosen = set(list(dict.fromkeys(line.run for line in lines))[-given.n if given.n > 0 else 0 :])
    lines = [line for line in lines if line.run in chosen]
    if given.json:
        say_json({"lines": [line.as_json() for line in lines]})
        return 0
    order = {line.run: index for index, line in enumerate(lines)}  # runs may overlap: each is shown whole
    for run, its in groupby(sorted(lines, key=lambda line: order[line.run]), lambda line: line.run):
        say(_text(run, list(its), 0 if runs or tasks else _SHOWN))
    if not lines:
        say("no run has done anything yet")
    return 0


def _pipelines(history: History) -> list[str]:
    return list(dict.fromkeys(stage.partition(":")[0] for stage in history.stages))


def _wanted(stage: str, names: list[str]) -> bool:
    return not names or any(stage == name or stage.startswith(f"{name}:") for name in names)


def _text(run: str, lines: list[Line], most: int) -> str:
    """Show one run: when it ended, what it did in sum, a line a stage; what failed is never left out."""
    when = moment(max(line.when for line in lines))
    count = Counter(line.outcome for line in lines)
    ranked = sorted(lines, key=lambda line: line.outcome is not Outcome.FAILED)[: most or None]
    shown = [line for line in lines if line in ranked] if len(ranked) < len(lines) else lines
    text = [f"run {run}  {when}  {summary(count, sum(line.seconds for line in lines))}"]
    text += [cut(_line(line)) for line in shown]
    text += [f"     and {len(lines) - len(shown)} more: kept log {run}"] if len(shown) < len(lines) else []
    return "\n".join(text)


def _line(line: Line) -> str:
    took = f" in {seconds(line.seconds)}" if line.seconds else ""
    if line.said:
        return f"  {MARKS[line.outcome]} {line.when[11:19]}  {line.stage} {line.outcome.value}{took}: {line.said}"
    why = f": {line.reasons[0]}" if line.reasons and line.reasons[0].cause is not Cause.WAITS else ""
    more = f" (and {len(line.reasons) - 1} more)" if len(line.reasons) > 1 else ""
    return f"  {MARKS[line.outcome]} {line.when[11:19]}  {line.stage} {line.outcome.value}{took}{why}{more}"
