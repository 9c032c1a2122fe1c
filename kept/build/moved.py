"""Tells which files that a stage was given are not what they were when it was judged."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping

from .. import errors
from ..digest import Digest, below, digest_tree, digest_value
from ..lean import dataclass
from ..store import Store


@dataclass(frozen=True, slots=True)
class Held:
    """What lay at a path before a stage ran.

    ``look`` tells a file that was changed and changed back from one that was left alone: the stage may have read it in
    between. It is empty for artifacts, which other runs may put there once more.
    """

    content: Digest
    look: str = ""


def look(path: str) -> str:
    """Name how a file, or all that is in a folder, looks to the file system: reading it changes none of that."""
    seen = _stat(path)
    if len(seen) > 1:
        return repr(seen)
    return digest_value([[os.path.relpath(one, path), *_stat(one)] for one in sorted(below(path))])


def _stat(path: str) -> tuple[int, ...]:
    try:
        seen = os.stat(path)
    except OSError:
        return ()
    if stat.S_ISDIR(seen.st_mode):
        return (seen.st_ino,)  # a lock file that comes and goes changes times of a folder
    return (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


def moved(held: Mapping[str, Held], named: Callable[[str], Digest], store: Store) -> Iterator[str]:
    """Yield the paths at which there is something else now, or was meanwhile."""
    for path, before in held.items():
        tree = digest_tree if before.look else store.name
        try:
            now = tree(path, named) if os.path.isdir(path) else named(path)
        except (OSError, errors.KeptError):
            now = None
        if now != before.content or (before.look and look(path) != before.look):
            yield path
