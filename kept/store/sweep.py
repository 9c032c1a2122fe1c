"""Removes from a store what nothing uses.

Records go before their blobs, so a kill leaves blobs without a record, never the reverse. A sweep runs beside builds:
who uses a record or a blob renews its time, and what turns out to be young when it is about to go is put back.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from .. import errors
from ..lean import dataclass
from . import disk, locks
from .layout import Layout
from .records import Records, Stored, references
from .usage import Held, inventory

GRACE_S = 24 * 3600.0
_QUARANTINE_S = 7 * GRACE_S  # long enough to look at what was damaged
_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a sweep leaves: roots (action keys), the last days, the grace time, and ``max_size`` bytes of the rest."""

    roots: frozenset[str]
    max_size: int | None
    days: float
    grace_s: float


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed, or would have, and what it left; ``leftovers`` are files of ended processes."""

    records: int
    blobs: int
    freed: int
    leftovers: int
    kept_records: int
    kept_blobs: int
    kept: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record with the names of the blobs that it reaches; ``whole`` if they are all there."""

    stored: Stored
    reached: frozenset[str]
    whole: bool


def clear(records: Records, keeping: Keeping, dry_run: bool) -> Swept:
    """Remove what ``keeping`` does not name; with ``dry_run``, only count."""
    layout = records.layout
    layout.check()
    if not disk.is_folder(layout.actions):
        return Swept(0, 0, 0, 0, 0, 0, 0)
    now = layout.now_ns()
    if now is None:
        raise errors.store_read_only(layout.root, OSError("its times cannot be set"))
    entries, held = _survey(records), inventory(layout, layout.blobs)
    oldest = now - int(keeping.grace_s * _S)
    doomed = _choose(entries, held, keeping, now)
    gone = {e.stored.key for e in doomed if dry_run or _discard(layout, layout.action(e.stored.key), oldest)}
    live = set().union(*(e.reached for e in entries if e.stored.key not in gone))
    unused = [name for name, blob in held.items() if name not in live and blob.used_ns < oldest]
    dropped = {name for name in unused if dry_run or _discard(layout, layout.blob(name), oldest)}
    leftovers = _tidy(layout, now, dry_run)
    freed = sum(e.stored.size for e in entries if e.stored.key in gone) + sum(held[name].size for name in dropped)
    total = sum(e.stored.size for e in entries) + sum(blob.size for blob in held.values())
    kept_blobs = len(held) - len(dropped)
    return Swept(len(gone), len(dropped), freed, leftovers, len(entries) - len(gone), kept_blobs, total - freed)


def _survey(records: Records) -> list[_Entry]:
    """Read every record; one that cannot be read may reach anything, so nothing is removed then."""
    entries = []
    try:
        for key, _ in records.all():
            stored = records.load(key) if key else None
            if stored is not None:
                entries.append(_entry(records, stored))
    except (OSError, errors.StoreVersionError) as problem:
        raise errors.sweep_refused(getattr(problem, "filename", None) or records.layout.actions, problem) from problem
    return entries


def _entry(records: Records, stored: Stored) -> _Entry:
    reached = records.reach(stored.record)
    if reached is None:  # a manifest is gone: what else it named cannot be known, and cannot be restored
        named = (r.digest.hex for r in references(stored.record))
        return _Entry(stored, frozenset(named), whole=False)
    return _Entry(stored, frozenset(d.hex for d in reached), all(map(records.blobs.holds, reached)))


def _choose(entries: list[_Entry], held: Mapping[str, Held], keeping: Keeping, now: int) -> list[_Entry]:
    """Pick the records to remove: those without their blobs, then the least recently used."""
    oldest = now - int(keeping.grace_s * _S)
    young = min(oldest, now - int(keeping.days * GRACE_S * _S))
    users = Counter(name for entry in entries for name in entry.reached)
    sizes = {name: blob.size for name, blob in held.items() if blob.used_ns < oldest}
    size = sum(blob.size for blob in held.values()) + sum(entry.stored.size for entry in entries)
    size -= sum(count for name, count in sizes.items() if not users[name])
    free = [e for e in entries if e.stored.key not in keeping.roots and e.stored.used_ns < young]
    doomed = []
    for entry in sorted(free, key=lambda e: (e.whole, e.stored.used_ns)):
        if entry.whole and keeping.max_size is not None and size <= keeping.max_size:
            break
        doomed.append(entry)
        users.subtract(entry.reached)
        size -= entry.stored.size + sum(sizes.get(name, 0) for name in entry.reached if not users[name])
    return doomed


def _discard(layout: Layout, place: str, oldest: int) -> bool:
    """Remove a file unless somebody has used it meanwhile.

    It is moved away first and looked at then: a look before could be overtaken by a build that renews its time and
    relies on it.
    """
    aside = layout.spare()
    try:
        os.rename(place, aside)
    except FileNotFoundError:
        return False
    except OSError as problem:
        if problem.errno not in disk.FULL:
            raise
        aside = place  # not even room for a name: freeing some matters more than a narrow race
    if os.lstat(aside).st_mtime_ns < oldest:
        os.unlink(aside)
        return True
    if aside != place:
        disk.settle(aside, place)
        with suppress(FileNotFoundError):
            os.unlink(aside)
    return False


# ---- what ended processes left behind


def _tidy(layout: Layout, now: int, dry_run: bool) -> int:
    """Remove leftovers of a kill, old damage, and locks that nobody has used for a day; count the first."""
    count = 0
    for place in _older(layout.tmp, now - int(GRACE_S * _S)):
        held = locks.claim(place) if disk.is_folder(place) else -1
        if held is None:  # a stage is at work in it
            continue
        count += 1
        if not dry_run:
            with suppress(OSError):
                disk.remove(place)
        _let_go(held)
    if not dry_run:
        for place in _older(layout.quarantine, now - int(_QUARANTINE_S * _S)):
            with suppress(OSError):
                disk.remove(place)
        _unlock(_older(layout.locks, now - int(GRACE_S * _S)))
    return count


def _unlock(places: Iterable[str]) -> None:
    for place in places:
        held = locks.claim(place)
        if held is not None:  # whoever opened it before this looks again once he has the lock
            with suppress(OSError):
                os.unlink(place)
            _let_go(held)


def _let_go(held: int) -> None:
    if held >= 0:
        os.close(held)


def _older(folder: str, than_ns: int) -> Iterator[str]:
    for name in disk.listed(folder):
        place = os.path.join(folder, name)
        seen = disk.look(place)
        if seen is not None and seen.st_mtime_ns < than_ns:
            yield place
