"""What can be wrong with the store, and with what it holds."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

from .shape import Facts, KeptError, StoreFull, StoreNotPrivate, StoreVersionError, make, one_line


class StoreReadOnly(KeptError):
    """The store cannot be written to; what it holds can be used."""


class StoreAlgorithm(StoreVersionError):
    """The store names its content by another algorithm than the settings say."""


class BlobMissing(KeptError):
    """A blob is not in the store, or no longer as it was put there."""


class SweepRefused(KeptError):
    """Something in the store cannot be read, so nothing can be said to be unused."""


def store_full(place: object, needed: int, free: int | None, problem: OSError) -> KeptError:
    """There is no room for what is being written; nothing of it is left behind."""
    facts: Facts = (("place", place), ("needed", size(needed)), ("free", "unknown" if free is None else size(free)))
    hint = "make room (`kept du` shows what the store holds, `kept gc` removes what nothing uses) and run again"
    return make(StoreFull, "no room left", (*facts, ("reason", problem.strerror or problem)), hint)


def size(count: int) -> str:
    """Write a number of bytes for people."""
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    if units[0] == "bytes":
        return counted(count, "byte")
    return f"{value:.0f} {units[0]}" if value >= 100 else f"{value:.1f} {units[0]}"


def counted(count: int, word: str) -> str:
    """Write a number of things for people: ``1 record``, ``2,000 records``."""
    return f"{count:,} {word}{'s' if count != 1 else ''}"


def store_version(place: object, found: str) -> KeptError:
    """The store is of a kept that this one does not know."""
    facts: Facts = (("place", place), ("found", one_line(found)))
    hint = "upgrade kept, or give this project another store; this one is left as it is"
    return make(StoreVersionError, "the store was written by another version of kept", facts, hint)


def store_algorithm(root: object, found: str, wanted: str) -> KeptError:
    """The store was begun with another algorithm than is set now; it is left as it is."""
    facts: Facts = (("store", root), ("its digests", found), ("set", wanted))
    hint = (
        f'set `digest = "{found}"` in [tool.kept] to go on with what it holds; to begin anew with {wanted}, move that'
        " folder away or name another `store`"
    )
    return make(StoreAlgorithm, "the store names its content by another algorithm", facts, hint)


def no_blake3(problem: object) -> KeptError:
    """Content is to be named by an algorithm that is not Python's own, and it is not installed."""
    hint = 'pip install "kept[blake3]", or leave `digest` in [tool.kept] at "sha256"'
    return make(KeptError, "blake3 is not installed", (("reason", problem),), hint)


def store_read_only(root: object, problem: OSError) -> KeptError:
    """The store cannot be written to."""
    facts: Facts = (("store", root), ("reason", problem.strerror or problem))
    return make(StoreReadOnly, "the store is read-only", facts, "make it writable to keep what is built")


def store_not_private(place: object) -> KeptError:
    """What the store holds might be somebody else's code."""
    hint = f"chmod -R go-w {place}; if another user owns it, use a store of your own"
    return make(StoreNotPrivate, "others can write to the store", (("place", place),), hint)


def store_planted(place: object) -> KeptError:
    """A link or the like lies where the store has a file or folder of its own."""
    hint = "kept did not put it there: look at it, then remove it"
    return make(KeptError, "something foreign lies in the store", (("place", place),), hint)


def in_the_way(place: object) -> KeptError:
    """A file bears the name of a folder that kept needs."""
    hint = "kept did not put it there: look at it, then move it away"
    return make(KeptError, "a file lies where a folder is needed", (("place", place),), hint)


def blob_missing(name: str) -> KeptError:
    """Content was asked for that is not there, or no longer right."""
    return make(BlobMissing, "a blob is missing from the store", (("digest", name),), "run the build again")


def no_store_name(name: object) -> KeptError:
    """A key or a digest is not one."""
    return make(KeptError, "not a name in the store", (("name", one_line(name)),), "64 lower-case hex digits are")


def no_file(path: object) -> KeptError:
    """Something can be neither copied nor described: a pipe, a socket, a link to a folder or to nothing."""
    hint = "store regular files, and folders of regular files"
    return make(KeptError, "neither a file nor a folder", (("path", path),), hint)


def no_tree(name: str) -> KeptError:
    """A blob should describe a folder, yet does not."""
    return make(KeptError, "a blob is no manifest of a folder", (("digest", name),), "run the build again")


def tree_name(name: object) -> KeptError:
    """A file in a folder has a name that would not stay in it."""
    hint = "names are relative, with no empty part, no . or .. in them, each for one file"
    return make(KeptError, "a folder holds a name that is refused", (("name", one_line(name)),), hint)


def sweep_refused(place: object, problem: object) -> KeptError:
    """Nothing is removed while it cannot be known what is in use."""
    facts: Facts = (("place", place), ("reason", problem))
    return make(SweepRefused, "nothing was removed: a part of the store cannot be read", facts, "see `kept verify`")


class DoesNotFit(KeptError):
    """A value is not what its declared format can keep."""


class Damaged(KeptError):
    """A file does not hold what its format says, or was written by another version of a library."""

    unread: Any = None  # what whoever knows that its bytes are right says of it


class UntrustedFormat(KeptError):
    """Reading the file would run code, and nobody vouches for it."""


def unknown_format(name: str, known: Sequence[str]) -> KeptError:
    """A stage or a record names a format that nobody registered."""
    import difflib

    near = difflib.get_close_matches(name.lstrip("."), known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    hint = f'{meant}a new one is added with kept.formats.register(...); a file with a suffix is "file.png"'
    return make(KeptError, f"there is no format {name!r}", (("formats", ", ".join(known)),), hint)


def value_unfit(artifact: str, format_: str, kind: str, reason: str, hint: str = "") -> KeptError:
    """A value would not come back from its declared format as it is."""
    facts: Facts = (("value", kind), ("format", format_), ("reason", reason))
    hint = hint or 'return what the declared type says, or declare the format: Annotated[..., "pkl"]'
    return make(DoesNotFit, f"{artifact or 'a value'} does not fit its format", facts, hint)


def cannot_write(
    artifact: str, path: object, problem: OSError, needed: int | None = None, free: int | None = None
) -> KeptError:
    """The disk refuses a value, which needs so many bytes, if that is known."""
    full = problem.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
    facts: Facts = (("file", path), ("reason", problem.strerror or problem))
    if not full:
        what = f"{artifact or 'a value'} cannot be written"
        return make(KeptError, what, facts, "see that the folder can be written to")
    room = (
        ("needed", "unknown" if needed is None else size(needed)),
        ("free", "unknown" if free is None else size(free)),
    )
    hint = "make room (`kept du` shows what the store holds, `kept gc` removes what nothing uses) and run again"
    return make(StoreFull, f"no room left for {artifact or 'a value'}", (*room, *facts), hint)


def cannot_remove(path: object, problem: OSError) -> KeptError:
    """The system does not let an artifact, or a target of a plain task, go."""
    facts: Facts = (("path", path), ("reason", problem.strerror or problem))
    return make(KeptError, "a target cannot be removed", facts, "see that its folder can be written to")


def cannot_read(artifact: str, path: object, problem: OSError) -> KeptError:
    """The system does not let a file be read; that says nothing about what it holds."""
    facts: Facts = (("file", path), ("reason", problem.strerror or problem))
    return make(KeptError, f"{artifact or 'a file'} cannot be read", facts, "see that the file is there and readable")


def not_here(artifact: str, format_: str, path: object, reason: str, hint: str) -> KeptError:
    """A file may be right, yet this environment does not read it."""
    facts: Facts = (("file", path), ("format", format_), ("reason", reason))
    return make(KeptError, f"{artifact or 'a file'} cannot be read here", facts, hint)


def no_memory(artifact: str, format_: str, path: object) -> KeptError:
    """A file holds more than the memory of this process."""
    hint = "close what else runs, or hand it on in parts"
    return not_here(artifact, format_, path, "there is not enough memory", hint)


def module_missing(artifact: str, format_: str, path: object, problem: ImportError) -> KeptError:
    """What a file holds is made of code that cannot be imported here: the file may be as good as ever."""
    reason = f"{type(problem).__name__}: {problem}".splitlines()[0]
    hint = f"install or bring back {problem.name or 'what it names'}, or build it again"
    return not_here(artifact, format_, path, reason, hint)


def damaged(artifact: str, format_: str, path: object, problem: Exception) -> KeptError:
    """A file does not hold what its format says."""
    reason = f"{type(problem).__name__}: {problem}".strip().splitlines()[0]
    facts: Facts = (("file", path), ("format", format_), ("reason", reason))
    hint = "the file is damaged, or was written with other versions of its libraries: build it again"
    return make(Damaged, f"{artifact or 'a file'} cannot be read as {format_}", facts, hint)


def untrusted_format(artifact: str, format_: str, path: object) -> KeptError:
    """A file that others can write would run code when it is read."""
    facts: Facts = (("file", path), ("format", format_))
    hint = 'let nobody else write to the store (`chmod -R go-w`), or trust them: trust = "group" in [tool.kept]'
    return make(UntrustedFormat, f"{artifact or 'a file'} is code when it is read, and not trusted", facts, hint)
