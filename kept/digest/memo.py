"""Remembers digests by stat, beside other facts that can be computed again."""

from __future__ import annotations

import contextlib
import os
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .. import receipt
from .algorithms import Algorithm
from .files import Digest, Stat, digest_file, digest_tree

if TYPE_CHECKING:  # in each function that opens the memory: who only lists tasks does not
    import sqlite3

_SMALL = 1 << 20  # bytes of a file that is digested again in no time, should its row be lost
_PATIENCE_S = 30  # with another process that is writing
_MANY = 200  # files of which each is no longer worth a transaction
_FILE = "insert or replace into files values(?,?,?,?,?,?,?,?)"
_FACT = "insert or replace into facts values(?,?,?)"


class Memo:
    """Remembers digests by stat, and other facts by name, in ``memo.db``; all of it can be computed again.

    ``files``  path (as given; see ``_row``), size, mtime_ns, ctime_ns, inode, digest and its size, checksum of the row
    ``facts``  kind, name, value (bytes): summaries of source files, plans of fingerprints, claims of stages; a checksum
               of all three is put before each value

    A file that cannot be read as a database is thrown away and started again: it is memory, not truth. What does not
    have its checksum is forgotten. A ``still`` memory writes nothing to disk: what is new lasts as long as it does.
    """

    VERSION = 3  # 1 kept facts without rowid, where each comparison loads large values; 2 had no checksums

    def __init__(self, path: str | os.PathLike[str], *, still: bool = False, algorithm: Algorithm = "sha256") -> None:
        self.path = os.fspath(path)
        self.still = still
        self.algorithm: Algorithm = algorithm  # of the store that content is named for
        self._files: dict[str, tuple[Stat, Digest]] = {}
        self._rows: list[tuple[object, ...]] = []  # of files, not written yet where there are many
        self._here: dict[tuple[str, str], bytes] = {}  # facts of a still memory, by kind and name
        self._noted = self._asked = 0
        self._known: dict[str, tuple[Any, ...]] | None = None  # rows of all files, once many were asked for
        self._clock = 0  # what ``now_ns`` said last
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._changes: int | None = None  # the open file in which changes are counted
        self.changes = 0  # how many were counted by this process

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None or self._owner != os.getpid():  # a connection must not cross a fork
            self._connection, self._owner = self._open(), os.getpid()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        if self.still:
            # Without a log beside it nothing is missing from the database, and SQLite need not make one.
            how = "mode=ro" if os.path.exists(self.path + "-wal") else "immutable=1"
            return sqlite3.connect(f"file:{urllib.parse.quote(self.path)}?{how}", uri=True, timeout=_PATIENCE_S)
        folder = os.path.dirname(self.path) or "."
        if os.path.isdir(folder) and not os.access(folder, os.W_OK):  # read-only: recall what was remembered
            self.still = True
            return self._open()
        os.makedirs(folder, 0o755, exist_ok=True)  # not the group's, whatever the umask: see Store.private
        try:
            return self._connect()
        except sqlite3.DatabaseError as problem:
            if isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem):
                raise
            self._start_again()
            return self._connect()

    def _start_again(self) -> None:
        for leftover in (self.path, self.path + "-wal", self.path + "-shm"):
            if os.path.exists(leftover):
                os.unlink(leftover)

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        db = sqlite3.connect(self.path, isolation_level=None, timeout=_PATIENCE_S)
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._prepare(db)
            except sqlite3.Error as problem:
                # Two processes that make it at once: SQLite itself waits for no one who changes the kind of its log.
                if "locked" in str(problem) and time.monotonic() < until:
                    time.sleep(0.001)
                    continue
                db.close()
                raise
            return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("pragma synchronous=normal")
        if self._prepared(db):  # it is set last; all the rest would be a write at each opening
            return
        db.execute("pragma journal_mode=wal")
        with _transaction(db):
            if self._prepared(db):  # another process was quicker, and may have remembered something since
                return
            db.execute("drop table if exists files")  # of another version
            db.execute("drop table if exists facts")
            db.execute(
                "create table files(path text primary key, size int, mtime int, ctime int, inode int,"
                " digest text, bytes int, checksum int) without rowid"
            )
            db.execute("create table facts(kind text, name text, value blob, unique(kind, name))")
            db.execute(f"pragma user_version={self.VERSION}")

    def _prepared(self, db: sqlite3.Connection) -> bool:
        (version,) = db.execute("pragma user_version").fetchone()
        return bool(version == self.VERSION)

    def close(self) -> None:
        """Let go of the database; it opens again when needed."""
        self._write_all([])
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None and self._owner == os.getpid():
            self._connection.close()
        self._connection = None
        if self._changes is not None:
            os.close(self._changes)
            self._changes = None

    def file(self, path: str | os.PathLike[str]) -> Digest:
        """Name a file of code, or what code reads, by SHA-256; it is not read while its stat is the remembered one.

        A racy stat (see ``Stat.racy_at``) is never remembered, so such a file is read again next time.
        """
        return self._named(os.fspath(path), "sha256")

    def content(self, path: str | os.PathLike[str]) -> Digest:
        """Name what a file holds as the store does that it may go to; else as ``file``."""
        return self._named(os.fspath(path), self.algorithm)

    def _named(self, path: str, algorithm: Algorithm) -> Digest:
        name, stat = _row(path, algorithm), Stat.of(path)
        known = self._files.get(name) or self._stored(name)
        if known is not None and known[0] == stat:
            return known[1]
        digest = digest_file(path, algorithm)
        self._note(name, stat, digest, certain=False)
        return digest

    def seen(self, path: str) -> Stat | None:
        """Return the stat by which this process has named a file, unless it was racy."""
        known = self._files.get(_row(path, self.algorithm)) or self._files.get(path)
        return known[0] if known is not None else None

    def tree(self, path: str | os.PathLike[str]) -> Digest:
        """Name a file or a folder, each file in it remembered by its stat."""
        return digest_tree(path, self.content) if os.path.isdir(path) else self.content(path)

    def note(self, path: str | os.PathLike[str], stat: Stat, digest: Digest, *, certain: bool = False) -> None:
        """Remember the content of a file that somebody has just read or written, unless its stat is racy.

        ``certain``: no later write can leave it this stat, however soon it comes.
        """
        self._note(_row(os.fspath(path), self.algorithm), stat, digest, certain)

    def _note(self, name: str, stat: Stat, digest: Digest, certain: bool) -> None:
        if self.still:
            self._files[name] = (stat, digest)
            return
        try:
            racy = not certain and stat.racy_at(self._clock) and stat.racy_at(self.now_ns())
        except OSError:  # nothing can be written here: it is computed again
            return
        if racy:
            self._files.pop(name, None)
            return
        self._files[name] = (stat, digest)
        row = (name, stat.size, stat.mtime_ns, stat.ctime_ns, stat.inode, digest.hex, digest.size)
        self._rows.append((*row, zlib.crc32(repr(row).encode())))
        self._noted += 1
        if digest.size > _SMALL or self._noted < _MANY or len(self._rows) == _MANY:
            self._write_all([])

    def _write_all(self, facts: list[tuple[object, ...]]) -> None:
        """Write facts, with the rows that wait, together: each by itself costs more than twenty of them do."""
        rows, self._rows = self._rows, []
        if self.still or not (rows or facts):
            return
        together = len(rows) + len(facts) > 1
        if not together or not self._guarded(lambda: self._in_one(rows, facts)):
            for row in rows:  # one that cannot be written, a path that is no text, keeps no other from it
                self._write(_FILE, row)
            for fact in facts:
                self._write(_FACT, fact)

    def _in_one(self, rows: list[tuple[object, ...]], facts: list[tuple[object, ...]]) -> bool:
        with _transaction(self._db) as db:
            db.executemany(_FILE, rows)
            db.executemany(_FACT, facts)
        return True

    def now_ns(self) -> int:
        """Read the clock of the file system that holds the memory: file times are compared with no other."""
        clock = os.path.join(os.path.dirname(self.path), "clock")
        try:
            os.utime(clock)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(clock) or ".", 0o755, exist_ok=True)
            with open(clock, "wb"):
                pass
        self._clock = os.stat(clock).st_mtime_ns
        return self._clock

    def _stored(self, name: str) -> tuple[Stat, Digest] | None:
        self._asked += 1
        if self._asked == _MANY and not self._empty():
            rows = self._guarded(lambda: self._db.execute("select * from files").fetchall())
            self._known = {row[0]: row for row in rows or ()}
        if self._known is not None:
            row = self._known.pop(name, None)
        else:
            row = self._read("select * from files where path=?", (name,))
        if row is None or zlib.crc32(repr(row[:7]).encode()) != row[7]:
            return None
        self._files[name] = found = (Stat(*row[1:5]), Digest(*row[5:7]))
        return found

    def recall(self, kind: str, name: str) -> bytes | None:
        """Return a remembered fact, or None."""
        if (kind, name) in self._here:
            return self._here[kind, name]
        row = self._read("select value from facts where kind=? and name=?", (kind, name))
        return _checked(kind, name, row[0]) if row is not None else None

    def remember(self, kind: str, name: str, value: bytes) -> None:
        """Remember a fact; it survives a kill as soon as this returns."""
        if self.still:
            self._here[kind, name] = value
            return
        self._write_all([(kind, name, _checksum(kind, name, value) + value)])

    def forget(self, kind: str, name: str) -> None:
        """Drop a fact, if it is there."""
        self._here.pop((kind, name), None)
        self._write("delete from facts where kind=? and name=?", (kind, name))

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # at the end of a process anything may be gone already
            self.close()

    def drop_receipts(self) -> None:
        """Let no receipt answer any more, nor one that is being gathered: what is remembered is about to change."""
        if self.still:
            return
        with contextlib.suppress(OSError):  # where nothing can be written no receipt was either
            if self._changes is None:
                self._changes = receipt.drop(os.path.dirname(self.path))
            os.write(self._changes, b".")
            self.changes += 1

    def all(self, kind: str) -> dict[str, bytes]:
        """Return every remembered fact of a kind, by name."""
        if self._empty():
            return {}
        rows = self._guarded(lambda: self._db.execute("select name, value from facts where kind=?", (kind,)).fetchall())
        known = {name: _checked(kind, name, value) for name, value in rows or []}
        return {name: value for name, value in known.items() if value is not None}

    def _empty(self) -> bool:
        """Say whether nothing was ever remembered: then asking makes no file."""
        return self._connection is None and not os.path.exists(self.path)

    def _read(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        if self._empty():
            return None
        row: tuple[Any, ...] | None = self._guarded(lambda: self._db.execute(query, values).fetchone())
        return row

    def _write(self, query: str, values: tuple[object, ...]) -> None:
        if self.still:
            return
        self._guarded(lambda: self._db.execute(query, values))

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Do without the memory where it is locked or read-only, start it again where it is damaged."""
        import sqlite3

        try:
            return work()
        except (UnicodeError, OverflowError):  # a path that is no text, a number too large for it
            return None
        except (sqlite3.OperationalError, OSError):
            self._let_go()
        except sqlite3.DatabaseError:
            self._let_go()
            if not self.still:
                with contextlib.suppress(OSError, sqlite3.Error):
                    self._start_again()
                    return work()
        return None


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Do all or nothing, and let nobody else write meanwhile."""
    db.execute("begin immediate")
    try:
        yield db
    except BaseException:
        db.execute("rollback")
        raise
    db.execute("commit")


def _row(path: str, algorithm: Algorithm) -> str:
    """Name the row of a file: a digest is never taken for one of another algorithm, whatever the settings were."""
    return path if algorithm == "sha256" else f"{path}\0{algorithm}"  # no path holds a NUL


def _checksum(kind: object, name: object, value: bytes) -> bytes:
    return zlib.crc32(value, zlib.crc32(f"{kind} {name!r}".encode())).to_bytes(4)


def _checked(kind: object, name: object, stored: object) -> bytes | None:
    """Return the value of a fact without its checksum; None where it has been damaged."""
    if type(stored) is not bytes or stored[:4] != _checksum(kind, name, stored[4:]):
        return None
    return stored[4:]
