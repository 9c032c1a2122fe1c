"""Brings one artifact up to date: leave, restore, or run and record."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from .capture import trim
    from .executing import Done, Failure, Job, enter, given, load, prepare, work
    from .foreign import other_versions
    from .journal import Line
    from .making import Result, finish, job, log_of, rehearsal, restore
    from .project import ARTIFACTS, Judgement, Project
    from .workplace import Workplace

__all__ = [
    "ARTIFACTS",
    "Done",
    "Failure",
    "Job",
    "Judgement",
    "Line",
    "Project",
    "Result",
    "Workplace",
    "enter",
    "finish",
    "given",
    "job",
    "load",
    "log_of",
    "other_versions",
    "prepare",
    "rehearsal",
    "restore",
    "trim",
    "work",
]

# Loaded when first asked for: `doit list` needs the project only.
_FILES = {
    "capture": ("trim",),
    "foreign": ("other_versions",),
    "journal": ("Line",),
    "making": ("Result", "finish", "job", "log_of", "rehearsal", "restore"),
    "project": ("ARTIFACTS", "Judgement", "Project"),
    "workplace": ("Workplace",),
    "executing": ("Done", "Failure", "Job", "enter", "given", "load", "prepare", "work"),
}


def __getattr__(name: str) -> Any:
    import importlib

    for file, names in _FILES.items():
        if name in names:
            value = getattr(importlib.import_module(f".{file}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'kept.build' has no attribute {name!r}")
