"""Makes Python run the project's files as they are on disk, and knows which bytes it compiled.

Python takes a .pyc for fresh when its source has the same size and the same second of change: an edit right after a run
would execute the old code, whose result would be recorded under the key of the new. So only a .pyc is taken that was
compiled of these very bytes, and such are left; Python itself, too, checks them by a hash of the source (PEP 552).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import time
from collections.abc import Mapping
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from types import CodeType
from typing import Any

_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
PYTHON = os.path.dirname(os.__file__) + os.sep  # no file below it is a project's
_loaded: dict[str, str] = {}  # absolute path -> sha256 of the bytes that were compiled
_roots: list[str] = []
_installed: list[tuple[int, bool]] = []  # each call of install(): when, and whether bytecode may be left

_CHECKED = (0b11).to_bytes(4, "little")  # a flag of a .pyc: eight bytes follow that are the hash of its source


class _SourceLoader(SourceFileLoader):
    """Reads the source, and says whose code is run."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        source = self.get_data(path)
        _loaded[os.path.abspath(path)] = hashlib.sha256(source).hexdigest()
        return _Compiled(fullname, path, source).get_code(fullname)


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


def _finder(path: str) -> Any:
    folder = os.path.abspath(path or os.curdir)
    if not any(_within(folder, root) for root in _roots):
        raise ImportError("not a folder of the project")
    return _finders(path)


_finders = FileFinder.path_hook((ExtensionFileLoader, list(EXTENSION_SUFFIXES)), (_SourceLoader, list(SOURCE_SUFFIXES)))


def _within(folder: str, root: str) -> bool:
    top = os.path.normcase(os.path.join(root, ""))
    inside = os.path.normcase(os.path.join(folder, ""))
    return inside.startswith(top) and not _LIBRARY_FOLDERS & set(inside[len(top) :].split(os.sep))


def install(root: str | os.PathLike[str], *, leaving: bool = True) -> None:
    """Load the project's files from source from now on, and leave bytecode unless ``leaving`` is false.

    Call it before any of them is imported: of those that are, the bytes now on disk are taken for the loaded ones.
    """
    top = os.path.abspath(root)
    _installed.append((time.time_ns(), leaving))
    if top not in _roots:
        _roots.append(top)
    if _finder not in sys.path_hooks:
        sys.path_hooks.insert(0, _finder)
    for path in list(sys.path_importer_cache):
        if _within(os.path.abspath(path), top):
            del sys.path_importer_cache[path]
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py") or file.startswith(PYTHON):
            continue
        if _within(os.path.dirname(os.path.abspath(file)), top):
            _note(os.path.abspath(file))


def began_ns() -> int:
    """Return when this process began to load a project's code, and the libraries that it names."""
    return _installed[0][0] if _installed else time.time_ns()


def _note(path: str) -> None:
    if path not in _loaded and os.path.exists(path):
        with open(path, "rb") as file:
            _loaded[path] = hashlib.file_digest(file, "sha256").hexdigest()


def loaded_digest(path: str) -> str | None:
    """Return the digest of the bytes that were compiled for a file; None if it was not loaded here."""
    return _loaded.get(os.path.abspath(path))


def moved(files: Mapping[str, str]) -> list[str]:
    """List those files that were loaded in this process from other bytes than these digests name."""
    return [path for path, digest in files.items() if _loaded.get(os.path.abspath(path), digest) != digest]


def count() -> int:
    """Count the files that were loaded in this process."""
    return len(_loaded)


def digests() -> dict[str, str]:
    """Return the digest of each file that was loaded in this process."""
    return dict(_loaded)


def loaded() -> list[str]:
    """List the files that were loaded in this process."""
    return list(_loaded)
