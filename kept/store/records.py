"""Keeps what came of each action, by action key.

A record is a file of canonical JSON: ``{"checksum", "format", "key", "record"}``. ``record`` is the caller's;
``key`` binds it to its name; ``checksum`` is the SHA-256 of the canonical JSON of the other three.
Of the caller's record two entries are known here, for they name blobs: ``outputs``, a list of
``{"digest", "size", "tree"}`` (further entries allowed), and ``sources``, one ``{"digest", "size"}``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from .. import errors
from ..digest import Digest, canonical_json, digest_bytes
from ..lean import dataclass
from . import disk
from .blobs import Blobs
from .layout import Layout
from .trees import Manifest

FORMAT = 1
LARGEST = 64 << 20  # a record is small; a file this large was planted and would fill the memory


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it lies in the store: when it was last used, by the store's clock, and the bytes it takes."""

    key: str
    record: Mapping[str, Any]
    used_ns: int
    size: int
    owner: int


class DamagedError(Exception):
    """A file under a record's name that is no sound record of that name; ``seen`` is that file."""

    seen: os.stat_result | None = None


class NewerError(Exception):
    """A record in a format that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A blob that a record names; for a ``tree`` it is a manifest, which names more."""

    digest: Digest
    tree: bool


def references(record: Mapping[str, Any]) -> tuple[Reference, ...]:
    """List the blobs that a record names; ValueError if it does not name them properly."""
    rows = list(record.get("outputs", ()))
    if record.get("sources") is not None:
        rows.append(record["sources"])
    found = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise ValueError(row)
        found.append(Reference(Digest.read(row.get("digest"), row.get("size")), row.get("tree") is True))
    return tuple(found)


def sealed(key: str, record: Mapping[str, Any]) -> bytes:
    """Write a record as it lies in the store."""
    body = canonical_json({"format": FORMAT, "key": key, "record": record})
    return b'{"checksum":"%s",%s' % (digest_bytes(body).hex.encode(), body[1:])  # its first name in order


def unsealed(key: str, data: bytes) -> Mapping[str, Any]:
    """Read what ``sealed`` wrote; ``DamagedError`` if it is anything else, ``NewerError`` if it is of the future."""
    try:
        found = json.loads(data)
        checksum, kind, record = found.pop("checksum"), found["format"], found["record"]
        right = digest_bytes(canonical_json(found)).hex
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedError("is no record") from None
    if checksum != right:
        raise DamagedError("has a wrong checksum")
    if type(kind) is int and kind > FORMAT:
        raise NewerError
    if found.get("key") != key:
        raise DamagedError("belongs to another key")
    try:
        references(record)
    except (ValueError, TypeError, AttributeError):
        raise DamagedError("names no blobs") from None
    return record  # type: ignore[no-any-return]  # JSON is Any; it was an object when it was sealed


class Records:
    """The records of one store."""

    def __init__(self, layout: Layout, blobs: Blobs) -> None:
        self.layout, self.blobs = layout, blobs

    def load(self, key: str) -> Stored | None:
        """Return a record, whether or not its blobs are there; None if it is missing or damaged.

        Damage is moved to the quarantine; a file that cannot be read (OSError) or is of a newer format
        (``StoreVersionError``) is left alone.
        """
        try:
            return self.examine(key)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except NewerError:
            raise errors.store_version(self.layout.action(key), "a newer record") from None
        except DamagedError as problem:
            self.blobs.set_aside(self.layout.action(key), "record", str(problem), problem.seen)
        return None

    def examine(self, key: str) -> Stored:
        """Read a record and touch nothing: ``DamagedError``, ``NewerError`` or an OSError says what is wrong."""
        self.layout.check()
        seen, place = None, self.layout.action(key)
        try:
            with disk.opened(place) as (fd, seen):
                if not self.layout.owns(place):
                    raise disk.PlantedError(place)
                if seen.st_size > LARGEST:
                    raise DamagedError("is too large for a record")
                data = b"".join(disk.chunks(fd))
            return Stored(key, unsealed(key, data), seen.st_mtime_ns, seen.st_size, seen.st_uid)
        except disk.PlantedError:
            raise DamagedError("is no regular file") from None
        except DamagedError as problem:
            problem.seen = seen
            raise

    def lookup(self, key: str) -> Mapping[str, Any] | None:
        """Return a record all of whose blobs are there, and note that it and they are used."""
        try:
            stored = self.load(key)
        except errors.StoreVersionError:
            self.layout.check()  # a newer store is an error, a newer record in this one a miss
            return None
        reached = self.reach(stored.record) if stored is not None else None
        if stored is None or reached is None or not all(map(self.blobs.holds, reached)):
            return None
        # The record first: a sweep that sees it young leaves the blobs, too.
        self.blobs.note(self.layout.action(key))
        for digest in reached:
            self.blobs.note(self.layout.blob(digest.hex))
        return stored.record

    def reach(self, record: Mapping[str, Any]) -> frozenset[Digest] | None:
        """Name all blobs of a record, the files of its folders too; None if a manifest is missing or none."""
        found: set[Digest] = set()
        for reference in references(record):
            found.add(reference.digest)
            if reference.tree:
                try:
                    tree = Manifest.decoded(self.blobs.read(reference.digest))
                except errors.KeptError:
                    return None
                found.update(file.digest for file in tree.files)
        return frozenset(found)

    def publish(self, key: str, record: Mapping[str, Any], *, instead: bool = False) -> Mapping[str, Any]:
        """Keep a record, durably; return the one that is kept: an earlier one wins while its blobs are there.

        With ``instead`` it wins over any but a newer kept's: there is no moment without a record.
        """
        references(record)
        place, data = self.layout.action(key), sealed(key, record)
        with self.layout.draft(len(data)) as draft:
            disk.write(draft.fd, data)
            os.fsync(draft.fd)
            self.layout.folder(os.path.dirname(place))
            while not disk.settle(draft.path, place):
                winner = self.lookup(key)
                if winner is not None and not instead:
                    return winner
                if disk.look(place) is None:  # it was damaged, and is in the quarantine now
                    continue
                if self._newer(key):
                    break
                os.replace(draft.path, place)  # its blobs are gone, or it is to be made anew
                break
        # A blob's name may be lost with the power; a record's takes the blobs' names with it to the disk.
        disk.sync_folder(os.path.dirname(place))
        return record

    def _newer(self, key: str) -> bool:
        try:
            self.load(key)
        except errors.StoreVersionError:
            return True
        return False

    def withdraw(self, key: str) -> None:
        """Forget a record, durably: a power cut does not bring it back."""
        self.layout.check()
        place = self.layout.action(key)
        if not self.layout.owns(place):
            return
        try:
            os.unlink(place)
        except (FileNotFoundError, NotADirectoryError):
            return
        disk.sync_folder(os.path.dirname(place))

    def all(self) -> Iterator[tuple[str, str]]:
        """List (key, place) of all records; what does not belong there has an empty key."""
        self.layout.check()
        return self.layout.names(self.layout.actions)
