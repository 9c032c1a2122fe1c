"""Lets one process at a time build what an action key names."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

from .. import errors
from . import disk
from .layout import Layout

try:
    import fcntl
except ImportError:  # Windows: work may be done twice there, never wrongly
    fcntl = None  # type: ignore[assignment]  # absence is the value

WORKING = fcntl is not None
_BUSY = {errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN}
_UNABLE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def lock(layout: Layout, key: str, waiting: Callable[[str], None], text: str) -> Iterator[None]:
    """Hold the lock of a key; ``waiting`` is told once who has it, if anybody does.

    The kernel frees it when the holder ends, however it ends. Where locks do not work (a network file system,
    a read-only store) this goes on without.
    """
    place = layout.lock(key)
    layout.check()
    fd = _held(layout, place, waiting)
    if fd is None:
        yield
        return
    try:
        _sign(fd, text)
        yield
    finally:
        with suppress(OSError):
            os.ftruncate(fd, 0)
        os.close(fd)


def _held(layout: Layout, place: str, waiting: Callable[[str], None]) -> int | None:
    told = False
    while fcntl is not None and (fd := _open(layout, place)) is not None:
        try:
            if not _try(fd):
                if not told:
                    told = True
                    waiting(os.pread(fd, 1000, 0).decode(errors="replace").strip())
                fcntl.flock(fd, fcntl.LOCK_EX)
            seen = os.fstat(fd)
            current = _current(seen, place)
        except BaseException as problem:
            os.close(fd)
            if isinstance(problem, OSError) and problem.errno in _UNABLE:
                return None
            raise
        if current:
            if seen.st_size:  # who held it before was killed
                with suppress(OSError):
                    os.ftruncate(fd, 0)
            return fd
        os.close(fd)  # a sweep has removed the file meanwhile: its lock excludes nobody
    return None


def _open(layout: Layout, place: str) -> int | None:
    with suppress(errors.StoreReadOnly):
        layout.prepare()
    for flags in (disk.SHARED, disk.READ):  # a file of another user's can be locked, though not signed
        try:
            with disk.room(place, 0):
                return os.open(place, flags, 0o666)
        except FileNotFoundError:
            return None
        except OSError as problem:
            if problem.errno not in disk.CLOSED:
                raise
    return None


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno not in _BUSY:
            raise
        return False
    return True


def _current(mine: os.stat_result, place: str) -> bool:
    there = disk.look(place)
    return there is not None and mine.st_ino == there.st_ino


def _sign(fd: int, text: str) -> None:
    """Write who holds the lock, for those who wait; a full disk is no reason not to build."""
    since = time.strftime("%Y-%m-%d %H:%M:%S%z")
    with suppress(OSError):
        line = f"process {os.getpid()} on {_host()} since {since}" + (f": {text}" if text else "")
        os.pwrite(fd, line.encode(errors="surrogateescape"), 0)


@cache
def _host() -> str:
    import socket

    return socket.gethostname()


def claim(path: str) -> int | None:
    """Lock a file or folder at once and return its descriptor; None if a process has it or it cannot be opened."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    if fcntl is None:
        return fd
    with suppress(OSError):
        if _try(fd):
            return fd
    os.close(fd)
    return None
