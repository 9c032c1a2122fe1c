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
_SHOWN_READS = frozenset({"open", "os.listdir", "os.scandir", "import"})
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

    def saw(self, event: str, arguments: tuple[Any, ...]) -> None:
        if getattr(self.busy, "now", False):
            return
        self.busy.now = True
        try:
            self.judge(event, arguments, sys._getframe(2))
        finally:
            self.busy.now = False

    def judge(self, event: str, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
        importer = importing(frame, self.root)
        if importer is None or not arguments:
            return
        if event == "import":
            top = os.path.join(self.root, str(arguments[0]).partition(".")[0])
            if os.path.exists(top) or os.path.exists(top + ".py"):
                self.note(importer, "module", str(arguments[0]))
        elif event == "variable":
            self.note(importer, "variable", str(arguments[0]))
        elif frame is not None and not reads_code(frame):
            name = self.relative(arguments[0])
            mode = arguments[1] if event == "open" and len(arguments) > 1 else "r"
            if name is not None and not (isinstance(mode, str) and set(mode) & set("wax")):
                self.note(importer, "file", name)

    def relative(self, path: object) -> str | None:
        """Return a path of the project, relative to it."""
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if path is None or not isinstance(path, (str, os.PathLike)):
            return None
        inside = os.path.relpath(os.path.abspath(path), self.root)
        parts = inside.split(os.sep)
        return None if parts[0] == ".." or _LIBRARY_FOLDERS & set(parts) else "/".join(parts)

    def note(self, importer: str, kind: str, name: str) -> None:
        if kind == "file":
            path = os.path.join(self.root, *name.split("/"))
            asked.note(path, path_now(path, self.memo))
        elif kind == "variable":
            asked.note(asked.variable(name), variable_now(name))
        try:
            digest = loaded_digest(importer) or digest_file(importer).hex
        except OSError:
            return
        known = self.known.get(digest)
        if known is None:
            known = self.known[digest] = set(recalled(self.memo, digest))
        if (kind, name) not in known:
            known.add((kind, name))
            self.memo.remember(AUDIT, digest, json.dumps(sorted(known)).encode())
            self.memo.remember(AUDIT, NEWEST, json.dumps([digest, kind, name, time.time_ns()]).encode())


def importing(frame: FrameType | None, root: str) -> str | None:
    """Return the source file of the project whose import is going on here, if the nearest one is the project's."""
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            path = _followed(os.path.abspath(frame.f_code.co_filename), root)
            return path if frame.f_globals.get("__name__") != "__main__" else None
        frame = frame.f_back
    return None


@lru_cache(maxsize=1024)
def _followed(path: str, root: str) -> str | None:
    """Return the path of a source file if it is the project's."""
    inside = path.startswith(root + os.sep) and not _LIBRARY_FOLDERS & set(path[len(root) :].split(os.sep))
    return path if inside else None


def reads_code(frame: FrameType) -> bool:
    """Say whether a file is opened to import it, or to quote a line of it in a warning."""
    return frame.f_code.co_filename.startswith(_IMPORTER) or frame.f_globals.get("__name__") in (
        "linecache",
        "tokenize",
    )


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
            while asker.f_back is not None and asker.f_globals.get("__name__") in (
                "os",
                "collections.abc",
                "_collections_abc",
            ):
                asker = asker.f_back
            if os.path.abspath(asker.f_code.co_filename).startswith(_watch[-1].root + os.sep):
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
