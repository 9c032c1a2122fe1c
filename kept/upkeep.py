"""Keeps the store within its bound, now and then, after a run."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

from . import errors
from .build import Project
from .store import Swept, clear_temporary

DAY_NS = 24 * 3600 * 10**9


def after(project: Project) -> None:
    """Sweep if this run has built something and the last sweep is a day old, or a tenth of the bound has come since."""
    project.journal.trim()
    if project.grown:
        clear_temporary()
        with contextlib.suppress(OSError):  # a store that cannot be written needs no sweep
            _count(project)


def _count(project: Project) -> None:
    now = project.memo.now_ns()
    try:
        last, grown = map(int, json.loads(project.memo.recall("upkeep", "sweep") or b""))
    except (ValueError, TypeError, OverflowError, RecursionError):  # nothing is remembered, or nothing that can be read
        last, grown = now, 0
    grown += project.grown
    project.grown = 0
    if now - last > DAY_NS or grown > project.settings.max_bytes // 10:
        try:
            sweep(project)
        except (errors.KeptError, OSError) as problem:
            project.warnings.append(f"the store was not swept: {str(problem).splitlines()[0]}")
        last, grown = now, 0
    project.memo.remember("upkeep", "sweep", json.dumps([last, grown]).encode())


def sweep(project: Project, *, dry_run: bool = False) -> Swept:
    """Remove what was used least recently until the store fits its bound; never what artifacts/ shows."""
    # Read anew, for other runs show other versions since; those of stages that were cut off or failed are among them.
    lasts = {*project.lasts.values(), *Project(project.root).lasts.values()}
    roots, bound = [key.decode(errors="replace") for key in lasts], project.settings.max_bytes
    swept = project.store.gc(roots, max_size=bound, keep_days=project.settings.keep_days, dry_run=dry_run)
    if swept.kept <= bound or not project.settings.keep_days:
        return swept
    rest = project.store.gc(roots, max_size=bound, keep_days=0, dry_run=dry_run)  # what was used of late needs room
    if dry_run:  # nothing had gone before
        return rest
    gone = ("records", "blobs", "freed", "leftovers")
    return replace(rest, **{name: getattr(swept, name) + getattr(rest, name) for name in gone})
