"""Names content: canonical encoding of plain values, digests of bytes, files and trees, remembered by stat."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
import struct
import sys
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import errors, receipt

# A file whose time lies this close to the moment of digesting may change once more without its stat changing.
RACY_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Digest:
    """The name of content: SHA-256 in lower-case hex, with the size in bytes beside it."""

    hex: str
    size: int


@dataclass(frozen=True, slots=True)
class Stat:
    """What a file system says of a file; equal stats that are not racy mean equal bytes."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Stat:
        """Look at ``path``; OSError if it is not there."""
        seen = os.stat(path)
        return cls(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)

    def racy_at(self, now_ns: int) -> bool:
        """Say whether a file digested at ``now_ns``, by its file system's clock, may change unseen."""
        return max(self.mtime_ns, self.ctime_ns) > now_ns - RACY_NS


# ---- values: type and length on every item, so that no two values share an encoding


def digest_value(value: object, code: Callable[[object], str] | None = None) -> str:
    """Name a plain value; ``code`` names the functions and classes in it (refused without)."""
    return hashlib.sha256(encode(value, code)).hexdigest()


def encode(value: object, code: Callable[[object], str] | None = None) -> bytes:
    """Write a value in its one canonical form, or refuse it: no repr, no pickle, no salted hash."""
    return _Encoder(code).encode(value)


def _item(tag: str, body: bytes) -> bytes:
    return b"%s%d:%s" % (tag.encode(), len(body), body)


class _Encoder:
    """One walk over a value; it remembers where it is, to refuse a value that contains itself."""

    def __init__(self, code: Callable[[object], str] | None) -> None:
        self.code = code
        self.above: list[int] = []

    def encode(self, value: object) -> bytes:
        kind = type(value)
        plain = _PLAIN.get(kind)
        if plain is not None:
            return plain(value)
        if id(value) in self.above:
            raise errors.contains_itself(value)
        self.above.append(id(value))
        try:
            return self._rich(value, kind)
        finally:
            self.above.pop()

    def _all(self, values: Iterable[object]) -> bytes:
        return b"".join(map(self.encode, values))

    def _rich(self, value: Any, kind: type) -> bytes:
        if kind is tuple:
            return _item("t", self._all(value))
        if kind is list:
            return _item("l", self._all(value))
        if kind is dict:
            pairs = sorted(self.encode(k) + self.encode(v) for k, v in value.items())
            return _item("d", b"".join(pairs))
        if kind in (set, frozenset):
            return _item("S" if kind is set else "F", b"".join(sorted(map(self.encode, value))))
        if kind in (range, slice):
            return _item("r" if kind is range else "L", self._all((value.start, value.stop, value.step)))
        return self._named(value, kind)

    def _named(self, value: Any, kind: type) -> bytes:
        """Values whose type is more than a letter: it is written out before the content."""
        import enum
        from dataclasses import fields, is_dataclass

        name = _qualified(kind)
        if isinstance(value, enum.Enum):
            return _item("E", self._all((name, value.name, value.value)))
        if is_dataclass(kind):
            return _item("D", self._all((name, {f.name: getattr(value, f.name) for f in fields(value)})))
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return _item("N", self._all((name, tuple(value))))
        if isinstance(value, os.PathLike) and isinstance(value, Path):
            if value.is_absolute():
                raise errors.absolute_parameter(value)
            return _item("P", value.as_posix().encode("utf-8", "surrogateescape"))
        known = _exact_text(value, kind)
        if known is not None:
            return _item("X", self._all((name, known)))
        numpy = sys.modules.get("numpy")  # a value of numpy's exists only where numpy is loaded already
        if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
            return self._array(value, numpy)
        if self.code is not None and (isinstance(value, type) or callable(value)):
            return _item("C", self.code(value).encode())
        raise errors.no_digest(value)

    def _array(self, value: Any, numpy: Any) -> bytes:
        array = numpy.asarray(value)
        scalar = isinstance(value, numpy.generic)
        if type(value) is not numpy.ndarray and not scalar:
            raise errors.no_digest(value)  # masked arrays, matrices: bytes alone do not say what they mean
        if array.dtype.hasobject:
            return _item("O", self._all((array.shape, array.ravel().tolist())))
        layout = (scalar, numpy.lib.format.dtype_to_descr(array.dtype), array.shape)
        return _item("A", self._all(layout) + numpy.ascontiguousarray(array).tobytes())


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _float(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack(">d", value)  # one NaN; -0.0 keeps its sign


_PLAIN: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"n0:",
    bool: lambda v: b"b1:1" if v else b"b1:0",
    int: lambda v: _item("i", b"%x" % v),
    float: lambda v: _item("f", _float(v)),
    complex: lambda v: _item("c", _item("f", _float(v.real)) + _item("f", _float(v.imag))),
    str: lambda v: _item("s", v.encode("utf-8", "surrogatepass")),
    bytes: lambda v: _item("y", v),
    type(...): lambda _: b".0:",
}


def _exact_text(value: Any, kind: type) -> str | None:
    """Write a value of the standard library whose text says all of it; None for any other type."""
    module = kind.__module__
    if module == "datetime":
        if kind.__name__ == "timedelta":
            return f"{value.days} {value.seconds} {value.microseconds}"
        if kind.__name__ in ("datetime", "date", "time", "timezone"):
            zone = getattr(value, "tzinfo", None)
            fold = getattr(value, "fold", 0)
            return f"{value.isoformat() if hasattr(value, 'isoformat') else value} {zone!r} {fold}"
    if (module, kind.__name__) in {("decimal", "Decimal"), ("fractions", "Fraction"), ("uuid", "UUID")}:
        return str(value)
    return None


def canonical_json(value: object) -> bytes:
    """Write JSON in one way only: sorted keys, ASCII, no NaN, no spaces."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


# ---- bytes, files and trees


def digest_bytes(data: bytes) -> Digest:
    """Name some bytes."""
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


def digest_file(path: str | os.PathLike[str]) -> Digest:
    """Name what a file holds; it is streamed, so it may be larger than memory."""
    with open(path, "rb") as file:
        hashed = hashlib.file_digest(file, "sha256")
        return Digest(hashed.hexdigest(), file.tell())


def digest_tree(path: str | os.PathLike[str], file: Callable[[str], Digest] = digest_file) -> Digest:
    """Name a folder by the relative names and contents of its files; empty folders count, times do not."""
    top, size = os.fspath(path), 0
    rows: list[tuple[str, str]] = []
    for folder, folders, names in os.walk(top):
        folders.sort()
        inside = os.path.relpath(folder, top).replace(os.sep, "/")
        rows.append((inside + "/", ""))
        for name in [*names, *(f for f in folders if os.path.islink(os.path.join(folder, f)))]:
            place = os.path.join(folder, name)
            if os.path.isdir(place):
                rows.append((f"{inside}/{name}", "link " + os.readlink(place)))
                continue
            found = file(place)
            size += found.size
            rows.append((f"{inside}/{name}", found.hex))
    return Digest(digest_value(sorted(rows)), size)


class Memo:
    """Remembers digests by stat, and other facts by name, in ``memo.db``; all of it can be computed again.

    ``files``  path (as given), size, mtime_ns, ctime_ns, inode, seen_ns (the file system's clock when digested), digest
    ``facts``  kind, name, value (bytes): summaries of source files, plans of fingerprints, claims of stages

    A file that cannot be read as a database is thrown away and started again: it is memory, not truth. A ``still``
    memory writes nothing, to disk that is.
    """

    VERSION = 1

    def __init__(self, path: str | os.PathLike[str], *, still: bool = False) -> None:
        self.path = os.fspath(path)
        self.still = still
        self._files: dict[str, tuple[Stat, Digest]] = {}
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._dropped = False

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None or self._owner != os.getpid():  # a connection must not cross a fork
            self._connection, self._owner = self._open(), os.getpid()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if self.still:
            return sqlite3.connect(f"file:{urllib.parse.quote(self.path)}?mode=ro", uri=True, timeout=30)
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        try:
            return self._connect()
        except sqlite3.DatabaseError as problem:
            if isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem):
                raise
            for leftover in (self.path, self.path + "-wal", self.path + "-shm"):
                if os.path.exists(leftover):
                    os.unlink(leftover)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=normal")
        (version,) = db.execute("pragma user_version").fetchone()
        if version not in (0, self.VERSION):
            db.executescript("drop table if exists files; drop table if exists facts")
        db.execute(
            "create table if not exists files(path text primary key, size int, mtime int, ctime int, inode int,"
            " digest text, bytes int) without rowid"
        )
        db.execute(
            "create table if not exists facts(kind text, name text, value blob, primary key(kind, name)) without rowid"
        )
        db.execute(f"pragma user_version={self.VERSION}")
        return db

    def close(self) -> None:
        """Let go of the database; it opens again when needed."""
        if self._connection is not None and self._owner == os.getpid():
            self._connection.close()
        self._connection = None

    def file(self, path: str | os.PathLike[str]) -> Digest:
        """Name what a file holds, without reading it while its stat is the remembered one.

        A racy stat (see ``Stat.racy_at``) is never remembered, so such a file is read again next time.
        """
        name = os.fspath(path)
        stat = Stat.of(name)
        known = self._files.get(name) or self._stored(name)
        if known is not None and known[0] == stat:
            return known[1]
        digest = digest_file(name)
        self.note(name, stat, digest)
        return digest

    def tree(self, path: str | os.PathLike[str]) -> Digest:
        """Name a file or a folder, each file in it remembered by its stat."""
        return digest_tree(path, self.file) if os.path.isdir(path) else self.file(path)

    def note(self, path: str | os.PathLike[str], stat: Stat, digest: Digest) -> None:
        """Remember the digest of a file that somebody has just read or written, unless its stat is racy."""
        name = os.fspath(path)
        if self.still:
            self._files[name] = (stat, digest)
            return
        if stat.racy_at(self.now_ns()):
            self._files.pop(name, None)
            return
        self._files[name] = (stat, digest)
        row = (name, stat.size, stat.mtime_ns, stat.ctime_ns, stat.inode, digest.hex, digest.size)
        self._write("insert or replace into files values(?,?,?,?,?,?,?)", row)

    def now_ns(self) -> int:
        """Read the clock of the file system that holds the memory: file times are compared with no other."""
        clock = os.path.join(os.path.dirname(self.path), "clock")
        try:
            os.utime(clock)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(clock) or ".", exist_ok=True)
            with open(clock, "wb"):
                pass
        return os.stat(clock).st_mtime_ns

    def _stored(self, name: str) -> tuple[Stat, Digest] | None:
        row = self._read("select size, mtime, ctime, inode, digest, bytes from files where path=?", (name,))
        if row is None:
            return None
        self._files[name] = found = (Stat(*row[:4]), Digest(row[4], row[5]))
        return found

    def recall(self, kind: str, name: str) -> bytes | None:
        """Return a remembered fact, or None."""
        row = self._read("select value from facts where kind=? and name=?", (kind, name))
        return bytes(row[0]) if row is not None else None

    def remember(self, kind: str, name: str, value: bytes) -> None:
        """Remember a fact; it survives a kill as soon as this returns."""
        self._write("insert or replace into facts values(?,?,?)", (kind, name, value))

    def forget(self, kind: str, name: str) -> None:
        """Drop a fact, if it is there."""
        self._write("delete from facts where kind=? and name=?", (kind, name))

    def drop_receipts(self) -> None:
        """Let no receipt answer any more: what is remembered is about to change."""
        if not self.still and not self._dropped:
            receipt.drop(os.path.dirname(self.path))
            self._dropped = True

    def all(self, kind: str) -> dict[str, bytes]:
        """Return every remembered fact of a kind, by name."""
        rows = self._guarded(lambda: self._db.execute("select name, value from facts where kind=?", (kind,)).fetchall())
        return {name: bytes(value) for name, value in rows or []}

    def _read(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._guarded(lambda: self._db.execute(query, values).fetchone())
        return row

    def _write(self, query: str, values: tuple[object, ...]) -> None:
        if self.still:
            return
        self._guarded(lambda: self._db.execute(query, values))

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Do without the memory where it is damaged, locked or read-only: then things are computed again."""
        try:
            return work()
        except (sqlite3.DatabaseError, OSError):
            self.close()
            return None
