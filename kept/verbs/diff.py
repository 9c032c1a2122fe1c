"""`kept diff`: what two runs, or two variants, were made of, and what that made."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import errors
from ..actions import Cause, Outcome, Reason, Record
from ..build.journal import Line
from ..differences import differences
from ..explain import reason_json
from ..lean import dataclass
from ..reading import MADE, History, project_around
from ..reports.words import seconds
from .arguments import Arguments, say, say_json
from .declarations import declared

_NAMED = 12  # stages that are the same on both sides; more are counted


@dataclass(frozen=True, slots=True)
class Left:
    """What one side has of a stage: by which line of the journal or claim, its record, its scalars."""

    task: str
    record: Record | None  # None: it failed, or the record is gone
    failed: bool
    scalars: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """A run, or a variant as artifacts/ shows it: its stages, by the names under which they are compared."""

    name: str
    stages: Mapping[str, Left]


@dataclass(frozen=True, slots=True)
class Pair:
    """One stage on both sides: how its actions differ, with the code as unified diffs by part."""

    name: str
    a: Left | None
    b: Left | None
    reasons: tuple[Reason, ...]
    diffs: Mapping[str, str]

    @property
    def same(self) -> bool:
        """Whether both sides came of the same action."""
        a, b = (side.record if side is not None else None for side in (self.a, self.b))
        return a is not None and b is not None and a.action.key == b.action.key

    @property
    def same_result(self) -> bool:
        """Whether both made the same bytes."""
        a, b = (side.record if side is not None else None for side in (self.a, self.b))
        return a is not None and b is not None and [o.digest for o in a.outputs] == [o.digest for o in b.outputs]


def diff(arguments: list[str]) -> int:
    """Show how two runs or two variants differ; exit code 0 where they do not, 1 where they do."""
    about = "Show how two runs (`kept log` names them) or two variants differ in code, parameters, data and versions,"
    parser = Arguments("diff", f"{about} and what scalars and seconds that made.").json()
    parser.add_argument("a", metavar="A", help="a run, or a variant")
    parser.add_argument("b", metavar="B", help="another one")
    given = parser.tasks("only these stages, or pipelines").parse_args(arguments)
    if given.a[:1].isdigit() != given.b[:1].isdigit():
        raise errors.not_comparable(given.a, given.b)
    history = History(project_around(Path.cwd()))
    runs = given.a[:1].isdigit()
    a, b = (_of_run(history, name) if runs else _of_variant(history, name) for name in (given.a, given.b))
    pairs = [_pair(history, name, a, b) for name in dict.fromkeys([*a.stages, *b.stages])]
    pairs = [pair for pair in pairs if not given.tasks or any(_meant(pair, task) for task in given.tasks)]
    if given.tasks and not pairs:
        raise errors.unknown_stage(given.tasks[0], (*a.stages, *b.stages))
    if given.json:
        say_json(_plain(a, b, pairs))
    else:
        say("\n".join(_coloured(line) for line in _text(a, b, pairs)))
    return 0 if all(pair.same for pair in pairs) else 1


def _meant(pair: Pair, task: str) -> bool:
    tasks = {pair.name, *(side.task for side in (pair.a, pair.b) if side is not None)}
    task = task.replace("/", ":")
    return task in tasks or any(name.startswith(f"{task}:") for name in tasks)


# ---- the two sides


def _of_run(history: History, name: str) -> Side:
    run = history.run(name)
    state: dict[str, Line] = {}
    for _, state in history.states(set(history.stages), end=run):  # noqa: B007  # the last one is meant
        pass
    found = {task: _left(history, task, line, task) for task, line in state.items()}
    return Side(f"run {run}", found)


def _left(history: History, task: str, line: Line, name: str) -> Left:
    record = history.record(line.key) if line.outcome in MADE else None
    return Left(task, record, line.outcome is Outcome.FAILED, dict(history.scalars(name, line)))


def _of_variant(history: History, name: str) -> Side:
    known = declared()
    pipeline = known.pipeline(name)
    left = {}
    for stage in pipeline:
        claim = history.project.claims.get(stage.task)
        if claim is not None:
            record = history.record(claim.key)
            left[stage.name] = Left(stage.task, record, False, dict(history.values(stage.name, record)))
    if not left:
        raise errors.not_built(name)
    return Side(name, left)


def _pair(history: History, name: str, a: Side, b: Side) -> Pair:
    one, other = a.stages.get(name), b.stages.get(name)
    old, new = (side.record if side is not None else None for side in (one, other))
    if old is None or new is None:
        return Pair(name, one, other, (), {})
    reasons = tuple(_reasons(old, new))
    return Pair(name, one, other, reasons, dict(_diffs(history, old, new, reasons)))


def _reasons(old: Record, new: Record) -> Iterator[Reason]:
    """Name what differs; where another function stands in the place of one, these two are one reason."""
    swapped = old.function != new.function and {old.function, new.function} <= {*old.action.parts, *new.action.parts}
    if swapped:
        where = new.action.parts[new.function].where if new.function in new.action.parts else ""
        yield Reason(Cause.CODE, "", old.function, new.function, where)
    for reason in differences(old.action, new.action):
        if not (swapped and reason.cause is Cause.CODE and reason.name in (old.function, new.function)):
            yield reason


def _diffs(history: History, old: Record, new: Record, reasons: tuple[Reason, ...]) -> Iterator[tuple[str, str]]:
    was, now = _sources(history, old), _sources(history, new)
    for reason in reasons:
        if reason.cause is Cause.CODE:
            before = was.get(reason.name or reason.old, "")
            after = now.get(reason.name or reason.new, "")
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
            yield reason.name, "\n".join(list(lines)[2:])


def _sources(history: History, record: Record) -> Mapping[str, str]:
    """Return the text of each part as it was; nothing where it is not kept any more."""
    if record.sources is None:
        return {}
    try:
        found: Mapping[str, str] = json.loads(history.project.store.read(record.sources))
    except (errors.KeptError, ValueError):
        return {}
    return found


# ---- for people


def _text(a: Side, b: Side, pairs: list[Pair]) -> Iterator[str]:
    yield f"--- {a.name}"
    yield f"+++ {b.name}"
    seen: set[tuple[str, str]] = set()
    for pair in pairs:
        if not pair.same:
            yield ""
            yield from _paragraph(pair, a, b, seen)
    same = [pair.name for pair in pairs if pair.same]
    if same:
        yield ""
        yield f"the same: {', '.join(same) if len(same) <= _NAMED else f'{len(same)} stages'}"
    rows = list(_results(pairs))
    if rows:
        yield ""
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for name, old, new, change in rows:
            yield f"{name:<{widths[0]}}  {old:>{widths[1]}}  →  {new:>{widths[2]}}  {change:>{widths[3]}}".rstrip()


def _paragraph(pair: Pair, a: Side, b: Side, seen: set[tuple[str, str]]) -> Iterator[str]:
    one, other = pair.a, pair.b
    tasks = " → ".join(dict.fromkeys(side.task for side in (one, other) if side is not None))
    yield tasks
    for side, left in ((a, one), (b, other)):
        if left is None:
            yield f"    not built in {side.name}"
        elif left.failed:
            yield f"    failed in {side.name}"
        elif left.record is None:
            yield f"    its record in {side.name} is gone, or cannot be read"
    for reason in pair.reasons:
        text = pair.diffs.get(reason.name, "") if reason.cause is Cause.CODE else ""
        again = bool(text) and (reason.name, text) in seen  # stages share code: each change of it is shown once
        seen.add((reason.name, text))
        yield f"    {reason}" + (f" ({reason.where})" if reason.where else "") + (", as above" if again else "")
        yield from (f"        {line}" for line in ([] if again else text.splitlines()))
    if pair.same_result:
        yield "    it made the same bytes"


def _results(pairs: list[Pair]) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each scalar and for the seconds of each stage that differs: what, on both sides, the change."""
    for pair in pairs:
        old, new = (side.scalars if side is not None else {} for side in (pair.a, pair.b))
        for name in dict.fromkeys([*old, *new]):
            if not pair.same:
                yield name, _shown(old.get(name)), _shown(new.get(name)), _change(old.get(name), new.get(name))
    for pair in pairs:
        took = [side.record.seconds if side is not None and side.record else None for side in (pair.a, pair.b)]
        if not pair.same and took != [None, None]:
            old_took, new_took = (seconds(value) if value is not None else "-" for value in took)
            yield f"{pair.name} took", old_took, new_took, _longer(*took)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else errors.one_line(value, 30)


def _change(old: Any, new: Any) -> str:
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in (old, new)) or old == new:
        return ""
    return f"{new - old:+.3g}"


def _longer(old: float | None, new: float | None) -> str:
    change = round(new - old, 1) if old is not None and new is not None else 0.0
    return f"{change:+.1f} s" if change else ""


_COLOURS = {"+": "32", "-": "31", "@": "36"}


def _coloured(line: str) -> str:
    """Colour the lines of a diff on a terminal."""
    colour = _COLOURS.get(line.strip()[:1]) if line[:1] != " " or line.startswith(" " * 8) else None
    if colour is None or line.startswith(" " * 9):
        return line
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return line
    return f"\x1b[{colour}m{line}\x1b[0m"


# ---- for machines


def _plain(a: Side, b: Side, pairs: list[Pair]) -> dict[str, Any]:
    return {
        "a": a.name,
        "b": b.name,
        "stages": [
            {
                "name": pair.name,
                "a": _plain_left(pair.a),
                "b": _plain_left(pair.b),
                "same": pair.same,
                "same_result": pair.same_result,
                "reasons": [reason_json(r, pair.diffs) for r in pair.reasons],
            }
            for pair in pairs
        ],
    }


def _plain_left(left: Left | None) -> dict[str, Any] | None:
    if left is None:
        return None
    record = left.record
    return {
        "stage": left.task,
        "failed": left.failed,
        "scalars": dict(left.scalars),
        "key": record.action.key if record else None,
        "function": record.function if record else None,
        "when": record.when if record else None,
        "seconds": record.seconds if record else None,
        "commit": (record.commit or None) if record else None,
        "dirty": record.dirty if record else None,
    }
