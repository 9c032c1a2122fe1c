"""What the stages that run in one process share: the store, and a folder in it that they use in turn."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import errors
from ..digest import Algorithm, Digest
from ..store import Store, temporary


class Workplace:
    """Where stages of a project run; ``named`` tells what an input holds, looked at after the stage as before it.

    The folder is private and empty when a stage begins. One that a stage has left anything in, or has moved or removed,
    is not used again: the next stage gets another.
    """

    def __init__(
        self, store: str, algorithm: Algorithm = "sha256", named: Callable[[str], Digest] | None = None
    ) -> None:
        self.warnings: list[str] = []
        self.store = Store(store, self.warnings.append, algorithm)
        self.named = named or self.store.name
        self._made = contextlib.ExitStack()
        self._folder: Path | None = None
        self._identity: tuple[int, int] | None = None

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Give a stage the folder; it lies in the store if that can be written: artifacts are adopted uncopied then."""
        folder = self._folder
        if folder is None or _identity(folder) != self._identity:
            self.close()
            folder = self._folder = self._new()
            self._identity = _identity(folder)
        try:
            yield folder
        finally:
            if not _empty(folder):
                self.close()

    def _new(self) -> Path:
        try:
            return self._made.enter_context(self.store.workshop())
        except errors.StoreReadOnly:
            return Path(self._made.enter_context(temporary()))

    def close(self) -> None:
        """Remove the folder with all that is in it; another is made when one is asked for."""
        self._folder = None
        self._made.close()


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        seen = os.lstat(folder)
    except OSError:
        return None
    return seen.st_dev, seen.st_ino


def _empty(folder: Path) -> bool:
    try:
        return not os.listdir(folder)
    except OSError:
        return False
