"""Brings one artifact up to date: leave, restore, or run and record."""

from .capture import trim
from .making import Result, finish, job, log_of, rehearsal, restore
from .project import ARTIFACTS, Judgement, Project
from .work import Done, Failure, Job, enter, given, load, prepare, work

__all__ = [
    "ARTIFACTS",
    "Done",
    "Failure",
    "Job",
    "Judgement",
    "Project",
    "Result",
    "enter",
    "finish",
    "given",
    "job",
    "load",
    "log_of",
    "prepare",
    "rehearsal",
    "restore",
    "trim",
    "work",
]
