"""Gives back, by name, what was built, now or in an earlier run."""

from .artifacts import Named, find, load, project_around, record_then, runs
from .history import MADE, History, Run

__all__ = [
    "MADE",
    "History",
    "Named",
    "Run",
    "find",
    "load",
    "project_around",
    "record_then",
    "runs",
]
