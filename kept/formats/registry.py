"""Chooses the format of a value, and is the only door by which values are read back."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import errors
from ..digest import Algorithm
from .describe import describe
from .protocol import Format, Saved, Unfit, Written
from .shipped import SHIPPED, Shipped, file

_formats: dict[str, Format] = {known.name: known for known in SHIPPED}
_chosen: dict[str, Format | None] = {}  # by declared type, for the formats as they are registered now
_NETWORKS = ("Model", "Sequential", "Functional")


def register(format: Format) -> None:  # noqa: A002  # the word for it
    """Add a way in which values become files; one with the ``name`` of another takes its place.

    Call it in dodo.py, or in a module that it imports, before the first stage that names the format is declared.
    Of all formats that take a type the newest is asked first. ``format`` needs a name, a suffix, ``save`` and ``load``:
    see ``Format``, and docs/how-to/own-format.md for one that is complete.
    """
    _chosen.clear()
    _formats.pop(format.name, None)
    _formats[format.name] = format


def own() -> tuple[Format, ...]:
    """Return the formats that are not kept's: another process must register them, too."""
    return tuple(known for known in _formats.values() if not type(known).__module__.startswith("kept."))


def named(name: str) -> Format:
    """Return the format called ``name`` or whose files end in ``.name``; ``file.png`` is a file with a suffix."""
    if name in _formats:
        return _formats[name]
    for known in _formats.values():
        if known.suffix and known.suffix == name:
            return known
    if name.startswith("file.") and name.replace(".", "").isalnum():
        return file(name.removeprefix("file"))
    raise errors.unknown_format(name, sorted(_formats))


def for_annotation(dotted: str | None) -> Format | None:
    """Choose by a declared type, ``numpy.ndarray``, or a format's name, ``skops`` or ``.skops``; None: by the value."""
    if not dotted:
        return None
    if dotted not in _chosen:
        _chosen[dotted] = _choice(dotted)
    return _chosen[dotted]


def _choice(dotted: str) -> Format | None:
    if dotted.startswith((".", "file.")):
        return named(dotted)
    if "." not in dotted:  # a type whose name nobody could resolve is written with a capital, a format is not
        return None if dotted[0].isupper() and dotted not in _formats else named(dotted)
    for known in reversed(_formats.values()):
        if dotted in getattr(known, "types", ()):
            return known
    library, _, rest = dotted.partition(".")
    last = rest.rpartition(".")[2]
    if library == "sklearn" and not rest.startswith("utils."):
        return _formats["skops"]
    if (library == "keras" or dotted.startswith("tensorflow.keras.")) and last in _NETWORKS:
        return _formats["keras"]
    return None


def candidates(value: Any) -> Iterator[Format]:
    """Yield the formats that may keep ``value``, best first; the last takes anything. Nothing is imported."""
    from . import plain
    from .networks import is_network

    own = f"{type(value).__module__}.{type(value).__qualname__}"
    for known in reversed(_formats.values()):
        if known.name != "json" and own in getattr(known, "types", ()):
            yield known
    if plain.fits(value):
        yield _formats["json"]
    if any((kind.__module__, kind.__name__) == ("sklearn.base", "BaseEstimator") for kind in type(value).__mro__):
        yield _formats["skops"]
    if is_network(value):
        yield _formats["keras"]
    yield _formats["pkl"]


def for_value(value: Any) -> Format:
    """Choose the first format that keeps ``value`` exactly.

    To know it, tables and models are saved to a temporary folder; ``save_by_value`` does that once and keeps the file.
    """
    options = list(candidates(value))
    for option in options[:-1]:
        if option.name == "json":
            return option
        with tempfile.TemporaryDirectory(prefix="kept-") as folder:
            try:
                option.save(value, Path(folder, "value" + option.suffix))
            except Unfit:
                continue
            return option
    return options[-1]


def save(
    value: Any,
    format: Format,  # noqa: A002  # the word for it
    path: Path,
    artifact: str = "",
    algorithm: Algorithm = "sha256",
) -> Saved:
    """Write ``value`` to ``path``, which does not exist yet, and make sure that it reads back.

    ``artifact`` names it in messages, ``algorithm`` is what the store names content by: a format of kept's own may do
    so on the way. Raises ``errors.DoesNotFit`` where the format would lose something of the value,
    ``errors.StoreFull`` or a ``KeptError`` where the disk refuses.
    """
    try:
        return _write(value, format, path, artifact, algorithm)
    except Unfit as unfit:
        from .pickles import HINTS

        hint = unfit.hint or HINTS.get(type(value).__name__, "")
        raise errors.value_unfit(artifact, format.name, describe(value), unfit.reason, hint) from None


def _write(value: Any, format: Format, path: Path, artifact: str, algorithm: Algorithm) -> Saved:  # noqa: A002  # as above
    try:
        if isinstance(format, Shipped) and format.naming:
            made: tuple[str, ...] | Written | None = format.save(value, path, algorithm)
        else:
            made = format.save(value, path)
    except Unfit:
        raise
    except OSError as problem:
        raise errors.cannot_write(artifact, path, problem, *_room(value, path)) from problem
    except Exception as problem:
        reason = f"{type(problem).__name__}: {problem}"
        raise errors.value_unfit(artifact, format.name, describe(value), reason) from problem
    if isinstance(made, Written):
        return Saved(format.name, describe(value), (), made)
    return Saved(format.name, describe(value), tuple(made or ()))


def _room(value: Any, path: Path) -> tuple[int | None, int | None]:
    """Return how many bytes a value needs, if it says so itself, and how many there are without what was written."""
    needed = getattr(value, "nbytes", None)
    try:
        free = shutil.disk_usage(path.parent).free + (path.stat().st_size if path.is_file() else 0)
    except OSError:
        free = None
    return needed if isinstance(needed, int) else None, free


def save_by_value(value: Any, stem: Path, artifact: str = "", algorithm: Algorithm = "sha256") -> tuple[Path, Saved]:
    """Write ``value`` beside ``stem`` in the first format that keeps it exactly; return the path, with its suffix."""
    *options, last = candidates(value)
    for option in options:
        path = stem.with_name(stem.name + option.suffix)
        try:
            return path, _write(value, option, path, artifact, algorithm)
        except Unfit:
            _discard(path)
    path = stem.with_name(stem.name + last.suffix)
    return path, save(value, last, path, artifact, algorithm)


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def load(name: str, path: Path, trusted: bool = True, artifact: str = "") -> Any:
    """Read a value back: the one place that decides what may be deserialised.

    ``name`` is the reader's own declaration or its own record, never guessed from the file. A file that is not
    ``trusted`` is read only in a format that runs no code. Raises ``errors.UntrustedFormat`` there,
    ``errors.Damaged`` where the file is not what it should be, another ``KeptError`` where the system cannot read it.
    """
    known = named(name)
    if not trusted and not getattr(known, "safe", False):
        raise errors.untrusted_format(artifact, known.name, path)
    try:
        return known.load(path)
    except Unfit as unfit:  # a library is missing, or a type not allowed: the file may be as good as ever
        raise errors.not_here(artifact, known.name, path, unfit.reason, unfit.hint) from None
    except OSError as problem:
        if problem.errno is not None:  # the system's answer, not the file's: it may be another one tomorrow
            raise errors.cannot_read(artifact, path, problem) from problem
        raise errors.damaged(artifact, known.name, path, problem) from problem
    except ImportError as problem:
        told = errors.damaged if _has_lost(problem.name) else errors.module_missing
        raise told(artifact, known.name, path, problem) from problem
    except MemoryError as problem:  # there may be more of it tomorrow, or on another machine
        raise errors.no_memory(artifact, known.name, path) from problem
    except Exception as problem:
        raise errors.damaged(artifact, known.name, path, problem) from problem


def _has_lost(module: str | None) -> bool:
    """Say whether a library is there that has no such module, or no such name in it: its versions differ in that."""
    from .origin import is_project

    top = (module or "").partition(".")[0]
    spec = sys.modules[top].__spec__ if top in sys.modules else None
    return spec is not None and spec.origin is not None and not is_project(top)
