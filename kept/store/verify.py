"""Reads all that a store holds, to say what of it is sound."""

from __future__ import annotations

import enum
import os
from dataclasses import replace

from ..digest import Algorithm
from ..lean import dataclass
from . import disk
from .records import DamagedError, NewerError, Records, Stored, references


class Fault(enum.IntFlag):
    """What is wrong with a part of the store; the values are the bits of the exit code."""

    CORRUPT = 1  # not what was put there
    UNTRUSTED = 2  # somebody else could have put it there
    UNVERIFIABLE = 4  # cannot be read, is missing, or is of a newer kept


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in words; ``repaired`` if it has been seen to."""

    fault: Fault
    place: str
    why: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """What was read, and all that is wrong with it."""

    blobs: int
    records: int
    bytes: int
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """Join the bits of what is wrong still: 1 corrupt, 2 untrusted, 4 unverifiable."""
        code = 0
        for finding in self.findings:
            code |= 0 if finding.repaired else int(finding.fault)
        return code


def examine(records: Records, repair: bool) -> Verified:
    """Check every blob, then every record; with ``repair``, see to what is damaged or refers to nothing."""
    records.layout.check()
    findings: list[Finding] = []
    outsider = records.layout.outsider()
    if outsider:
        findings.append(Finding(Fault.UNTRUSTED, outsider, "others can write here"))
    sound: dict[str, int] = {}
    blobs = list(records.blobs.all())
    for name, place in blobs:
        size, wrong = _blob(name, place, records.blobs.algorithm)
        if wrong is None:
            sound[name] = size
        else:
            findings.append(_mended(records, "blob", wrong) if repair and wrong.fault is Fault.CORRUPT else wrong)
    count = 0
    for key, place in records.all():
        count += 1
        wrong = _record(records, key, place, sound)
        if wrong is not None:
            findings.append(_mended(records, "record", wrong) if repair and wrong.fault is Fault.CORRUPT else wrong)
    return Verified(len(blobs), count, sum(sound.values()), tuple(findings))


def _mended(records: Records, what: str, wrong: Finding) -> Finding:
    records.blobs.set_aside(wrong.place, what, wrong.why)
    return replace(wrong, repaired=disk.look(wrong.place) is None)


def _unreadable(place: str, problem: OSError) -> Finding:
    return Finding(Fault.UNVERIFIABLE, place, f"cannot be read: {problem.strerror or problem}")


def _blob(name: str, place: str, algorithm: Algorithm) -> tuple[int, Finding | None]:
    if not name:
        return 0, Finding(Fault.UNVERIFIABLE, place, "is no blob's name")
    try:
        with disk.opened(place) as (fd, _):
            found = disk.digest(fd, algorithm)
    except disk.PlantedError:
        return 0, Finding(Fault.CORRUPT, place, "is no regular file")
    except OSError as problem:
        return 0, _unreadable(place, problem)
    if found.hex != name:
        return 0, Finding(Fault.CORRUPT, place, "does not hold what it is named after")
    return found.size, None


def _record(records: Records, key: str, place: str, sound: dict[str, int]) -> Finding | None:
    if not key:
        return Finding(Fault.UNVERIFIABLE, place, "is no record's name")
    try:
        stored = records.examine(key)
    except DamagedError as problem:
        return Finding(Fault.CORRUPT, place, str(problem))
    except NewerError:
        return Finding(Fault.UNVERIFIABLE, place, "is a record of a newer kept")
    except OSError as problem:
        return _unreadable(place, problem)
    named = references(stored.record)
    if all(sound.get(r.digest.hex) == r.digest.size for r in named):  # reading a sound manifest moves nothing aside
        reached = records.reach(stored.record)
        if reached is not None and all(sound.get(d.hex) == d.size for d in reached):
            return _owned(stored, place)
    return Finding(Fault.CORRUPT, place, "refers to blobs that are missing or damaged")


def _owned(stored: Stored, place: str) -> Finding | None:
    if hasattr(os, "geteuid") and stored.owner != os.geteuid():
        return Finding(Fault.UNTRUSTED, place, f"was written by another user ({stored.owner})")
    return None
