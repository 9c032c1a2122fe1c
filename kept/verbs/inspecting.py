"""`kept fingerprint`, `log`: what decides a stage, and what runs have done."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ..reading import project_around
from ..screen import MARKS, seconds


def fingerprint(arguments: list[str]) -> int:
    """Show the parts of code that decide what a function does."""
    from ..fingerprint import fingerprint as read
    from ..fingerprint.shown import lines, plain

    parser = argparse.ArgumentParser("kept fingerprint", description="Show the code that decides what a function does.")
    parser.add_argument("target", metavar="MODULE:FUNCTION")
    parser.add_argument("--json", action="store_true", help="for machines")
    given = parser.parse_args(arguments)
    root = os.getcwd()
    if root not in sys.path:
        sys.path.insert(0, root)
    found = read(given.target, root=root)
    if given.json:
        sys.stdout.write(json.dumps(plain(found), indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(lines(found)) + "\n")
    return 0


def log(arguments: list[str]) -> int:
    """Show what runs have done, newest last."""
    parser = argparse.ArgumentParser("kept log", description="Show what runs have done, newest last.")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only these stages, or pipelines")
    parser.add_argument("-n", type=int, default=20, metavar="RUNS", help="how many runs (default 20; 0: all)")
    parser.add_argument("--json", action="store_true", help="for machines")
    given = parser.parse_args(arguments)
    project = project_around(Path.cwd())
    lines = [line for line in project.journal.lines() if _wanted(line.stage, given.tasks)]
    runs = list(dict.fromkeys(line.run for line in lines))
    runs = runs[-given.n :] if given.n else runs
    chosen = [line for line in lines if line.run in set(runs)]
    if given.json:
        sys.stdout.write(
            json.dumps({"schema_version": 1, "lines": [line.as_json() for line in chosen]}, indent=2) + "\n"
        )
        return 0
    shown = ""
    for line in chosen:
        if line.run != shown:
            shown = line.run
            sys.stdout.write(f"run {line.run}\n")
        why = f"  {line.reasons[0]}" if line.reasons else ""
        took = f" in {seconds(line.seconds)}" if line.seconds else ""
        sys.stdout.write(f"  {MARKS[line.outcome]} {line.when[11:19]} {line.stage} {line.outcome.value}{took}{why}\n")
    return 0


def _wanted(stage: str, names: list[str]) -> bool:
    return not names or any(stage == name or stage.startswith(f"{name}:") for name in names)
