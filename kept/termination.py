"""SIGTERM ends a run in order, as Ctrl-C does; the processes that its stages have forked end at once."""

from __future__ import annotations

import multiprocessing  # doit has loaded it
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

_GRACE_S = 5.0  # for what a stage does on its way out


class Terminated(KeyboardInterrupt):
    """SIGTERM came: everything ends as at Ctrl-C."""


@contextmanager
def heard() -> Iterator[None]:
    """Have SIGTERM raise ``Terminated`` meanwhile, and again where a stage does not end for it.

    A pool of processes that were ended with it waits for ever for a lock that one of them had.
    """
    before = signal.signal(signal.SIGTERM, partial(_terminate, os.getpid()))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end(interruption: KeyboardInterrupt) -> None:
    """End what a stage has left running, and this process as the signal asks: a shell or a scheduler sees why."""
    for child in multiprocessing.active_children():
        child.terminate()
    _die(signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT)


def _die(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _terminate(run: int, number: int, _frame: FrameType | None) -> None:
    if os.getpid() != run:  # a fork that has not come to ``_forked`` yet
        _die(number)
    if hasattr(signal, "pthread_kill"):
        again = threading.Timer(_GRACE_S, signal.pthread_kill, (threading.main_thread().ident, number))
        again.daemon = True
        again.start()
    raise Terminated


def _forked() -> None:
    """Let SIGTERM end a fork as it does in any script: a pool sends it once, and waits for who has not heard it."""
    handler = signal.getsignal(signal.SIGTERM)
    if isinstance(handler, partial) and handler.func is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
