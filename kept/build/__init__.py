"""Brings one artifact up to date: leave, restore, or run and record."""

from .making import Result, finish, job, restore
from .project import ARTIFACTS, Judgement, Project
from .work import Done, Failure, Job, load, work

__all__ = [
    "ARTIFACTS",
    "Done",
    "Failure",
    "Job",
    "Judgement",
    "Project",
    "Result",
    "finish",
    "job",
    "load",
    "restore",
    "work",
]
