"""Reads all that a store holds, to say what of it is sound.

Runs and sweeps go on meanwhile. What goes while this reads was swept and is no finding; what a record names that was
not there when the blobs were listed was built since, and is looked at itself.
"""

from __future__ import annotations

import enum
import os

from ..digest import Digest
from ..lean import dataclass
from . import disk
from .records import DamagedError, NewerError, Records, Stored, references

_GONE = (FileNotFoundError, NotADirectoryError)


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
    reading, counts = _Reading(records), {"blob": 0, "record": 0}
    for what, parts, check in (("blob", records.blobs, reading.blob), ("record", records, reading.record)):
        for name, place in list(parts.all()):
            try:
                check(name, place)
            except _GONE:
                continue
            except _WrongError as wrong:
                findings.append(_found(records, what, place, wrong, repair))
            except OSError as problem:
                findings.append(Finding(Fault.UNVERIFIABLE, place, f"cannot be read: {problem.strerror or problem}"))
            counts[what] += 1
    return Verified(counts["blob"], counts["record"], sum(reading.sound.values()), tuple(findings))


class _WrongError(Exception):
    """A part of the store is not sound; ``seen`` is the file that was looked at."""

    def __init__(self, fault: Fault, why: str, seen: os.stat_result | None = None) -> None:
        super().__init__(why)
        self.fault, self.seen = fault, seen


def _found(records: Records, what: str, place: str, wrong: _WrongError, repair: bool) -> Finding:
    if not repair or wrong.fault is not Fault.CORRUPT:
        return Finding(wrong.fault, place, str(wrong))
    records.blobs.set_aside(place, what, str(wrong), wrong.seen)
    now = disk.look(place)
    # What another process has put there meanwhile is not what was found wrong.
    repaired = now is None or (wrong.seen is not None and now.st_ino != wrong.seen.st_ino)
    return Finding(wrong.fault, place, str(wrong), repaired)


class _Reading:
    """What was read: ``sound`` has the sizes of the blobs that are right, by name.

    A part that is right returns; else ``_WrongError`` or an OSError says what is wrong, or that the part has gone.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.sound: dict[str, int] = {}

    def blob(self, name: str, place: str) -> None:
        """Check a blob."""
        if not name:
            raise _WrongError(Fault.UNVERIFIABLE, "is no blob's name")
        seen = os.lstat(place)
        try:
            with disk.opened(place) as (fd, seen):
                found = disk.digest(fd, self.records.blobs.algorithm)
        except disk.PlantedError:
            raise _WrongError(Fault.CORRUPT, "is no regular file", seen) from None
        if found.hex != name:
            raise _WrongError(Fault.CORRUPT, "does not hold what it is named after", seen)
        self.sound[name] = found.size

    def record(self, key: str, place: str) -> None:
        """Check a record, and that all it names is there; once more if it was made anew meanwhile."""
        if not key:
            raise _WrongError(Fault.UNVERIFIABLE, "is no record's name")
        while True:
            seen = os.lstat(place)
            stored = self._stored(key, seen)
            wrong = self._reached(stored)
            if wrong is None:
                break
            if disk.stat_of(os.lstat(place)) == disk.stat_of(seen):
                wrong.seen = seen
                raise wrong
        if hasattr(os, "geteuid") and stored.owner != os.geteuid():
            raise _WrongError(Fault.UNTRUSTED, f"was written by another user ({stored.owner})")

    def _stored(self, key: str, seen: os.stat_result) -> Stored:
        try:
            return self.records.examine(key)
        except DamagedError as problem:
            raise _WrongError(Fault.CORRUPT, str(problem), problem.seen or seen) from None
        except NewerError:
            raise _WrongError(Fault.UNVERIFIABLE, "is a record of a newer kept") from None

    def _reached(self, stored: Stored) -> _WrongError | None:
        """Say what is wrong with the blobs of a record; a manifest is right before it is read, which may move it."""
        try:
            whole = all(self._holds(reference.digest) for reference in references(stored.record))
            reached = self.records.reach(stored.record) if whole else None
            if reached is not None and all(map(self._holds, reached)):
                return None
        except OSError as problem:
            why = f"refers to blobs that cannot be read: {problem.strerror or problem}"
            return _WrongError(Fault.UNVERIFIABLE, why)
        return _WrongError(Fault.CORRUPT, "refers to blobs that are missing or damaged")

    def _holds(self, digest: Digest) -> bool:
        if digest.hex not in self.sound:  # listed before it was put, or damaged then
            try:
                self.blob(digest.hex, self.records.layout.blob(digest.hex))
            except (*_GONE, _WrongError):
                return False
        return self.sound[digest.hex] == digest.size
