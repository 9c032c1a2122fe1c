"""Writes to standard output, whose reader may be gone (``doit | head``), or its disk full (``doit > log``)."""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False  # nothing more is imported where a receipt answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

UNREAD = 141  # what a shell says of a program that a closed pipe has ended


class ReadingOn:
    """Let what is written in here end with BrokenPipeError once, and not again when Python ends.

    The receipt's answer passes here: nothing is imported for it.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, problem: object, trace: object) -> None:
        if kind is None:
            try:
                sys.stdout.flush()
            except BrokenPipeError:
                _let_go()
                raise
        elif issubclass(kind, BrokenPipeError):
            _let_go()


def _let_go() -> None:
    """Let standard output lead nowhere: what is buffered is flushed when Python ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def write(text: str) -> None:
    """Write text at once; where nobody reads on it goes nowhere, as does all that comes after it.

    SystemExit where it cannot be written: the answer was asked for.
    """
    if sys.stdout is None:  # closed from the beginning: nobody is to read it
        return
    try:
        with ReadingOn():
            sys.stdout.write(text)
    except BrokenPipeError:
        return  # standard output leads nowhere by now
    except OSError as problem:
        raise SystemExit(unwritten(problem)) from None


def answer(question: Callable[..., Any], *given: Any) -> Any:
    """Let a question be answered on standard output; return its exit code, or that of an output that takes nothing."""
    try:
        with ReadingOn():
            return question(*given)
    except BrokenPipeError:
        return UNREAD
    except OSError as problem:
        return unwritten(problem)


def unwritten(problem: OSError) -> int:
    """Say that standard output takes nothing, and return the exit code of that; ``problem`` is raised if it does."""
    try:
        if problem.filename is None:  # without a buffer nothing is left there (PYTHONUNBUFFERED)
            sys.stdout.write("\n")
        sys.stdout.flush()  # what could not be written is still there
    except OSError:
        _let_go()
        sys.stderr.write(f"ERROR: standard output cannot be written: {problem.strerror}\n")
        return 3
    raise problem


def write_anything() -> None:
    """Let names of files that are no text be printed, too, whatever the terminal's encoding.

    Streams that were closed (``doit >&-``) lead nowhere: else the next file that is opened gets their number, and what
    a stage prints.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:  # a lower one has been closed, too, and is not ours to fill
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115  # as long as Python
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
