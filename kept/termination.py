"""SIGTERM ends a run in order, as Ctrl-C does; forks of its stages it ends at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM came: everything ends as at Ctrl-C."""


@contextmanager
def heard() -> Iterator[None]:
    """Have SIGTERM raise ``Terminated`` meanwhile."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end(interruption: KeyboardInterrupt) -> None:
    """End this process as the signal asks, so that a shell or a scheduler sees why."""
    number = signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _forked() -> None:
    """Let a fork of a stage end at once, as in any script: a pool of processes sends SIGTERM once, and waits."""
    if signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
