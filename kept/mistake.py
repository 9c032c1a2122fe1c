"""Tells a mistake in dodo.py, or in what it imports, with the user's own lines only."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

from doit import doit_cmd, loader
from doit.exceptions import InvalidDodoFile

from . import errors


def install() -> None:
    """Let doit's own commands tell it so, too: where one fails they show all that `traceback` has."""
    if not isinstance(doit_cmd.traceback, _Told):
        doit_cmd.traceback = _Told()


class _Told:
    """`traceback` for doit."""

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)

    def format_exc(self) -> str:
        problem = sys.exception()
        frames = traceback.walk_tb(problem.__traceback__ if problem is not None else None)
        if isinstance(problem, Exception) and any(f.f_code is loader.get_module.__code__ for f, _ in frames):
            return f"ERROR: {not_loaded(problem)}\n"
        return traceback.format_exc()


def not_loaded(problem: Exception) -> InvalidDodoFile:
    """Return what was raised while dodo.py was loaded as doit's error of one that is not valid."""
    ours = (
        os.path.dirname(os.path.abspath(__file__)) + os.sep,
        os.path.dirname(os.path.abspath(doit_cmd.__file__)),
    )
    frames = traceback.extract_tb(problem.__traceback__)
    own = [f for f in frames if not f.filename.startswith((*ours, "<frozen")) and "importlib" not in f.filename]
    lines = "".join([*traceback.format_list(own), *traceback.format_exception_only(problem)])
    return InvalidDodoFile(f"dodo.py cannot be loaded\n{lines}hint: {errors.not_loaded(problem)}")
