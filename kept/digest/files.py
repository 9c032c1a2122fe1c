"""Names bytes, files and trees by their content."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..lean import dataclass
from .algorithms import Algorithm, hashing
from .values import digest_value

# A file whose time lies this close to the moment of digesting may change once more without its stat changing.
RACY_NS = 2_000_000_000
_PIECE = 64 << 10  # bytes: larger ones come from the system anew for each file, and most files are small


def is_name(value: object) -> bool:
    """Say whether a value is 64 lower-case hex digits, as all names of content and of actions are."""
    return type(value) is str and len(value) == 64 and not value.strip("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Digest:
    """The name of content: its digest in lower-case hex, with the size in bytes beside it."""

    hex: str
    size: int

    @classmethod
    def read(cls, name: object, size: object) -> Digest:
        """Take a digest from a file that may hold anything; ValueError where it is none."""
        if not is_name(name) or type(size) is not int or size < 0:
            raise ValueError(name)
        return cls(str(name), size)


class Stat(NamedTuple):
    """What a file system says of a file; equal stats that are not racy mean equal bytes."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Stat:
        """Look at ``path``; OSError if it is not there."""
        seen = os.stat(path)
        return cls(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)

    def racy_at(self, now_ns: int) -> bool:
        """Say whether a file digested at ``now_ns``, by its file system's clock, may change unseen."""
        return max(self.mtime_ns, self.ctime_ns) > now_ns - RACY_NS


def digest_bytes(data: bytes, algorithm: Algorithm = "sha256") -> Digest:
    """Name some bytes."""
    hashed = hashing(algorithm)
    hashed.update(data)
    return Digest(hashed.hexdigest(), len(data))


def digest_file(path: str | os.PathLike[str], algorithm: Algorithm = "sha256") -> Digest:
    """Name what a file holds; it is streamed, so it may be larger than memory."""
    hashed, size = hashing(algorithm), 0
    with open(path, "rb", buffering=0) as file:
        while data := file.read(_PIECE):
            hashed.update(data)
            size += len(data)
    return Digest(hashed.hexdigest(), size)


def walk(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Go through a folder as ``os.walk`` does, into those that links lead to as well, but not in circles.

    A link that leads back, to a folder that holds it, stands among the files.
    """
    for folder, folders, names in os.walk(top, followlinks=True):
        back = [name for name in folders if _leads_back(top, folder, name)]
        folders[:] = sorted(set(folders).difference(back))
        yield folder, folders, names + back


def below(path: str) -> Iterator[str]:
    """Yield a path and, if it is a folder, all that is in it."""
    yield path
    for folder, folders, names in walk(path):
        yield from (os.path.join(folder, name) for name in (*folders, *names))


def _leads_back(top: str, folder: str, name: str) -> bool:
    place = os.path.join(folder, name)
    if not os.path.islink(place):
        return False
    there, above = os.path.realpath(place), folder
    while not os.path.join(os.path.realpath(above), "").startswith(os.path.join(there, "")):
        if above == top:
            return False
        above = os.path.dirname(above)
    return True


def digest_tree(path: str | os.PathLike[str], file: Callable[[str], Digest] = digest_file) -> Digest:
    """Name a folder by the relative names and contents of its files; empty folders count, times do not.

    Links count by what they lead to; by their text where that is nothing, or a folder that holds the link. Of what
    is neither file nor folder, as a socket, the name counts.
    """
    top, size = os.fspath(path), 0
    rows: list[tuple[str, str]] = []
    for folder, _, names in walk(top):
        inside = os.path.relpath(folder, top).replace(os.sep, "/")
        rows.append((inside + "/", ""))
        for name in names:
            found, more = _held(os.path.join(folder, name), file)
            rows.append((f"{inside}/{name}", found))
            size += more
    return Digest(digest_value(sorted(rows)), size)


def _held(place: str, file: Callable[[str], Digest]) -> tuple[str, int]:
    """Name what lies at a place in a folder, and tell its size."""
    with contextlib.suppress(FileNotFoundError):  # a link to nothing, or gone meanwhile
        if stat.S_ISREG(os.stat(place).st_mode):
            found = file(place)
            return found.hex, found.size
    return "link " + os.readlink(place) if os.path.islink(place) else "no file", 0
