"""Brings one artifact up to date: leave, restore, or run and record."""

from .making import Result, finish, job, log_of, restore
from .project import ARTIFACTS, Judgement, Project
from .work import Done, Failure, Job, enter, load, work

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
    "job",
    "load",
    "log_of",
    "restore",
    "work",
]
