"""Brings content from the store to its place among the artifacts."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .. import errors
from ..digest import Digest
from . import disk
from .blobs import Blobs
from .trees import Manifest

# Smaller files are copied: a file written in place through a second name of a blob damages the blob, and the
# superuser is not held back by 0444. Above this a copy costs more than verification will.
LINK_FROM = 256 << 20
_FICLONE = 0x40049409  # _IOW(0x94, 9, int), linux/fs.h: share the blocks of another file until one is written
_UNABLE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ENOTTY, errno.EBADF}


def restore(blobs: Blobs, digest: Digest, target: str, tree: bool) -> None:
    """Put a file, or a folder as a whole, at ``target``; ``BlobMissing`` if any of it is missing or damaged.

    All of it is made elsewhere first, so a kill leaves the old content or the new. Times are fresh.
    """
    manifest = Manifest.decoded(blobs.read(digest)) if tree else None
    place = None if tree else _sound(blobs, digest)
    with disk.room(target, digest.size if manifest is None else sum(f.digest.size for f in manifest.files)):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        for bench in (blobs.layout.tmp, os.path.dirname(target)):
            with _bench(bench, target) as new:
                if new is None:
                    continue
                if manifest is None:
                    _bring(str(place), new, digest.size, executable=False)
                else:
                    _build(blobs, manifest, new)
                if _swap(new, target):
                    return
    raise AssertionError("beside the target is always on its file system")


def _sound(blobs: Blobs, digest: Digest) -> str:
    place = blobs.path(digest)
    if place is None:
        raise errors.blob_missing(digest.hex)
    return str(place)


@contextmanager
def _bench(folder: str, target: str) -> Iterator[str | None]:
    """Name a place to work at: in the store, where leftovers of a kill are swept, else beside the target."""
    beside = folder == os.path.dirname(target)
    if not beside and not (disk.is_folder(folder) and os.access(folder, os.W_OK) and _one_disk(folder, target)):
        yield None
        return
    name = f".{os.path.basename(target)}.{os.urandom(4).hex()}" if beside else f"{os.getpid()}-{os.urandom(8).hex()}"
    new = os.path.join(folder, name)
    try:
        yield new
    finally:
        with suppress(OSError):
            disk.remove(new)


def _one_disk(folder: str, target: str) -> bool:
    return os.stat(folder).st_dev == os.stat(os.path.dirname(target)).st_dev


def _build(blobs: Blobs, manifest: Manifest, new: str) -> None:
    os.mkdir(new)
    made = {""}
    for name in (*manifest.folders, *(f.name.rpartition("/")[0] for f in manifest.files)):
        if name not in made:
            os.makedirs(os.path.join(new, name), exist_ok=True)
            made.add(name)
    for file in manifest.files:
        _bring(_sound(blobs, file.digest), os.path.join(new, file.name), file.digest.size, file.executable)


def _bring(place: str, new: str, size: int, executable: bool) -> None:
    """Make ``new`` hold what the blob at ``place`` holds, in the cheapest way that there is."""
    with disk.opened(place) as (source, _):
        fd = os.open(new, disk.NEW, 0o777 if executable else 0o666)
        try:
            shared = _reflink(source, fd)
            if not shared and (size < LINK_FROM or executable or not _linked(place, new)):
                _copy(source, fd, size)
                if os.fstat(fd).st_size != size:  # truncated since it was verified
                    raise errors.blob_missing(os.path.basename(os.path.dirname(place)) + os.path.basename(place))
        finally:
            os.close(fd)
    os.utime(new)  # a link has the blob's time, and a file whose time is known must not hold other content


def _reflink(source: int, fd: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(fd, _FICLONE, source)
    except OSError as problem:
        if problem.errno not in _UNABLE:
            raise
        return False
    return True


def _linked(place: str, new: str) -> bool:
    """Give the blob a second name in the stead of the empty file; False where that cannot be done."""
    second = new + ".link"
    try:
        os.link(place, second)
    except OSError:
        return False
    try:
        os.replace(second, new)
    except BaseException:
        with suppress(OSError):
            os.unlink(second)
        raise
    return True


def _copy(source: int, fd: int, size: int) -> None:
    done = 0
    try:
        while done < size and (count := os.copy_file_range(source, fd, size - done)):
            done += count
    except AttributeError:  # not on this system
        done = 0
    except OSError as problem:
        if problem.errno not in _UNABLE:
            raise
    if done < size:
        os.lseek(source, done, os.SEEK_SET)
        os.lseek(fd, done, os.SEEK_SET)
        for data in disk.chunks(source):
            disk.write(fd, data)


def _swap(new: str, target: str) -> bool:
    """Put ``new`` in the stead of whatever is at ``target``; False if it lies on another file system."""
    there = disk.look(target)
    folder = disk.is_folder(new)
    in_the_way = there is not None and (folder or stat.S_ISDIR(there.st_mode))
    old = new + ".old"
    try:
        if in_the_way:  # no system call replaces a folder that is not empty
            os.rename(target, old)
        os.replace(new, target)
    except OSError as problem:
        if in_the_way and disk.look(target) is None:
            with suppress(OSError):
                os.rename(old, target)
        if problem.errno == errno.EXDEV:
            return False
        raise
    if in_the_way:
        with suppress(OSError):
            disk.remove(old)
    return True
