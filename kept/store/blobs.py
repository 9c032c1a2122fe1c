"""Keeps content by its digest."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from .. import errors
from ..digest import Algorithm, Digest, Stat, digest_bytes, hashing
from . import disk
from .layout import Layout

# Which blobs this process has found right, or has written itself, by place: whoever asks, it looks once.
_verified: dict[str, Stat] = {}

# Use is noted by the hour: times finer than that would cost a write, and a new digest, at every hit.
NOTED_NS = 3600 * 1_000_000_000


class Blobs:
    """The blobs of one store; ``warn`` is told in one line of each that is damaged."""

    def __init__(self, layout: Layout, warn: Callable[[str], None]) -> None:
        self.layout, self.warn = layout, warn
        self.algorithm = layout.algorithm

    # ---- in

    def put_bytes(self, data: bytes) -> Digest:
        """Keep some bytes."""
        digest = digest_bytes(data, self.algorithm)
        if not self._kept(digest):
            with self.layout.draft(len(data)) as draft:
                disk.write(draft.fd, data)
                self._publish(draft.fd, draft.path, digest)
        return digest

    def put_file(self, path: str, known: tuple[Stat, Digest] | None = None, *, alone: bool = False) -> Digest:
        """Keep a file: one in ``tmp/`` becomes the blob itself, read-only; any other is copied.

        Who has just written it may say what is in it: then it is not read, if it still looks as it did. One that lies
        ``alone``, in no folder that is kept as a whole, is gone from there.
        """
        try:
            inside = self.layout.in_tmp(os.path.dirname(path))
            with disk.opened(path, follow=not inside) as (fd, seen):
                # A program is copied: as a blob it would no longer be executable where the caller left it.
                adopt = inside and seen.st_nlink == 1 and not seen.st_mode & 0o111
                return self._adopt(fd, path, seen, known, alone) if adopt else self._copy(fd, seen.st_size)
        except disk.PlantedError:
            raise errors.no_file(path) from None

    def _adopt(
        self, fd: int, path: str, seen: os.stat_result, known: tuple[Stat, Digest] | None, alone: bool
    ) -> Digest:
        written = known[1] if known is not None and known[0] == disk.stat_of(seen) else None
        with disk.room(self.layout.root, 0):
            # Before it is read, so that a write after this shows; and young: a stage may run for days, and a sweep must
            # not take its output for old.
            stamped = disk.stamp(path)
            digest = written or disk.digest(fd, self.algorithm)
            if self._kept(digest):
                return digest
            os.chmod(path, stat.S_IMODE(seen.st_mode) & 0o444 | 0o400)
            self._publish(fd, path, digest)
            if alone:  # what it looks like changes with its names
                with suppress(OSError):
                    os.unlink(path)
        self.vouch_stamped(self.layout.blob(digest.hex), stamped)
        return digest

    def _copy(self, source: int, size: int) -> Digest:
        with self.layout.draft(size) as draft:
            hashed, size = hashing(self.algorithm), 0
            for data in disk.chunks(source):
                hashed.update(data)
                size += len(data)
                disk.write(draft.fd, data)
            digest = Digest(hashed.hexdigest(), size)
            if not self._kept(digest):
                self._publish(draft.fd, draft.path, digest)
        return digest

    def _publish(self, fd: int, path: str, digest: Digest) -> None:
        # Without this, a power cut left three of four new blobs empty on ext4, nearly all on xfs.
        os.fsync(fd)
        place = self.layout.blob(digest.hex)
        self.layout.folder(os.path.dirname(place))
        while not disk.settle(path, place):
            if self.path(digest) is not None:
                return
            if disk.look(place) is not None:  # damaged, yet it could not be moved aside
                os.replace(path, place)
                return

    def _kept(self, digest: Digest) -> bool:
        """Say whether a sound blob is there; used now, so that no sweep takes it before its record comes."""
        if not self.holds(digest):
            return False
        self.note(self.layout.blob(digest.hex), shared=True)
        return self.path(digest) is not None

    # ---- out

    def holds(self, digest: Digest) -> bool:
        """Say whether a regular file of the right size is there; its content is not read."""
        self.layout.check()
        seen = disk.look(self.layout.blob(digest.hex))
        return seen is not None and stat.S_ISREG(seen.st_mode) and seen.st_size == digest.size

    def path(self, digest: Digest) -> Path | None:
        """Return the place of a blob whose content is right; None if it is missing or damaged.

        Content is read once per process and stat. Damage is moved to the quarantine and told; a disk that fails
        (EIO, EACCES, EMFILE …) is not damage: that OSError is the caller's to see.
        """
        return Path(self.layout.blob(digest.hex)) if self._sound(digest, None) else None

    def read(self, digest: Digest) -> bytes:
        """Return a blob's content, verified; ``BlobMissing`` if there is none or it is damaged."""
        parts: list[bytes] = []
        if not self._sound(digest, parts):
            raise errors.blob_missing(digest.hex)
        return b"".join(parts)

    def _sound(self, digest: Digest, parts: list[bytes] | None) -> bool:
        self.layout.check()
        place = self.layout.blob(digest.hex)
        try:
            with disk.opened(place) as (fd, seen):
                then = disk.stat_of(seen)
                if parts is None and then.size == digest.size and self.vouched(place, then):
                    return True
                now = self.layout.now_ns()  # before it is read
                found = _named(fd, parts, self.algorithm)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except disk.PlantedError:
            self.set_aside(place, "blob", "is no regular file")
            return False
        if found.hex == digest.hex:
            self.vouch(place, then, now)
            return found.size == digest.size
        self.set_aside(place, "blob", "does not hold what it is named after", seen)
        return False

    def vouch(self, place: str, then: Stat, now: int | None) -> None:
        """Remember that a blob was right when it looked so; ``now`` is when it was read, by the store's clock."""
        # A file written just now may change once more without its stat changing: it is read again next time.
        if now is not None and not then.racy_at(now):
            _verified[place] = then

    def vouch_stamped(self, place: str, stamped: Stat | None) -> None:
        """Remember that a blob was right when it was stamped, if nothing has written to it since."""
        seen = disk.still(place, stamped)
        if seen is not None:
            _verified[place] = seen

    def vouched(self, place: str, stat: Stat) -> bool:
        """Say whether this process has found the blob right, and it still looks so."""
        return _verified.get(place) == stat

    def set_aside(self, place: str, what: str, why: str, seen: os.stat_result | None = None) -> None:
        """Move something damaged to the quarantine, by rename (a reader may have it mapped), and say so.

        ``seen`` is the file that was found wrong: if another has taken its place, that one stays.
        """
        _verified.pop(place, None)
        name = os.path.basename(os.path.dirname(place)) + os.path.basename(place)
        done = "moved to the quarantine"
        try:
            if not self.layout.owns(place):
                done = "its folder is a link, and left alone"
            elif seen is None or os.lstat(place).st_ino == seen.st_ino:
                self.layout.folder(self.layout.quarantine)
                os.rename(place, os.path.join(self.layout.quarantine, f"{name}-{os.urandom(4).hex()}"))
        except FileNotFoundError:
            done = "another process has seen to it"
        except (OSError, errors.KeptError) as problem:
            done = f"it cannot be moved to the quarantine ({problem})"
        self.warn(f"store: {what} {name[:12]} {why}; {done}; it is made again when needed")

    # ---- use

    def note(self, place: str, shared: bool = False) -> None:
        """Note that a file is used: renew its time unless it is younger than an hour, where that can be done.

        A file with a second name is left alone unless ``shared``: the other name is an artifact, whose time would
        change too, and the time of its record stands for it.
        """
        with suppress(OSError, NotImplementedError):
            seen, now = os.lstat(place), self.layout.now_ns()
            if now is None or not stat.S_ISREG(seen.st_mode) or seen.st_mtime_ns >= now - NOTED_NS:
                return
            if shared or seen.st_nlink == 1:
                os.utime(place, follow_symlinks=False)

    def all(self) -> Iterator[tuple[str, str]]:
        """List (name, place) of all blobs; what does not belong there has an empty name."""
        self.layout.check()
        return self.layout.names(self.layout.blobs)


def _named(fd: int, parts: list[bytes] | None, algorithm: Algorithm) -> Digest:
    if parts is None:
        return disk.digest(fd, algorithm)
    parts.extend(disk.chunks(fd))
    return digest_bytes(b"".join(parts), algorithm)
