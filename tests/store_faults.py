"""A disk that kills the process, or fails, at its n-th call."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import kept.store
from kept.store import blobs, copies, disk, layout, locks, records, sweep, trees, usage, verify, workshops

ROOMS = (kept.store, blobs, copies, disk, layout, locks, records, sweep, trees, usage, verify, workshops)
WRITING = {"write", "pwrite", "copy_file_range"}
MAKING = {"open", "mkdir", "makedirs", "link", "rename", "replace", "fsync"} | WRITING
LOOKING = {"lstat", "stat", "fstat", "listdir", "read", "pread", "access"}
CHANGING = {"unlink", "rmdir", "chmod", "utime", "ftruncate", "close", "lseek"}
ALL = MAKING | LOOKING | CHANGING

# What goes wrong, and at which calls. "kill" takes the process away before the call, "torn" in the middle of it,
# "short" lets the system take less than it was given; the others are errors.
FAULTS: dict[str, set[str]] = {
    "kill": ALL,
    "torn": WRITING,
    "short": WRITING,
    "EIO": ALL - {"access"},
    "ENOSPC": MAKING,
    "EACCES": {"open", "mkdir", "link", "rename", "replace", "unlink", "lstat", "listdir", "chmod", "utime", "rmdir"},
    "EMFILE": {"open", "listdir"},
}


class Killed(BaseException):
    """The end of a process: nothing after it happens, cleanup included."""


class Disk:
    """Stands for ``os``; the n-th call that ``fault`` strikes goes wrong, and after a kill all calls do."""

    def __init__(self, fault: str, strike_at: int) -> None:
        self.fault, self.strike_at = fault, strike_at
        self.count = 0
        self.struck = ""
        self.dead = False
        self.fds: set[int] = set()

    def __getattr__(self, name):
        real = getattr(os, name)
        return partial(self._call, name, real) if name in ALL else real

    def _call(self, name, real, *args, **kwargs):
        if name == "close" and (self.dead or args[0] not in self.fds):
            return None
        if self.dead:
            raise Killed
        reading = self.fault == "ENOSPC" and name == "open" and not args[1] & os.O_CREAT
        if name in FAULTS[self.fault] and not reading:  # no room is needed to read
            self.count += 1
            if self.count == self.strike_at:
                self.struck = name
                return self._strike(name, real, *args, **kwargs)
        if name == "fsync":  # nobody cuts the power here
            return None
        result = real(*args, **kwargs)
        if name == "open":
            self.fds.add(result)
        if name == "close":
            self.fds.discard(args[0])
        return result

    def _strike(self, name, real, *args, **kwargs):
        if self.fault in ("torn", "short"):
            done = self._half(name, real, *args)
            if self.fault == "short":
                return done
        if self.fault in ("kill", "torn"):
            self.dead = True
            raise Killed
        if name == "close":
            self.fds.discard(args[0])
            real(*args)
        code = getattr(errno, self.fault)
        raise OSError(code, os.strerror(code), args[0] if args and isinstance(args[0], str) else None)

    def _half(self, name, real, *args):
        if name == "copy_file_range":
            return real(args[0], args[1], max(1, args[2] // 2))
        data = bytes(args[1])
        return real(args[0], data[: max(1, len(data) // 2)], *args[2:])

    def bury(self) -> None:
        """Close what the process had open, as the kernel does."""
        self.dead = True
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()


@contextmanager
def failing(fault: str, strike_at: int) -> Iterator[Disk]:
    """Let the store meet a fault at one call; at the end its process is gone."""
    stand_in = Disk(fault, strike_at)
    for room in ROOMS:
        if hasattr(room, "os"):
            room.os = stand_in
    try:
        yield stand_in
    finally:
        stand_in.bury()
        for room in ROOMS:
            if hasattr(room, "os"):
                room.os = os
