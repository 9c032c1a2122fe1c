"""Counts the bytes that a store holds."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from ..lean import dataclass
from . import disk
from .layout import Layout


@dataclass(frozen=True, slots=True)
class Held:
    """A file in the store: its bytes, and when it was last written or used, by the store's clock."""

    size: int
    used_ns: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes by blob (SHA-256 in hex), of all records, and of what is half-written or in the quarantine."""

    blobs: Mapping[str, int]
    records: int
    aside: int

    @property
    def total(self) -> int:
        """Sum it all up; a blob that several records share counts once."""
        return sum(self.blobs.values()) + self.records + self.aside


def inventory(layout: Layout, folder: str) -> dict[str, Held]:
    """Look at the regular files of a sharded folder, by name; what is not ours is left out."""
    found = {}
    for name, place in layout.names(folder):
        seen = disk.look(place) if name else None
        if seen is not None and stat.S_ISREG(seen.st_mode):
            found[name] = Held(seen.st_size, seen.st_mtime_ns)
    return found


def measure(layout: Layout) -> Usage:
    """Count what a store holds."""
    layout.check()
    blobs = {name: held.size for name, held in inventory(layout, layout.blobs).items()}
    records = sum(held.size for held in inventory(layout, layout.actions).values())
    return Usage(blobs, records, _bytes(layout.tmp) + _bytes(layout.quarantine))


def _bytes(path: str) -> int:
    seen = disk.look(path)
    if seen is None:
        return 0
    if stat.S_ISDIR(seen.st_mode):
        return sum(_bytes(os.path.join(path, name)) for name in disk.listed(path))
    return seen.st_size
