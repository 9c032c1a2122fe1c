"""Takes in what a stage prints and what it raises."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .aftermath import Exited


@contextlib.contextmanager
def captured(log: io.FileIO, *, live: bool) -> Iterator[None]:
    """Send what the stage writes, C libraries included, to its log; the terminal stays ours."""
    if live:
        yield
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):  # a stream that is closed has nothing to flush
            stream.flush()
    saved = sys.stdout, sys.stderr, os.dup(1), os.dup(2)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    given = sys.stdout, sys.stderr = _stream(1), _stream(2)
    try:
        yield
    finally:
        for stream in given:
            with contextlib.suppress(ValueError):  # the stage may have closed it
                stream.flush()
        sys.stdout, sys.stderr = saved[:2]
        os.dup2(saved[2], 1)
        os.dup2(saved[3], 2)
        os.close(saved[2])
        os.close(saved[3])


_streams: dict[int, io.TextIOWrapper] = {}  # by descriptor
_SAFE: Any = {"encoding": "utf-8", "errors": "backslashreplace", "line_buffering": True}


def _stream(descriptor: int) -> io.TextIOWrapper:
    """Return what every stage of this process prints to: a handler of `logging` keeps it, beyond the end of a stage."""
    with contextlib.suppress(KeyError, ValueError):  # a stage has closed it, or taken it apart
        _streams[descriptor].reconfigure(**_SAFE)
        return _streams[descriptor]
    _streams[descriptor] = io.TextIOWrapper(open(descriptor, "wb", closefd=False), **_SAFE)  # noqa: SIM115  # for all stages
    return _streams[descriptor]


@contextlib.contextmanager
def unasking(task: str, warnings: list[str], *, live: bool) -> Iterator[None]:
    """Let the stage find no terminal to ask at: nobody sees its question, the run would stand still.

    ``breakpoint()`` is passed over with a warning, unless PYTHONBREAKPOINT or the project has put another hook there.
    """
    if live:
        yield
        return
    hook = sys.breakpointhook

    def pass_over(*_args: object, **_kwargs: object) -> None:
        said = f"{task}: breakpoint() is passed over in a run; `kept debug {task}` stops there"
        if said not in warnings:
            warnings.append(said)

    if hook is sys.__breakpointhook__ and not os.environ.get("PYTHONBREAKPOINT"):
        sys.breakpointhook = pass_over
    try:
        saved = os.dup(0)
    except OSError:  # it is closed already
        saved = -1
    nothing = os.open(os.devnull, os.O_RDONLY)
    if saved >= 0:
        os.dup2(nothing, 0)
    if nothing:
        os.close(nothing)
    try:
        yield
    finally:
        if sys.breakpointhook is pass_over:
            sys.breakpointhook = hook
        if saved >= 0:
            os.dup2(saved, 0)
            os.close(saved)


@contextlib.contextmanager
def at_home(root: str) -> Iterator[None]:
    """Let the stage begin in the project's folder, and what comes after it not go where the stage went."""
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(root)


@contextlib.contextmanager
def temporary(folder: Path, sockets: str) -> Iterator[None]:
    """Let temporary files of the stage lie beside the store: one that it returns is adopted without a copy.

    Not so the folder where `multiprocessing` keeps sockets: it is made once for as long as the process lasts, when
    other stages will use it, too, and the path of a socket must be short. It is made in ``sockets``, if that is given.
    """
    from multiprocessing import util

    outside, make = sockets or tempfile.tempdir, util.get_temp_dir

    def elsewhere() -> str:
        with _made_in(outside):
            return make()

    with _made_in(str(folder)):
        util.get_temp_dir = elsewhere
        try:
            yield
        finally:
            util.get_temp_dir = make


@contextlib.contextmanager
def _made_in(folder: str | None) -> Iterator[None]:
    """Let `tempfile` make what it makes in a folder; in the one that it chooses itself where that is None."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = before


OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def trim(problem: BaseException) -> None:
    """Let the traceback of what a stage raised begin at the user's own frames."""
    while problem.__traceback__ is not None and problem.__traceback__.tb_frame.f_code.co_filename.startswith(OWN):
        problem.__traceback__ = problem.__traceback__.tb_next


def told(problem: BaseException) -> tuple[str, str]:
    """Return the last line and the whole traceback of what a stage raised."""
    trim(problem)
    text = io.StringIO()
    traceback.print_exception(problem, file=text)
    last = traceback.format_exception_only(problem)[-1].strip()
    if isinstance(problem, ValueError) and "read-only" in str(problem):
        text.write("hint: the inputs of a stage are read-only; change a copy: X = X.copy()\n")
    if isinstance(problem, SystemExit):
        call = "os._exit" if isinstance(problem, Exited) else "sys.exit"
        last = f"the stage called {call}({problem.code!r})"
    return last, text.getvalue().rstrip()
