"""`kept du`, `gc`, `verify`, `forget`: what the store holds, and how it is kept small and sound."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from .. import errors, upkeep
from ..actions import Record
from ..build import Project
from ..reading import project_around
from .arguments import Arguments, say_json

GC = (
    "Remove what was used least recently until the store fits max_size: never what artifacts/ shows, nothing younger"
    " than a day, and what was used within keep_days only if the rest is not enough."
)


def du(arguments: list[str]) -> int:
    """Show what the store holds, by pipeline and by stage; shared bytes are counted once."""
    about = "Show what the store holds; bytes that several stages share are counted once."
    given = Arguments("du", about).json().parse_args(arguments)
    project = project_around(Path.cwd())
    usage = project.store.du()
    stages: dict[str, set[str]] = defaultdict(set)
    for stored in project.store.records():
        reached = project.store.reach(stored.record) or frozenset()
        record = Record.from_json(stored.record)
        stages[record.stage if record is not None else "(unreadable)"] |= {digest.hex for digest in reached}
    sizes = {stage: sum(usage.blobs.get(name, 0) for name in names) for stage, names in stages.items()}
    pipelines: dict[str, set[str]] = defaultdict(set)
    for stage, names in stages.items():
        pipelines[stage.partition(":")[0]] |= names
    totals = {name: sum(usage.blobs.get(b, 0) for b in blobs) for name, blobs in pipelines.items()}
    total = sum(usage.blobs.values())
    if given.json:
        say_json({"total": total, "records": usage.records, "aside": usage.aside, "pipelines": totals, "stages": sizes})
        return 0
    for pipeline in sorted(totals):
        sys.stdout.write(f"{errors.size(totals[pipeline]):>10}  {pipeline}\n")
        for stage in sorted(s for s in sizes if s.partition(":")[0] == pipeline):
            sys.stdout.write(f"{errors.size(sizes[stage]):>10}    {stage}\n")
    bound, blobs = errors.size(project.settings.max_bytes), errors.counted(len(usage.blobs), "blob")
    sys.stdout.write(f"{errors.size(total):>10}  in all, of {bound} ({blobs})\n")
    return 0


def gc(arguments: list[str]) -> int:
    """Remove what is neither shown in artifacts/ nor used of late, until the store fits its bound."""
    parser = Arguments("gc", GC).json()
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    given = parser.parse_args(arguments)
    project = project_around(Path.cwd())
    swept = upkeep.sweep(project, dry_run=given.dry_run)
    if given.json:
        say_json({"dry_run": given.dry_run, **{name: getattr(swept, name) for name in swept.__slots__}})
        return 0
    verb = "would remove" if given.dry_run else "removed"
    sys.stdout.write(
        f"{verb} {errors.counted(swept.records, 'record')} and {errors.counted(swept.blobs, 'blob')},"
        f" {errors.size(swept.freed)}; {errors.size(swept.kept)} stay\n"
    )
    return 0


def verify(arguments: list[str]) -> int:
    """Read everything the store holds; exit bits: 1 corrupt, 2 untrusted, 4 unverifiable."""
    parser = Arguments(
        "verify", "Read all that the store holds. Exit bits: 1 corrupt, 2 untrusted, 4 unverifiable."
    ).json()
    parser.add_argument("--repair", action="store_true", help="move aside what is damaged")
    given = parser.parse_args(arguments)
    project = project_around(Path.cwd())
    found = project.store.verify(repair=given.repair)
    if given.json:
        listed = [
            {"fault": f.fault.name, "place": f.place, "why": f.why, "repaired": f.repaired} for f in found.findings
        ]
        say_json({"blobs": found.blobs, "records": found.records, "bytes": found.bytes, "findings": listed})
    else:
        for finding in found.findings:
            done = " (moved aside)" if finding.repaired else ""
            sys.stdout.write(f"{finding.place}: {finding.why}{done}\n")
        sys.stdout.write(
            f"{errors.counted(found.records, 'record')}, {errors.counted(found.blobs, 'blob')},"
            f" {errors.size(found.bytes)} read; {errors.counted(len(found.findings), 'finding')}\n"
        )
    return found.exit_code


def forget(arguments: list[str]) -> int:
    """Forget what is claimed of stages and, with --records, what was recorded: they run again."""
    parser = Arguments("forget", "Forget what is claimed of stages: they are restored, or with --records run again.")
    parser.add_argument("tasks", nargs="+", metavar="TASK", help="stages, or pipelines")
    parser.add_argument("--records", action="store_true", help="forget the records, too: the stages really run again")
    given = parser.parse_args(arguments)
    project = project_around(Path.cwd())
    project.store.require_writable()
    for name in given.tasks:
        tasks = [task for task in project.claims if task == name or task.startswith(f"{name}:")]
        known = {record.stage for record in _records(project)}
        tasks += [task for task in known if (task == name or task.startswith(f"{name}:")) and task not in tasks]
        if not tasks:
            raise errors.unknown_stage(name, tuple(sorted({*project.claims, *known})))
        for task in sorted(tasks):
            project.disclaim(task)
            gone = _forget_records(project, task) if given.records else 0
            sys.stdout.write(f"forgot {task}" + (f" and {errors.counted(gone, 'record')}\n" if given.records else "\n"))
    return 0


def _records(project: Project) -> list[Record]:
    read = (Record.from_json(stored.record) for stored in project.store.records())
    return [record for record in read if record is not None]


def _forget_records(project: Project, task: str) -> int:
    keys = [record.action.key for record in _records(project) if record.stage == task]
    for key in keys:
        project.store.withdraw(key)
    return len(keys)
