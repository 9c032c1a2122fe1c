"""Says why: the reasons of each stage with their differences, and accepts a change of code."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import errors
from .actions import Acceptance, Cause, Outcome, Reason, Record
from .build import Project
from .digest import canonical_json
from .lean import dataclass

if TYPE_CHECKING:
    from .build import Judgement, Line

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one stage."""

    task: str
    outcome: Outcome
    reasons: tuple[Reason, ...]
    diffs: Mapping[str, str]  # part → unified diff against the recorded text
    source: str = ""  # the record it comes from: when, which commit
    accepted: str = ""
    notes: tuple[str, ...] = ()  # widenings and blind spots
    said: str = ""  # the facts of why it cannot be judged; of the last run: why it failed
    perhaps: bool = False  # it runs only if a stage before it makes other bytes
    past: bool = False  # it is what a run did, not what one would do
    ignored: str = ""  # the task that `doit ignore` was told: it, or what it needs; a run passes over it


def before(project: Project, tasks: Iterable[str], *, blind: bool = False) -> list[Told]:
    """Say what a run would do to each stage."""
    tasks = list(tasks)
    passed = ignored(project, tasks)
    return [
        Told(task, Outcome.UP_TO_DATE, (), {}, ignored=passed[task])
        if task in passed
        else _told(project, project.judge(task), blind=blind)
        for task in tasks
    ]


def ignored(project: Project, tasks: Iterable[str]) -> dict[str, str]:
    """Name the stages that a run passes over because `doit ignore` was told so, each with the task that it was told."""
    told = {task for task, known in project.memo.all("doit").items() if _is_ignored(known)}
    found: dict[str, str] = {}
    for task in project.order(tasks) if told else ():
        stage = project.stages[task]
        named = [name for name in (stage.pipeline, task) if task in told and name in told]
        named += [found[need] for need in stage.upstream if need in found]
        if named:
            found[task] = named[0]
    return found


def _is_ignored(known: bytes) -> bool:
    """Read what doit remembers of a task."""
    if b'"ignore:"' not in known:
        return False
    try:
        return bool(json.loads(known).get("ignore:"))
    except (ValueError, AttributeError, RecursionError):
        return False


def _told(project: Project, judged: Judgement, *, blind: bool) -> Told:
    task = judged.stage.task
    last = project.last(task)
    record = last if judged.record is None and judged.outcome is Outcome.UP_TO_DATE else judged.record
    return Told(
        task,
        judged.outcome,
        judged.reasons,
        _diffs(project, judged, last) if last is not None and judged.reasons else {},
        _source(record) if record is not None and judged.outcome is not Outcome.BUILT else "",
        _acceptance(record),
        _notes(project, judged, blind=blind or last is None),
        said="" if judged.problem is None else str(judged.problem).partition("\n")[2],
        perhaps=bool(judged.reasons) and all(r.cause is Cause.WAITS for r in judged.reasons) and last is not None,
    )


def _source(record: Record) -> str:
    commit = f", commit {record.commit[:8]}{'+' if record.dirty else ''}" if record.commit else ""
    return f"{record.stage}, built {record.when.replace('T', ' ').removesuffix('+00:00')}{commit}"


def _acceptance(record: Record | None) -> str:
    accepted = record.accepted if record is not None else None
    if accepted is None:
        return ""
    reason = f": {accepted.reason}" if accepted.reason else ""
    return f"accepted by {accepted.who}, {accepted.when.replace('T', ' ').removesuffix('+00:00')}{reason}"


def _notes(project: Project, judged: Judgement, *, blind: bool) -> tuple[str, ...]:
    if judged.code is None:
        return ()
    lines = list(judged.code.widenings)
    if blind:
        lines += blind_spots(project, judged)
    return tuple(lines)


def blind_spots(project: Project, judged: Judgement) -> list[str]:
    """Write a line for each thing that a stage's code reads and that kept cannot see."""
    task = judged.stage.task
    return [
        f"{task} depends on {b.what}, which is not seen: {b.text} ({b.file}:{b.line})" for b in visible(project, judged)
    ]


def visible(project: Project, judged: Judgement) -> list[Any]:
    """Return the blind spots of a stage that neither it nor the project's settings answer for."""
    if judged.code is None:
        return []
    quiet = project.settings.ignore
    spots = [b for b in judged.code.blind if f"{b.file}:{b.line}" not in quiet and b.file not in quiet]
    if not spots:
        return spots
    from .fingerprint import SEEDED, variable_read

    seen = {variable_read(name) for name in judged.stage.options.env}
    if project.settings.seed is not None and judged.stage.options.seed:
        seen.add(SEEDED)
    return [b for b in spots if b.what not in seen]


def _diffs(project: Project, judged: Judgement, last: Record) -> dict[str, str]:
    """Return the text of each changed part as a unified diff against the recorded one."""
    changed = [reason.name for reason in judged.reasons if reason.cause is Cause.CODE]
    if judged.code is None or not changed:
        return {}
    old, new = _sources(project, last), {part.name: part.source for part in judged.code.parts}
    return {name: _diff(old.get(name, ""), new.get(name, "")) for name in changed} if old else {}


def _sources(project: Project, record: Record | None) -> dict[str, str]:
    """Return the text of each part that a record was made of; nothing where it is gone."""
    if record is None or record.sources is None:
        return {}
    try:
        text: dict[str, str] = json.loads(project.store.read(record.sources))
    except (errors.KeptError, ValueError):
        return {}
    return text


def _diff(old: str, new: str) -> str:
    import difflib

    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "recorded", "now", lineterm="", n=2)
    return "\n".join(lines)


def anything(told: Iterable[Told]) -> bool:
    """Say whether a run would do something: execute, or restore a file that is not there as recorded."""
    return any(t.outcome is not Outcome.UP_TO_DATE for t in told)


WOULD = {
    Outcome.UP_TO_DATE: "up to date",
    Outcome.RESTORED: "would be restored",
    Outcome.BUILT: "would be built",
    Outcome.FAILED: "cannot be judged",
}
PERHAPS = "would be built if what comes first changes"


def as_text(told: Iterable[Told]) -> str:
    """Write what is said for people."""
    return "".join(_paragraph(t) for t in told)


def verdict(told: Told) -> str:
    """Say in words what a run would do to a stage, or has done."""
    if told.ignored:
        return until_forgotten(told.ignored)
    if told.perhaps:
        return PERHAPS
    return told.outcome.value if told.past else WOULD[told.outcome]


def _paragraph(told: Told) -> str:
    lines = [f"{told.task}  {verdict(told)}"]
    for reason in told.reasons:
        place = f" ({reason.where})" if reason.where else ""
        lines.append(f"    {reason}{place}")
        diff = told.diffs.get(reason.name, "") if reason.cause is Cause.CODE else ""
        lines += [f"        {line}" for line in diff.splitlines()[2:]]
    lines += [f"    from {told.source}"] if told.source else []
    given = {str(reason) for reason in told.reasons}
    lines += [f"    {told.accepted}"] if told.accepted else []
    lines += [f"    {line}" for line in told.said.splitlines() if f"error {line}" not in given]
    lines += [f"    note: {note}" for note in told.notes]
    return "\n".join(lines) + "\n"


def until_forgotten(task: str) -> str:
    """Say how to end what `doit ignore` was told of a task."""
    return f"ignored: `doit forget {task}` ends that"


def as_json(told: Iterable[Told]) -> dict[str, Any]:
    """Write what is said for machines."""
    return {
        "schema_version": SCHEMA_VERSION,
        "stages": [
            {
                "stage": t.task,
                "outcome": "ignored" if t.ignored else t.outcome.value,
                "perhaps": t.perhaps,
                "reasons": [reason_json(r, t.diffs) for r in t.reasons],
                "source": t.source,
                "accepted": t.accepted,
                "said": t.said,
                "notes": list(t.notes),
            }
            for t in told
        ],
    }


def reason_json(reason: Reason, diffs: Mapping[str, str]) -> dict[str, str]:
    """Write a reason for machines, with the difference if it is one of code."""
    return {
        "cause": reason.cause.value,
        "name": reason.name,
        "old": reason.old,
        "new": reason.new,
        "where": reason.where,
        "diff": diffs.get(reason.name, "") if reason.cause is Cause.CODE else "",
    }


def accept(project: Project, task: str, allowed: Set[Cause], reason: str) -> str:
    """Let the last record of a stage stand for its code as it is now; say what was done."""
    judged = project.judge(task)
    if judged.outcome is not Outcome.BUILT or judged.problem is not None:
        return f"{task}  nothing to accept: {WOULD[judged.outcome]}\n"
    refused = [str(r) for r in judged.reasons if r.cause not in allowed]
    last = project.last(task)
    if last is None:
        raise errors.nothing_to_accept(task)
    if refused or judged.action is None:
        raise errors.not_acceptable(task, refused)
    acceptance = Acceptance(_who(), datetime.now(UTC).isoformat(timespec="seconds"), reason, last.action.key)
    assert judged.code is not None
    sources = project.store.put_bytes(canonical_json({part.name: part.source for part in judged.code.parts}))
    record = dataclasses.replace(last, action=judged.action, accepted=acceptance, sources=sources)
    project.store.publish(judged.action.key, record.as_json())
    settled = dataclasses.replace(judged, outcome=Outcome.RESTORED, outputs=last.outputs, record=record)
    from .build import restore

    restore(project, settled)
    said = Reason(Cause.ACCEPTED, f"by {acceptance.who}" + (f" ({reason})" if reason else ""))
    project.journal.append(task, Outcome.RESTORED, judged.action.key, 0.0, (said, *judged.reasons))
    return f"{task}  {_acceptance(record)}\n"


def _who() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "unknown"


def last_run(project: Project, tasks: Set[str] | None) -> list[Told]:
    """Say what the last run did to each stage that was not up to date, with the differences that it saw."""
    lines = project.journal.last()
    before: dict[str, str] = {}  # stage → the key that it had in the run before
    for line in project.journal.lines():
        if lines and line.run != lines[0].run:
            before[line.stage] = line.key
    chosen = [line for line in lines if tasks is None or line.stage in tasks]
    return [
        Told(x.stage, x.outcome, x.reasons, _seen(project, x, before.get(x.stage, "")), said=x.said, past=True)
        for x in chosen
    ]


def _seen(project: Project, line: Line, before: str) -> dict[str, str]:
    changed = [reason.name for reason in line.reasons if reason.cause is Cause.CODE]
    if not changed or not before or not line.key:
        return {}
    old, new = _sources(project, project.record(before)), _sources(project, project.record(line.key))
    return {name: _diff(old.get(name, ""), new.get(name, "")) for name in changed} if old and new else {}
