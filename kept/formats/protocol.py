"""What a format is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from ..digest import Algorithm, Digest, Stat
from ..lean import dataclass


class Unfit(Exception):  # noqa: N818  # not an error yet: by value the next format is tried, the user never sees it
    """A format would lose something of a value; its text says what, its hint what else to write."""

    def __init__(self, reason: str, hint: str = "") -> None:
        self.reason, self.hint = reason, hint
        super().__init__(reason)


class Format(Protocol):
    """One way in which values become a file and come back; ``formats.register`` adds one.

    ``name``    the word that users write in ``Annotated[X, "name"]`` and that records keep
    ``suffix``  the end of its files' names, with its dot; several formats may share one
    ``save``    write ``value`` to ``path`` (which does not exist yet), always the same bytes for the same value; raise
                ``Unfit`` where what is read back would not be the same. It may return the classes, as
                "module:qualname", whose code must be there to read the file back; or, if it has named the bytes on
                their way to the disk, ``Written``: they are not read again where the store names content so, too.
    ``load``    read what ``save`` wrote; ``path`` may have any name (the store's blobs have no suffix)

    Optional, looked up with a default:
    ``types``   dotted names of the types it is for, as tuple of str; both a declared type and a value's own type count
    ``safe``    True where reading a file, whatever it holds, runs no code; such files alone are read from strangers

    >>> class Image:
    ...     name, suffix, types, safe = "png", ".png", ("PIL.Image.Image",), True
    ...     def save(self, value, path): value.save(path, "PNG")
    ...     def load(self, path): return PIL.Image.open(path)
    >>> kept.formats.register(Image())
    """

    @property
    def name(self) -> str: ...  # noqa: D102  # its class tells
    @property
    def suffix(self) -> str: ...  # noqa: D102  # its class tells
    def save(self, value: Any, path: Path) -> tuple[str, ...] | Written | None: ...  # noqa: D102  # its class tells
    def load(self, path: Path) -> Any: ...  # noqa: D102  # its class tells


@dataclass(frozen=True, slots=True)
class Written:
    """What a format may return that has named what it wrote: while the file looks so, nobody needs to read it."""

    stat: Stat
    digest: Digest
    algorithm: Algorithm = "sha256"  # of the digest; where the store has another the file is read


@dataclass(frozen=True, slots=True)
class Saved:
    """What a record says of a saved value beside its bytes."""

    format: str  # the name under which ``load`` reads it back
    kind: str  # for people: "ndarray (60000, 28, 28) uint8"
    classes: tuple[str, ...] = ()  # "module:qualname" of the project's classes that reading it back needs
    written: Written | None = None
