"""Writes a file whose content is named on the way."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from ..digest import Algorithm, Digest, Stat, hashing
from .protocol import Written

_PIECE = 1 << 20  # bytes that go through the digest and to the disk while they are in the processor's cache


class Digesting:
    """A new file, open for writing from its beginning to its end; a second one at the same place starts again."""

    def __init__(self, path: Path, algorithm: Algorithm) -> None:
        self.path, self.algorithm, self.hash, self.size = path, algorithm, hashing(algorithm), 0

    def __enter__(self) -> Digesting:
        self.fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fd)

    def write(self, data: bytes | memoryview) -> int:
        """Write all of ``data``."""
        whole = memoryview(data)
        for start in range(0, len(whole), _PIECE):
            piece = whole[start : start + _PIECE]
            self.hash.update(piece)
            while piece:
                piece = piece[os.write(self.fd, piece) :]
        self.size += len(whole)
        return len(whole)

    def written(self) -> Written:
        """Name what was written; the file is closed."""
        return Written(Stat.of(self.path), Digest(self.hash.hexdigest(), self.size), self.algorithm)
