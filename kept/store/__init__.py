"""Keeps blobs by digest, beside the records that say what they came of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import errors
from ..digest import Algorithm, Digest, Stat, digest_file
from . import disk
from .blobs import Blobs
from .layout import Layout
from .records import Records, Stored
from .trees import digest_folder, manifest

if TYPE_CHECKING:
    from .sweep import Keeping, Swept
    from .usage import Usage
    from .verify import Fault, Finding, Verified
    from .workshops import clear_temporary, temporary

__all__ = [
    "Fault",
    "Finding",
    "Keeping",
    "Store",
    "Stored",
    "Swept",
    "Usage",
    "Verified",
    "clear_temporary",
    "digest_folder",
    "temporary",
]


_LATE = {  # loaded when first asked for
    "Keeping": "sweep",
    "Swept": "sweep",
    "Usage": "usage",
    "Fault": "verify",
    "Finding": "verify",
    "Verified": "verify",
    "clear_temporary": "workshops",
    "temporary": "workshops",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _LATE:
        raise AttributeError(f"module 'kept.store' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f".{_LATE[name]}", __name__), name)
    return value


def _nobody(_: str) -> None:
    """Wait without a word."""


class Store:
    """Content by digest and records by action key, in one folder.

    Making one reads and writes nothing; the folder is made at the first write. ``warn`` is told, in one line each,
    of what is damaged; without it the lines gather in ``warnings``. All content in it is named by ``algorithm``. Every
    method may raise ``StoreVersionError``, which ``StoreAlgorithm`` is too, and OSError where the disk itself fails;
    those that write, ``StoreFull`` and ``StoreReadOnly``.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        warn: Callable[[str], None] | None = None,
        algorithm: Algorithm = "sha256",
        *,
        still: bool = False,
    ) -> None:
        self.root = Path(os.path.abspath(root))
        self.warnings: list[str] = []
        self.algorithm: Algorithm = algorithm
        self._layout = Layout(self.root, still=still, algorithm=algorithm)
        self._blobs = Blobs(self._layout, warn or self.warnings.append)
        self._records = Records(self._layout, self._blobs)

    def __reduce__(self) -> tuple[type[Store], tuple[Path, None, Algorithm]]:
        return Store, (self.root, None, self.algorithm)  # another process looks at everything anew

    def check(self) -> None:
        """Refuse a store of another version of kept or another algorithm; one that is not there yet is fine."""
        self._layout.check()

    def require_writable(self) -> None:
        """Refuse a store that this user cannot write to: ``StoreReadOnly``; or that is full: ``StoreFull``."""
        with self._layout.draft(0):
            pass

    # ---- content

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """Make a private empty folder on the store's file system, removed at the end.

        A file made in it can be put without a copy. While it is in use no sweep removes it; what a killed process has
        left goes when the next one makes its first.
        """
        from . import locks, workshops

        self._layout.prepare()
        workshops.clear(self._layout)
        place = self._layout.spare(workshops.HERE)
        with self._layout.writing(0):
            os.mkdir(place, 0o700)
        held = locks.claim(place)
        try:
            yield Path(place)
        finally:
            with suppress(OSError):
                disk.remove(place)
            if held is not None:
                os.close(held)

    def put_bytes(self, data: bytes) -> Digest:
        """Keep some bytes; they survive a power cut once a record that names them is published."""
        return self._blobs.put_bytes(data)

    def put(self, path: str | os.PathLike[str], known: tuple[Stat, Digest] | None = None) -> Digest:
        """Keep a file or a folder; for a folder, the digest is that of its manifest.

        A file in a workshop becomes the blob itself, and is gone from there. ``known`` says what a file held when it
        looked so: it is not read again if it still does.
        """
        name = os.fspath(path)
        if known is None and os.path.isdir(name):
            return self._blobs.put_bytes(manifest(name, self._blobs.put_file).encoded())
        if known is not None:
            from . import same

            same.compare(self._blobs, name, known)
        return self._blobs.put_file(name, known, alone=True)

    def name(self, path: str | os.PathLike[str], file: Callable[[str], Digest] | None = None) -> Digest:
        """Name a file or a folder as ``put`` would, without keeping anything; ``file`` may know the files."""
        file = file or (lambda place: digest_file(place, self.algorithm))
        name = os.fspath(path)
        return digest_folder(name, file, self.algorithm) if os.path.isdir(name) else file(name)

    def read(self, digest: Digest) -> bytes:
        """Return a blob's content, verified; ``BlobMissing`` if it is missing or damaged."""
        return self._blobs.read(digest)

    def path(self, digest: Digest) -> Path | None:
        """Return the place of a blob, verified once per process and stat; None if it is missing or damaged."""
        return self._blobs.path(digest)

    def holds(self, digest: Digest) -> bool:
        """Say whether a regular file of the right size is there; its content is not read."""
        return self._blobs.holds(digest)

    def restore(
        self, digest: Digest, target: str | os.PathLike[str], tree: bool = False
    ) -> Mapping[str, tuple[Stat, Digest]]:
        """Put content at ``target``, whole or not at all; ``BlobMissing`` if any of it is missing or damaged.

        With ``tree`` the digest is a manifest's and ``target`` becomes the folder that it describes, nothing else in
        it. The result is a file of its own (shared blocks or a copy); only from 256 MiB on, where blocks cannot be
        shared, it may be a second name of the blob, read-only. Returns the files that need not be read to know what
        they hold, while they look so.
        """
        from . import copies

        return copies.restore(self._blobs, digest, os.path.abspath(target), tree)

    # ---- records

    def publish(self, key: str, record: Mapping[str, Any], *, instead: bool = False) -> Mapping[str, Any]:
        """Keep what came of an action; return the record that is kept.

        Put its blobs first. Where a record of this key is there already, with all its blobs, that one stays and is
        returned: its outputs are the ones to go on with, and if they differ the stage is not deterministic. With
        ``instead`` it is replaced: somebody wants to have it made anew.
        """
        return self._records.publish(key, record, instead=instead)

    def lookup(self, key: str) -> Mapping[str, Any] | None:
        """Return the record of an action if it is sound and its blobs are there, and note that it is used.

        What is damaged, or belongs to another key, is moved to the quarantine and is None, too.
        """
        return self._records.lookup(key)

    def withdraw(self, key: str) -> None:
        """Forget one record, durably; its blobs are left to the sweep."""
        self._records.withdraw(key)

    def records(self) -> Iterator[Stored]:
        """Read all sound records, in no order that means anything; their use is not noted."""
        for key, _ in self._records.all():
            stored = None
            with suppress(errors.StoreVersionError):  # of a newer kept that shares this store
                stored = self._records.load(key) if key else None
            if stored is not None:
                yield stored

    def reach(self, record: Mapping[str, Any]) -> frozenset[Digest] | None:
        """Name all blobs of a record, the files of its folders too; None if a manifest is missing."""
        return self._records.reach(record)

    def lock(self, key: str, waiting: Callable[[str], None] = _nobody, text: str = "") -> AbstractContextManager[None]:
        """Let one process at a time build a key; ``text`` is shown to those who wait, through ``waiting``, once."""
        from . import locks

        return locks.lock(self._layout, key, waiting, text)

    # ---- upkeep

    def gc(
        self,
        roots: Iterable[str] = (),
        *,
        max_size: int | None = None,
        keep_days: float = 0,
        grace_s: float | None = None,
        dry_run: bool = False,
    ) -> Swept:
        """Remove records and blobs that no root reaches; ``SweepRefused`` where that cannot be known.

        Never removed: ``roots`` (action keys), what was used in the last ``keep_days``, what is younger than the
        grace time (a day), and what these reach. Of the rest everything goes or, with ``max_size`` (bytes), the least
        recently used until the store fits.
        """
        from . import sweep

        grace_s = sweep.GRACE_S if grace_s is None else grace_s
        keeping = sweep.Keeping(frozenset(roots), max_size, keep_days, grace_s)
        return sweep.clear(self._records, keeping, dry_run)

    def verify(self, repair: bool = False) -> Verified:
        """Read all that the store holds; with ``repair``, move aside what is damaged or refers to nothing."""
        from . import verify

        return verify.examine(self._records, repair)

    def du(self) -> Usage:
        """Count the bytes of every blob, of the records and of what is set aside; nothing is read or changed."""
        from . import usage

        return usage.measure(self._layout)

    # ---- trust

    @property
    def private(self) -> bool:
        """Say whether nobody but this user can write records; a store that is not there yet is private."""
        return not self._layout.outsider()

    def require_private(self) -> None:
        """Refuse, with the way out, a store that others can write to: what it holds may be code."""
        place = self._layout.outsider()
        if place:
            raise errors.store_not_private(place)
