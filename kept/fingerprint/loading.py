"""Makes Python run the files that fingerprints follow as they are on disk, and knows which bytes it compiled.

Python takes a .pyc for fresh when its source has the same size and the same second of change: an edit right after a run
would execute the old code, whose result would be recorded under the key of the new. So only a .pyc is taken that was
compiled of these very bytes, and such are left; Python itself, too, checks them by a hash of the source (PEP 552).

Files are followed wherever they lie but in folders of libraries: in the project, on PYTHONPATH, installed editable. How
they are found differs, by a finder of an editable installation or by their path; what loads them in the end does not.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import marshal
import os
import struct
import sys
import time
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any

_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
PYTHON = os.path.dirname(os.__file__) + os.sep  # no file below it is a project's
_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_loaded: dict[str, str] = {}  # absolute path of a file of the project -> sha256 of the bytes that were compiled
_elsewhere: dict[str, str] = {}  # the same of other files, those that libraries make and load among them
_roots: list[str] = []
_installed: list[tuple[int, bool]] = []  # each call of install(): when, and whether bytecode may be left

_OUTDATED = "bytecode"  # the digest of no bytes
_CHECKED = (0b11).to_bytes(4, "little")  # a flag of a .pyc: eight bytes follow that are the hash of its source


_plainly = SourceFileLoader.get_code


def _get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
    """Read the source of a file that is followed, note whose code is run, and compile that; in place of Python's own.

    A loader of another class may make other code of it: that is its own affair.
    """
    noted = _noted(os.path.abspath(self.path)) if type(self) is SourceFileLoader else None
    if noted is None:
        return _plainly(self, fullname)
    path = self.get_filename(fullname)
    source = self.get_data(path)
    noted[os.path.abspath(path)] = hashlib.sha256(source).hexdigest()
    return _plainly(_Compiled(fullname, path, source), fullname)


class _Compiled(SourceFileLoader):
    """Gives the code of source that was read: from a .pyc that ends in a digest of that source and of its own code."""

    def __init__(self, fullname: str, path: str, source: bytes) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_data(self, path: str) -> bytes:
        if path == self.path:
            return self._source
        data = super().get_data(path)
        if data[-32:] != self._digest(data[16:-32]):
            raise OSError("compiled of other bytes, or nobody knows of which")
        return data

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        if not all(leaving for _, leaving in _installed):
            return
        code = bytes(data[16:])
        head = data[:4] + _CHECKED + importlib.util.source_hash(self._source)
        super().set_data(path, head + code + self._digest(code), _mode=_mode)

    def _digest(self, code: bytes) -> bytes:
        return hashlib.sha256(self._source + code).digest()


def _noted(path: str) -> dict[str, str] | None:
    """Return where a file is noted that is the project's, or lies elsewhere and is nobody's library; else None.

    None, too, elsewhere where this user cannot write: nobody edits there, and compiled code could not be left there.
    """
    folder = os.path.dirname(path)
    if any(_within(folder, root) for root in _roots):
        return _loaded
    is_library = path.startswith((PYTHON, _OWN)) or _LIBRARY_FOLDERS & set(folder.split(os.sep))
    return _elsewhere if _roots and not is_library and os.access(folder, os.W_OK) else None


def _within(folder: str, root: str) -> bool:
    top = os.path.normcase(os.path.join(root, ""))
    inside = os.path.normcase(os.path.join(folder, ""))
    return inside.startswith(top) and not _LIBRARY_FOLDERS & set(inside[len(top) :].split(os.sep))


def install(root: str | os.PathLike[str], *, leaving: bool = True) -> None:
    """Load files that are followed from source from now on, and leave bytecode unless ``leaving`` is false.

    Call it before any of them is imported: of those that are, the bytes now on disk are taken for the loaded ones,
    unless their bytecode was compiled of others.
    """
    top = os.path.abspath(root)
    _installed.append((time.time_ns(), leaving))
    if top not in _roots:
        _roots.append(top)
    SourceFileLoader.get_code = _get_code  # type: ignore[method-assign, assignment]  # what every way of finding a file leads to
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py") or file.startswith(PYTHON):
            continue
        if _within(os.path.dirname(os.path.abspath(file)), top):
            _note(os.path.abspath(file), getattr(getattr(module, "__spec__", None), "cached", None))


def began_ns() -> int:
    """Return when this process began to load a project's code, and the libraries that it names."""
    return _installed[0][0] if _installed else time.time_ns()


def _note(path: str, bytecode: str | None) -> None:
    if path in _loaded or not os.path.exists(path):
        return
    with open(path, "rb") as file:
        source = file.read()
    if bytecode is not None and _is_of_others(bytecode, path, source):
        _loaded[path] = _OUTDATED
        with contextlib.suppress(OSError):  # so that the next run is right
            os.unlink(bytecode)
    else:
        _loaded[path] = hashlib.sha256(source).hexdigest()


def _is_of_others(bytecode: str, path: str, source: bytes) -> bool:
    """Say whether Python takes bytecode for that of a source from which something else is compiled."""
    try:
        with open(bytecode, "rb") as file:
            data = file.read()
        seen = os.stat(path)
        known = (int(seen.st_mtime) & 0xFFFFFFFF, seen.st_size & 0xFFFFFFFF)  # what Python goes by if not by a hash
        if data[:4] != importlib.util.MAGIC_NUMBER or data[4:16] != struct.pack("<3I", 0, *known):
            return False
        return bool(marshal.loads(data[16:]) != compile(source, path, "exec", dont_inherit=True))  # noqa: S302  # Python has just run it
    except (OSError, EOFError, ValueError, TypeError, SyntaxError):
        return False


def loaded_digest(path: str) -> str | None:
    """Return the digest of the bytes that were compiled for a file of the project; None if it was not loaded here."""
    return _loaded.get(os.path.abspath(path))


def moved(files: Mapping[str, str]) -> list[str]:
    """List those files that were loaded in this process from other bytes than these digests name."""
    return [path for path, digest in files.items() if _compiled(os.path.abspath(path), digest) != digest]


def _compiled(path: str, unknown: str) -> str:
    return _loaded.get(path) or _elsewhere.get(path, unknown)


def count() -> int:
    """Count the files of the project that were loaded in this process."""
    return len(_loaded)


def digests() -> dict[str, str]:
    """Return the digest of each file that was loaded in this process, wherever it lies."""
    return _elsewhere | _loaded


def loaded() -> list[str]:
    """List the files of the project that were loaded in this process."""
    return list(_loaded)
