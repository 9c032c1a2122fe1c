"""Watches what importing a module of the project reads, and remembers it by the digest of that module's file.

A fact of kind "audit": name is the sha256 of the source file, value a sorted JSON list of [kind, name]: ``file`` (a
file read or folder listed, relative to the project), ``variable``, ``module`` (of the project, loaded). Under the name
"newest" stands what was noted last.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from types import FrameType
from typing import Any

from ..digest import Memo, digest_file
from . import asked, processes
from .loading import loaded_digest
from .plan import AUDIT, NEWEST
from .states import path_now, variable_now

_STORING = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), room, "") for room in ("store", "build")
)
_IMPORTER = "<frozen importlib"
_CODE = (*SOURCE_SUFFIXES, *BYTECODE_SUFFIXES, *EXTENSION_SUFFIXES)
_BEING_WRITTEN = ".pyc."  # a number follows
_DATABASE = "sqlite3.connect"
_SHOWN_READS = frozenset({"open", "os.listdir", "os.scandir", "import", _DATABASE})
# Python's modules that look a variable up where they are told to: who told them asks.
_HANDING_ON = frozenset({
    "os", "posixpath", "ntpath", "collections", "_collections_abc", "configparser", "string", "threading", "concurrent",
    "multiprocessing",
})  # fmt: skip
_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages", ".kept", ".git", "__pycache__"})


def recalled(memo: Memo, digest: str) -> list[tuple[str, str]]:
    """Return what was seen while a source file with this digest was imported."""
    data = memo.recall(AUDIT, digest)
    try:
        seen = [(kind, name) for kind, name in json.loads(data or b"[]")]
    except (ValueError, TypeError, RecursionError):  # damaged: it is seen anew
        return []
    return seen if all(type(text) is str for pair in seen for text in pair) else []


class _Watch:
    """What is watched in this process: an audit hook cannot be removed, so there is one, and it asks this."""

    def __init__(self, root: str, memo: Memo) -> None:
        self.root, self.memo = os.path.abspath(root), memo
        self.known: dict[str, set[tuple[str, str]]] = {}
        self.busy = threading.local()
        self.thread = threading.get_ident()

    def saw(self, event: str, arguments: tuple[Any, ...]) -> None:
        if getattr(self.busy, "now", False):
            return
        self.busy.now = True
        try:
            self.judge(event, arguments, sys._getframe(2))
        finally:
            self.busy.now = False

    def judge(self, event: str, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
        if not arguments:
            return
        for importer in importers(frame, self.root):
            if event == "import":
                top = os.path.join(self.root, str(arguments[0]).partition(".")[0])
                if os.path.exists(top) or os.path.exists(top + ".py"):
                    self.note(importer, "module", str(arguments[0]))
            elif event == "variable":
                self.note(importer, "variable", str(arguments[0]))
            elif frame is not None and not reads_code(frame, arguments[0]):
                path = self.database(arguments[0], frame) if event == _DATABASE else arguments[0]
                name = self.relative(path)
                mode = arguments[1] if event == "open" and len(arguments) > 1 else "r"
                if name is not None and not (isinstance(mode, str) and set(mode) & set("wax")):
                    self.note(importer, "file", name)

    def database(self, name: object, frame: FrameType) -> str | None:
        """Return the file that the project's own code has SQLite open; a library may keep its own things in one."""
        if not isinstance(name, (str, bytes, os.PathLike)) or not _followed(frame.f_code.co_filename, self.root):
            return None
        from urllib.parse import unquote

        text = os.fsdecode(name)
        return unquote(text[5:].partition("?")[0]) if text.startswith("file:") else text or None

    def relative(self, path: object) -> str | None:
        """Return a path of the project, relative to it."""
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if path is None or not isinstance(path, (str, os.PathLike)):
            return None
        inside = os.path.relpath(os.path.abspath(path), self.root)
        parts = inside.split(os.sep)
        return None if parts[0] == ".." or _LIBRARY_FOLDERS & set(parts) else "/".join(parts)

    def memory(self) -> Memo:
        """Return the memory; in another thread one of its own, for its connection must not cross."""
        if threading.get_ident() == self.thread:
            return self.memo
        if not hasattr(self.busy, "memo"):
            self.busy.memo = Memo(self.memo.path, still=self.memo.still, algorithm=self.memo.algorithm)
        memo: Memo = self.busy.memo
        return memo

    def note(self, importer: str, kind: str, name: str) -> None:
        memo = self.memory()
        if kind == "file":
            path = os.path.join(self.root, *name.split("/"))
            asked.note(path, path_now(path, memo))
        elif kind == "variable":
            asked.note(asked.variable(name), variable_now(name))
        try:
            digest = loaded_digest(importer) or digest_file(importer).hex
        except OSError:
            return
        known = self.known.get(digest)
        if known is None:
            known = self.known[digest] = set(recalled(memo, digest))
        if (kind, name) not in known:
            known.add((kind, name))
            memo.remember(AUDIT, digest, json.dumps(sorted(known)).encode())
            memo.remember(AUDIT, NEWEST, json.dumps([digest, kind, name, time.time_ns()]).encode())


def importers(frame: FrameType | None, root: str) -> list[str]:
    """List the source files of the project whose import asks here.

    In a thread no import goes on that could have started it: it works for those of the others.
    """
    module = _module(frame)
    frames = [module] if module is not None else map(_module, sys._current_frames().values())
    return list(filter(None, (_source(one, root) for one in frames if one is not None)))


def _module(frame: FrameType | None) -> FrameType | None:
    """Return the nearest import that goes on here."""
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return frame


def _source(module: FrameType, root: str) -> str | None:
    """Return the source file of what is imported if it is the project's."""
    path = _followed(os.path.abspath(module.f_code.co_filename), root)
    return path if module.f_globals.get("__name__") != "__main__" else None


@lru_cache(maxsize=1024)
def _followed(path: str, root: str) -> str | None:
    """Return the path of a source file if it is the project's."""
    inside = path.startswith(root + os.sep) and not _LIBRARY_FOLDERS & set(path[len(root) :].split(os.sep))
    return path if inside else None


def reads_code(frame: FrameType, path: object) -> bool:
    """Say whether a file is opened to import it, or to quote a line of it in a warning, or a folder to look for one."""
    imports = frame.f_code.co_filename.startswith(_IMPORTER)
    name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
    if name and not name.endswith(_CODE) and _BEING_WRITTEN not in name:
        return imports and os.path.isdir(name)
    return imports or frame.f_globals.get("__name__") in ("linecache", "tokenize")


_watch: list[_Watch] = []
ears: list[Callable[[str | None], None]] = []  # who else is told which variable is asked for; None: of all their names


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watch or event not in _SHOWN_READS:
        if event in processes.STARTING:
            processes.heard(sys._getframe(1))
        return
    # What the store opens for itself is nothing that an import reads: a long look at the stack is spared.
    if event == "import" or not sys._getframe(1).f_code.co_filename.startswith(_STORING):
        _watch[-1].saw(event, arguments)


def _hands_on(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _HANDING_ON


class _Environ(os._Environ):  # type: ignore[type-arg]  # it takes arguments in typeshed only
    """The environment, telling which variables are asked for; no audit event does."""

    def __iter__(self) -> Iterator[str]:
        for ear in ears:
            ear(None)
        return super().__iter__()

    def __repr__(self) -> str:
        for ear in ears:
            ear(None)
        return super().__repr__()

    def __getitem__(self, key: str) -> str:
        name = os.fsdecode(key)  # of os.environb, too
        for ear in ears:
            ear(name)
        if _watch:
            asker = sys._getframe(1)
            while asker.f_back is not None and _hands_on(asker):
                asker = asker.f_back
            if _hands_on(asker) or _followed(os.path.abspath(asker.f_code.co_filename), _watch[-1].root):
                _watch[-1].saw("variable", (name,))
        return super().__getitem__(key)  # type: ignore[no-any-return]  # a str: see above


def _environments() -> list[os._Environ[Any]]:
    return [os.environ, os.environb] if os.supports_bytes_environ else [os.environ]


def install(root: str | os.PathLike[str], memo: Memo) -> None:
    """Watch imports of the project's modules from now on, for the rest of this process."""
    first = not _watch
    _watch[:] = [_Watch(os.fspath(root), memo)]
    if first:
        sys.addaudithook(_hook)
        for environment in _environments():
            environment.__class__ = _Environ


def moved(files: Mapping[str, str]) -> list[str]:
    """List those files that hold other bytes by now than these digests name, if another process may have read them."""
    return processes.moved(files, _watch[-1].memo if _watch else None) if processes.started() else []


def uninstall() -> None:
    """Watch no more, and forget what was found."""
    _watch[:] = []
    asked.clear()
    for environment in _environments():
        environment.__class__ = os._Environ
