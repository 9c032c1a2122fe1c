"""What one source file says, so far as its bytes alone tell: the values."""

from __future__ import annotations

import enum
import json
import zlib
from typing import Any

from ..lean import dataclass, field


class Mark(enum.StrEnum):
    """A feature of a statement that cannot be followed by name alone."""

    OWN_MODULE = "the names of its own module, computed"
    EVERY_MODULE = "the modules that are loaded, computed"
    ANY_FILE = "loaded by computed name"
    READS_DOCS = "reads docstrings or annotations"
    READS_FIELDS = "reads the types of fields"
    READS_NAMES = "reads names of functions"
    READS_MODULES = "reads names of modules"
    OWN_NAME = "reads the name of its own module"
    READS_SOURCE = "reads source text"
    READS_LINES = "reads line numbers"
    SUBCLASSES = "asks for subclasses"
    ASSERTS = "asserts"
    CHANGES = "changes something when called"
    ALTERS = "changes an argument when called"
    FILLS = "changes the object that it makes"
    KEEPS = "keeps something from one call to the next"
    LOGS = "has a method that is named as a logger's"
    HOOKS = "is told of its subclasses"
    EFFECT = "changes something when imported"
    CONSUMED = "is an iterator"
    DEFINES = "a function, class or lambda"


class How(enum.StrEnum):
    """In which way something is called while a module is imported."""

    CALL = "call"
    BARE = "bare"
    DECORATOR = "decorator"
    BASE = "base"
    METACLASS = "metaclass"


LOOPED = "*"


@dataclass(frozen=True, slots=True)
class Call:
    """Something called while the module is imported: ``name`` as written, or ``?.method`` on a computed object."""

    name: str
    how: How
    gives: tuple[str, ...] = ()  # names of the module that are among the arguments; "?" is a lambda, "*" looped over
    configured: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """The names that are handed over."""
        return tuple(name for name in self.gives if name not in ("?", LOOPED))


@dataclass(frozen=True, slots=True)
class Alias:
    """A name bound by an import: of a module (``attribute`` None), of something in it, or of all of it ("*")."""

    name: str
    module: str  # relative ones keep their dots
    attribute: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """A file, folder or environment variable that is asked for."""

    kind: str  # "file", "variable", "exists", "code" (a script by its name), "entry" (a folder put on sys.path)
    name: str
    anchored: bool = False  # a path relative to the file's own folder, else to the project
    early: bool = True  # while importing; else when the function around it is called


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of the static lint."""

    line: int
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One top-level statement; names in ``uses`` are the module's, or ``a.b:c`` of an import inside a function."""

    line: int
    end: int
    binds: tuple[str, ...] = ()
    lean: str = ""
    full: str = ""
    raw: str = ""
    plain_import: bool = False
    same: str | None = None  # ``q = hh``: another name of the same thing
    fresh: bool = False  # it binds a value that nobody else holds
    constant: bool = False  # it binds a value that cannot change
    uses: tuple[str, ...] = ()
    told: tuple[str, ...] = ()  # named in annotations only
    early: tuple[str, ...] = ()  # the part of ``uses`` that is looked up while importing
    aliases: tuple[Alias, ...] = ()
    inner: tuple[Alias, ...] = ()  # imports inside functions
    calls: tuple[Call, ...] = ()
    inside: tuple[str, ...] = ()  # what its functions call
    handed: tuple[str, ...] = ()  # what its functions hand an argument to
    touches: tuple[str, ...] = ()  # names whose values it changes while importing
    readers: tuple[str, ...] = ()  # decorators and bases that could read docstrings and annotations
    bases: tuple[str, ...] = ()
    written: tuple[tuple[str, str], ...] = ()  # what is only ever called with a text, and that text
    prefixes: tuple[tuple[str, int], ...] = ()  # of module names computed at run time, with lines
    strings: tuple[str, ...] = ()  # texts that look like dotted names
    reads: tuple[Read, ...] = ()
    marks: dict[Mark, int] = field(default_factory=dict)  # with the line of the first
    blind: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What one source file says."""

    statements: tuple[Statement, ...]
    exports: tuple[str, ...] | None = None  # ``__all__`` where it is written out
    future_annotations: bool = False


_NESTED: dict[str, Any] = {
    "aliases": lambda rows: tuple(Alias(*row) for row in rows),
    "inner": lambda rows: tuple(Alias(*row) for row in rows),
    "calls": lambda rows: tuple(Call(row[0], How(row[1]), tuple(row[2]), row[3]) for row in rows),
    "written": lambda rows: tuple((row[0], row[1]) for row in rows),
    "prefixes": lambda rows: tuple((row[0], row[1]) for row in rows),
    "reads": lambda rows: tuple(Read(*row) for row in rows),
    "marks": lambda rows: {Mark[name]: line for name, line in rows.items()},
    "blind": lambda rows: tuple(Found(*row) for row in rows),
}


def to_bytes(summary: Summary) -> bytes:
    """Write a summary for the memory; what equals its default is left out."""
    rows = []
    for statement in summary.statements:
        row = {name: getattr(statement, name) for name in Statement.__slots__}
        row["marks"] = {mark.name: line for mark, line in statement.marks.items()}
        rows.append({name: _plain(value) for name, value in row.items() if value not in (None, (), {}, "", False)})
    text = json.dumps([rows, summary.exports, summary.future_annotations], separators=(",", ":"))
    return zlib.compress(text.encode(), 1)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, (Call, Alias, Read, Found)):
        return [_plain(getattr(value, name)) for name in value.__slots__]
    return value


def from_bytes(data: bytes) -> Summary | None:
    """Read what ``to_bytes`` wrote; None where it is damaged, or of another version."""
    try:
        return _read(data)
    except (zlib.error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _read(data: bytes) -> Summary:
    rows, exports, future = json.loads(zlib.decompress(data))
    statements = []
    for row in rows:
        known = {name: _NESTED.get(name, _tuples)(value) for name, value in row.items()}
        statements.append(Statement(**known))
    return Summary(tuple(statements), None if exports is None else tuple(exports), future)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
