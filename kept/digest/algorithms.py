"""Names bytes by one of the algorithms that a store may use; no store holds names of two."""

from __future__ import annotations

import hashlib
from typing import Literal, Protocol

from .. import errors

Algorithm = Literal["sha256", "blake3"]


class Hashing(Protocol):
    """What takes bytes piece by piece, and names them in 64 hex digits."""

    def update(self, data: bytes | memoryview, /) -> object: ...  # noqa: D102  # its class tells
    def hexdigest(self) -> str: ...  # noqa: D102  # its class tells


def hashing(algorithm: Algorithm) -> Hashing:
    """Begin to name bytes; KeptError where the library for it is not installed."""
    if algorithm == "sha256":
        return hashlib.sha256()
    try:
        # Only here: who digests nothing does not wait for it.
        import blake3  # type: ignore[import-not-found, unused-ignore]  # optional
    except ImportError as problem:
        raise errors.no_blake3(problem) from None
    named: Hashing = blake3.blake3()
    return named
