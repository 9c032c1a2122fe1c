"""Knows where everything in a store lies.

``version``             format of the store, algorithm of its digests; another one is refused, never rewritten
``blobs/ab/<62 hex>``   content by digest, read-only; names are lower-case hex only: no traversal, no Unicode, no case
``actions/ab/<62 hex>`` one record per action key
``tmp/``                what is being written; what is older than a day, or of a process that is gone, is a leftover
``quarantine/``         damaged blobs and records, moved aside by rename, for a week
``locks/``              one file per action key that somebody has built

Nothing is created before the first write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import get_args

from .. import errors
from ..digest import Algorithm, digest_bytes, is_name
from ..lean import dataclass
from . import disk

_FORMATS = {f"1 {algorithm}\n".encode(): algorithm for algorithm in get_args(Algorithm)}
_FOLDERS = ("tmp", "blobs", "actions", "quarantine", "locks")
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# A store of kept; everything in it can be made again.\n"


@dataclass(frozen=True, slots=True)
class Draft:
    """A new file in ``tmp/``, open for writing."""

    fd: int
    path: str


@cache
def among() -> str:
    """Name the processes among which a number means this one: in this container, since this machine was started.

    Empty where that cannot be told: of a number alone nobody knows whose it is.
    """
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", "rb") as start:
        seen = os.readlink("/proc/self/ns/pid")
        return digest_bytes(start.read() + seen.encode()).hex[:8] + "."
    return ""


class Layout:
    """The places of one store; ``root`` is made absolute, nothing is read or written yet.

    A ``still`` one is only looked at: no time is renewed, no clock is asked.
    """

    def __init__(self, root: str | os.PathLike[str], *, still: bool = False, algorithm: Algorithm = "sha256") -> None:
        self.still = still
        self.algorithm: Algorithm = algorithm
        self.root = os.path.abspath(root)
        self.tmp, self.blobs, self.actions, self.quarantine, self.locks = (
            os.path.join(self.root, name) for name in _FOLDERS
        )
        self._known = self._ready = False
        self._inside: dict[str, tuple[tuple[int, int, bool], bool]] = {}

    def blob(self, name: str) -> str:
        """Return the place of a blob; anything but 64 lower-case hex digits is refused."""
        return self._sharded(self.blobs, name)

    def action(self, key: str) -> str:
        """Return the place of the record of an action key."""
        return self._sharded(self.actions, key)

    def lock(self, key: str) -> str:
        """Return the place of the lock of an action key."""
        return os.path.join(self.locks, self._checked(key))

    def _sharded(self, folder: str, name: str) -> str:
        name = self._checked(name)
        return f"{folder}{os.sep}{name[:2]}{os.sep}{name[2:]}"

    def _checked(self, name: str) -> str:
        if not is_name(name):
            raise errors.no_store_name(name)
        return name

    def owns(self, place: str) -> bool:
        """Say whether a place lies in a folder of the store, not behind a link that was planted there."""
        return disk.is_folder(os.path.dirname(place))

    def names(self, folder: str) -> Iterator[tuple[str, str]]:
        """List a sharded folder as (name, place); what does not look like ours has an empty name."""
        for shard in disk.listed(folder):
            inside = os.path.join(folder, shard)
            if not disk.is_folder(inside):
                yield "", inside
                continue
            for rest in disk.listed(inside):
                name = shard + rest
                yield name if len(shard) == 2 and is_name(name) else "", os.path.join(inside, rest)

    # ---- version and folders

    def check(self) -> None:
        """Refuse a store of another version, or of another algorithm; one that is not there yet is fine."""
        if self._known:
            return
        place = os.path.join(self.root, "version")
        try:
            with disk.opened(place) as (fd, _):
                found = os.read(fd, 200)
        except FileNotFoundError:
            return
        except NotADirectoryError:
            raise errors.in_the_way(disk.in_the_way(place) or self.root) from None
        except disk.PlantedError:
            raise errors.store_planted(place) from None
        if found not in _FORMATS:
            raise errors.store_version(place, found.decode(errors="replace").strip())
        if _FORMATS[found] != self.algorithm:
            raise errors.store_algorithm(self.root, _FORMATS[found], self.algorithm)
        self._known = True

    def prepare(self) -> None:
        """Make the folders of the store where they are missing."""
        self.check()
        if self._ready and disk.is_folder(self.tmp):  # else somebody has removed the store under our feet
            return
        with self.writing(0):
            os.makedirs(os.path.dirname(self.root), exist_ok=True)
            for place in (self.root, self.tmp, self.blobs, self.actions, self.quarantine, self.locks):
                self.folder(place)
        self._ready = True
        version = f"1 {self.algorithm}\n".encode()
        for name, content in (("version", version), ("CACHEDIR.TAG", _TAG), (".gitignore", b"*\n")):
            self._sign(os.path.join(self.root, name), content)
        self.check()

    def _sign(self, place: str, content: bytes) -> None:
        with suppress(FileNotFoundError):
            os.lstat(place)
            return
        with self.draft(len(content)) as draft:
            disk.write(draft.fd, content)
            os.fsync(draft.fd)
            disk.settle(draft.path, place)

    def folder(self, place: str) -> None:
        """Make one folder of the store with the permissions of its root; a link in its stead is refused."""
        if place != self.root and disk.is_folder(place):
            return
        try:
            # Not group-writable even under umask 002: who may write here decides what this user's pickles do.
            os.mkdir(place, 0o755)
        except FileExistsError:
            # The root alone may be a link: people keep large stores on another disk.
            if not (os.path.isdir(place) if place == self.root else disk.is_folder(place)):
                raise errors.store_planted(place) from None
            if place == self.root and disk.look(os.path.join(place, "version")) is None:
                self._close()
            return
        mode = stat.S_IMODE(os.stat(self.root).st_mode)
        if mode & 0o022:  # the user has opened the store to a group: what the umask took away comes back
            os.chmod(place, mode)

    def _close(self) -> None:
        """Take a new store's root, made by others of this user's processes, from the group; setgid means sharing."""
        mode = stat.S_IMODE(os.stat(self.root).st_mode)
        if mode & 0o022 and not mode & stat.S_ISGID:
            with suppress(PermissionError):
                os.chmod(self.root, mode & ~0o022)

    # ---- new files

    @contextmanager
    def writing(self, needed: int) -> Iterator[None]:
        """Tell a store that is full, or closed to this user, by its name."""
        try:
            with disk.room(self.root, needed):
                yield
        except OSError as problem:
            if problem.errno not in disk.CLOSED:
                raise
            raise errors.store_read_only(self.root, problem) from problem

    @contextmanager
    def draft(self, needed: int) -> Iterator[Draft]:
        """Open a new file of ``needed`` bytes in ``tmp/``; its name is gone at the end, settled or not."""
        with disk.room(self.root, needed):
            draft = self._new()
            try:
                yield draft
            finally:
                os.close(draft.fd)
                with suppress(OSError):  # moved into its place, or left to the sweep
                    os.unlink(draft.path)

    def _new(self) -> Draft:
        self.prepare()
        path = self.spare()
        with self.writing(0):  # read-only from birth, less the umask; the descriptor may still write
            return Draft(os.open(path, disk.NEW, 0o444), path)

    def spare(self, mark: str | None = None) -> str:
        """Name a file in ``tmp/`` that nobody has, after this process."""
        return f"{self.tmp}{os.sep}{os.getpid()}-{among() if mark is None else mark}{os.urandom(8).hex()}"

    def in_tmp(self, folder: str) -> bool:
        """Say whether a folder lies in ``tmp/``, whatever links lead to it; one that is still itself is known."""
        seen = os.lstat(folder or os.curdir)
        identity = seen.st_dev, seen.st_ino, stat.S_ISDIR(seen.st_mode)
        known = self._inside.get(folder)
        if known is None or known[0] != identity:
            inside = os.path.realpath(folder).startswith(os.path.realpath(self.tmp) + os.sep)
            known = self._inside[folder] = identity, inside
        return known[1]

    def now_ns(self) -> int | None:
        """Read the clock of the store's file system, the only one that its file times are compared with.

        None where the store cannot be written to.
        """
        if self.still:
            return None
        with suppress(OSError):  # a folder's time: whoever may write may set it, on a full disk, too
            os.utime(self.tmp)
            return os.lstat(self.tmp).st_mtime_ns
        return None

    # ---- trust

    def outsider(self) -> str:
        """Name a folder through which somebody else could write records; empty where there is none."""
        if not hasattr(os, "geteuid"):
            return ""
        shards = (os.path.join(self.actions, name) for name in disk.listed(self.actions))
        for place in (self.root, self.actions, self.blobs, *shards):
            with suppress(FileNotFoundError):
                seen = os.stat(place)
                if seen.st_uid != os.geteuid() or seen.st_mode & 0o022:
                    return place
        return ""
