"""Touches single files on a disk that may be full, planted with links, or about to lose power.

Everything goes through functions of ``os``, looked up at call time: the crash test replaces that one name and
so fails or kills every single call in turn.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .. import errors
from ..digest import Algorithm, Digest, Stat, hashing

CHUNK = 1 << 20
_OURS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# O_NONBLOCK: a planted pipe must not make a reader wait for ever.
READ = os.O_RDONLY | _OURS | getattr(os, "O_NONBLOCK", 0)
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OURS
SHARED = os.O_RDWR | os.O_CREAT | _OURS

FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_LINKLESS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, getattr(errno, "ENOTSUP", errno.EOPNOTSUPP)}
_NO_FILE = {errno.ELOOP, errno.ENXIO, errno.EISDIR}  # what opening a link, a socket or a folder says


class PlantedError(Exception):
    """Something that is no regular file lies where a file of ours belongs."""


def stat_of(seen: os.stat_result) -> Stat:
    """Take from a look at a file what tells its states apart."""
    return Stat(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


def stamp(path: str) -> Stat | None:
    """Give a file a time that no later write gives it; return its looks, or None if the file system keeps no such time.

    A write sets the time that it is. A file whose time is a nanosecond before the present one, and stays so, has not
    been written to since: there is no tick of the clock in which it could have changed unseen.
    """
    os.utime(path)
    now = os.lstat(path).st_mtime_ns
    os.utime(path, ns=(now - 1, now - 1))
    seen = os.lstat(path)
    return stat_of(seen) if seen.st_mtime_ns == now - 1 else None


def still(path: str, stamped: Stat | None) -> Stat | None:
    """Return the present looks of a file that was not written to since it was stamped; None if it may have been."""
    seen = look(path) if stamped is not None else None
    if seen is None or stamped is None or not stat.S_ISREG(seen.st_mode):
        return None
    now = stat_of(seen)  # links and renames change the third time, and nothing else
    return now if (now.size, now.mtime_ns, now.inode) == (stamped.size, stamped.mtime_ns, stamped.inode) else None


@contextmanager
def opened(path: str, follow: bool = False) -> Iterator[tuple[int, os.stat_result]]:
    """Open a regular file for reading; ``PlantedError`` if it is anything else, OSError as it comes."""
    try:
        fd = os.open(path, READ & ~getattr(os, "O_NOFOLLOW", 0) if follow else READ)
    except OSError as problem:
        if problem.errno in _NO_FILE:
            raise PlantedError(path) from None
        raise
    try:
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode):
            raise PlantedError(path)
        yield fd, seen
    finally:
        os.close(fd)


def chunks(fd: int) -> Iterator[bytes]:
    """Read an open file to its end."""
    while data := os.read(fd, CHUNK):
        yield data


def digest(fd: int, algorithm: Algorithm) -> Digest:
    """Name what an open file holds, from where it stands."""
    hashed, size = hashing(algorithm), 0
    for data in chunks(fd):
        hashed.update(data)
        size += len(data)
    return Digest(hashed.hexdigest(), size)


def write(fd: int, data: bytes) -> None:
    """Write all of ``data``: the system may take less at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def settle(draft: str, place: str) -> bool:
    """Give a finished file the name that it is published under; False if that name is taken."""
    try:
        os.link(draft, place)
    except OSError as problem:
        if _linked(draft, place):  # a network file system may do it, lose the answer and do it again
            return True
        if problem.errno == errno.EEXIST:
            return False
        if problem.errno not in _LINKLESS:
            raise
        if look(place) is not None:
            return False
        os.rename(draft, place)
    return True


def _linked(draft: str, place: str) -> bool:
    with suppress(OSError):
        mine, there = os.lstat(draft), os.lstat(place)
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
    return False


def sync_folder(path: str) -> None:
    """Let the names in a folder survive a power cut, with all that was done before on that file system."""
    with suppress(PermissionError), room(path, 0):  # Windows opens no folders
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def look(path: str) -> os.stat_result | None:
    """Look at what bears this name without following it; None if nothing does."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def in_the_way(path: str) -> str | None:
    """Name what lies where a folder above a path should; None if nothing does."""
    above = os.path.dirname(path)
    while look(above) is None:
        above = os.path.dirname(above)
    return None if os.path.isdir(above) else above


def is_folder(path: str) -> bool:
    """Say whether a real folder, not a link to one, bears this name."""
    seen = look(path)
    return seen is not None and stat.S_ISDIR(seen.st_mode)


def listed(path: str) -> list[str]:
    """List a folder in order; nothing if it is not there."""
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []


def remove(path: str) -> None:
    """Remove a file, or a folder with all that is in it; links are removed, not followed."""
    try:
        os.unlink(path)
        return
    except FileNotFoundError:
        return
    except OSError:  # what systems say of a folder differs
        if not is_folder(path):
            raise
    with suppress(OSError):  # a stage may have taken its own folder's permissions away
        os.chmod(path, 0o700)
    for name in listed(path):
        remove(os.path.join(path, name))
    with suppress(FileNotFoundError):
        os.rmdir(path)


def free(path: str) -> int | None:
    """Count the bytes that this user may still write where ``path`` lies."""
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    try:
        there = os.statvfs(path)
    except (OSError, AttributeError):
        return None
    return there.f_bavail * there.f_frsize


@contextmanager
def room(place: str, needed: int) -> Iterator[None]:
    """Turn a full disk, a quota or a limit on file sizes into ``StoreFull``."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in FULL:
            raise
        raise errors.store_full(place, needed, free(place), problem) from problem
