"""Names content: canonical encoding of plain values, digests of bytes, files and trees, remembered by stat."""

from .algorithms import Algorithm, Hashing, hashing
from .files import RACY_NS, Digest, Stat, below, digest_bytes, digest_file, digest_tree, is_name
from .memo import Memo
from .shapes import fits
from .values import canonical_json, digest_value, encode

__all__ = [
    "RACY_NS",
    "Algorithm",
    "Digest",
    "Hashing",
    "Memo",
    "Stat",
    "below",
    "canonical_json",
    "digest_bytes",
    "digest_file",
    "digest_tree",
    "digest_value",
    "encode",
    "fits",
    "hashing",
    "is_name",
]
