"""Brings content from the store to its place among the artifacts."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .. import errors
from ..digest import Digest, Stat
from . import disk
from .blobs import Blobs
from .layout import among
from .trees import Manifest

# Smaller files are copied: a file written in place through a second name of a blob damages the blob, and the
# superuser is not held back by 0444. Above this a copy costs more than verification will.
LINK_FROM = 256 << 20
_FICLONE = 0x40049409  # _IOW(0x94, 9, int), linux/fs.h: share the blocks of another file until one is written
_UNABLE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ENOTTY, errno.EBADF}

Made = dict[str, tuple[Digest, Stat | None]]  # each file that was made, and how it looked when it was right


def restore(blobs: Blobs, digest: Digest, target: str, tree: bool) -> dict[str, tuple[Stat, Digest]]:
    """Put a file, or a folder as a whole, at ``target``; ``BlobMissing`` if any of it is missing or damaged.

    All of it is made elsewhere first, so a kill leaves the old content or the new. Times are fresh. Return the looks
    of those files that cannot have been written to since: they need not be read to know what they hold.
    """
    blobs.layout.check()
    manifest = Manifest.decoded(blobs.read(digest)) if tree else None
    with disk.room(target, digest.size if manifest is None else sum(f.digest.size for f in manifest.files)):
        if not os.path.isdir(os.path.dirname(target)):
            os.makedirs(os.path.dirname(target), exist_ok=True)
        for bench in (blobs.layout.tmp, os.path.dirname(target)):
            with _bench(bench, target) as new:
                if new is None:
                    continue
                made: Made = {}
                if manifest is None:
                    made[""] = digest, _bring(blobs, digest, new, executable=False)
                else:
                    _build(blobs, manifest, new, made)
                if _swap(new, target, tree):
                    return _settled(blobs, target, made)
    raise AssertionError("beside the target is always on its file system")


def _settled(blobs: Blobs, target: str, made: Made) -> dict[str, tuple[Stat, Digest]]:
    found = {}
    for name, (digest, stamped) in made.items():
        place = os.path.join(target, name) if name else target
        seen = disk.still(place, stamped)
        if seen is not None:
            found[place] = seen, digest
            if digest.size >= LINK_FROM:  # it may be the blob itself, whose looks have changed with its names
                blobs.vouch_stamped(blobs.layout.blob(digest.hex), stamped)
    return found


@contextmanager
def _bench(folder: str, target: str) -> Iterator[str | None]:
    """Name a place to work at: in the store, where leftovers of a kill are swept, else beside the target."""
    beside = folder == os.path.dirname(target)
    if not beside and not (_one_disk(folder, target) and os.access(folder, os.W_OK)):
        yield None
        return
    unique = os.urandom(8).hex()
    name = f".{os.path.basename(target)}.{unique[:8]}" if beside else f"{os.getpid()}-{among()}{unique}"
    new = os.path.join(folder, name)
    try:
        yield new
    finally:
        with suppress(OSError):
            disk.remove(new)  # nothing, where it has got to its place


def _one_disk(folder: str, target: str) -> bool:
    seen = disk.look(folder)
    if seen is None or not stat.S_ISDIR(seen.st_mode):
        return False
    return seen.st_dev == os.stat(os.path.dirname(target)).st_dev


def _build(blobs: Blobs, manifest: Manifest, new: str, files: Made) -> None:
    os.mkdir(new)
    made = {""}
    for name in (*manifest.folders, *(f.name.rpartition("/")[0] for f in manifest.files)):
        if name not in made:
            os.makedirs(os.path.join(new, name), exist_ok=True)
            made.add(name)
    for file in manifest.files:
        files[file.name] = file.digest, _bring(blobs, file.digest, os.path.join(new, file.name), file.executable)


def _bring(blobs: Blobs, digest: Digest, new: str, executable: bool) -> Stat | None:
    """Make ``new`` hold a blob's content, verified, in the cheapest way that there is; return how it looks then."""
    place = blobs.layout.blob(digest.hex)
    gone = suppress(FileNotFoundError, NotADirectoryError, disk.PlantedError)
    with gone, disk.opened(place) as (source, seen):
        before = disk.stat_of(seen)
        vouched = blobs.vouched(place, before) and before.size == digest.size
        now = None if vouched else blobs.layout.now_ns()
        fd = os.open(new, disk.NEW, 0o777 if executable else 0o666)
        try:
            linked = _fill(digest, source, fd, place, new, executable)
        finally:
            os.close(fd)
        if linked:
            return _same(blobs, new, digest, before if vouched else None)
        # What is verified is the copy: the blob may change between a look at it and the copying.
        if vouched and disk.stat_of(os.fstat(source)) == before:
            return disk.stamp(new)
        if _holds(blobs, new, digest):
            blobs.vouch(place, before, now)
            return disk.stamp(new)
    blobs.path(digest)  # sets aside what is damaged
    raise errors.blob_missing(digest.hex)


def _same(blobs: Blobs, new: str, digest: Digest, vouched: Stat | None) -> Stat | None:
    """Verify a second name of a blob, which others may write to: nothing may come between a look at it and its time."""
    if disk.still(new, vouched) is not None:
        return vouched
    stamped = disk.stamp(new)
    if not _holds(blobs, new, digest) or (stamped is not None and disk.still(new, stamped) is None):
        raise FileNotFoundError(new)
    return stamped


def _holds(blobs: Blobs, path: str, digest: Digest) -> bool:
    with disk.opened(path) as (fd, _):
        return disk.digest(fd, blobs.algorithm) == digest


def _fill(digest: Digest, source: int, fd: int, place: str, new: str, executable: bool) -> bool:
    """Give ``new`` a blob's content; True if it has become a second name of the blob."""
    if _reflink(source, fd):
        return False
    if digest.size >= LINK_FROM and not executable and _linked(place, new):
        return True
    _copy(source, fd, digest.size)
    return False


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


def _swap(new: str, target: str, folder: bool) -> bool:
    """Put ``new``, a file or a folder, in the stead of what is at ``target``; False if it is another file system."""
    there = disk.look(target)
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
