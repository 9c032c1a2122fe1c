"""Sees what loading dodo.py asks of the world, so that the same can be asked again without loading it.

Files that are opened, folders that are listed and programs that are started come as audit events of Python; whether
something is there, and variables, do not: `os.stat` and its like, `os.environ`, the search for modules and what is
printed are overheard until the tasks are made. What the project's code asks counts, through whatever library; what a
library asks while it is itself imported does not.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from . import receipt
from .fingerprint import audit

# Whatever these say may be another thing each time, and changes that loading makes would be left out next time.
_BEYOND = (
    "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "socket.", "sqlite3.", "ctypes.dl",
    "urllib.", "_thread.start", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link", "os.symlink",
)  # fmt: skip
_READS = frozenset({"open", "os.listdir", "os.scandir"})
_PATHS = _READS | {"os.mkdir"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Functions of the library that ask only whether something is there, or where a link leads.
_PRESENCE = frozenset({
    "exists", "lexists", "isdir", "isfile", "islink", "ismount", "is_dir", "is_file", "is_symlink", "_exists",
    "_lexists", "realpath", "_joinrealpath", "_realpath",
})  # fmt: skip
_ASKING = ("stat", "lstat", "access", "readlink")
_LISTING = frozenset({"os", "glob", "pathlib"})  # modules that look for names, and for what is a folder
# What they say is of the process or of the machine, and may be another thing next time.
_MACHINE = (
    "sched_getaffinity", "process_cpu_count", "getloadavg", "statvfs", "fstatvfs", "umask", "nice", "getpriority",
    "getuid", "geteuid", "getgid", "getegid", "getgroups", "getlogin", "get_terminal_size",
)  # fmt: skip
_OWN = (
    os.path.dirname(os.__file__) + os.sep,
    os.path.dirname(os.path.abspath(__file__)) + os.sep,
    "<",
)


class Witness:
    """What was asked for since it began."""

    def __init__(self) -> None:
        self.paths: dict[str, bool] = {}  # what a file or folder holds, and whether it was there
        self.kinds: dict[str, str] = {}  # what lies at a path, whatever it holds
        self.names: set[str] = set()
        self.code: set[str] = set()  # sources of the user's own that were opened to be run
        self.doubt = False  # whether something was asked that cannot be asked again
        self.modules: frozenset[str] = frozenset()  # that were loaded when it ended
        self._busy = False
        self._real: dict[str, Any] = {}

    def begin(self) -> None:
        """Listen until the end."""
        if not _witness:
            sys.addaudithook(_hook)
        _witness[:] = [self]
        audit.ears[:] = [self._variable]
        self._real = {name: getattr(os, name) for name in _ASKING}
        for name, asking in self._real.items():
            heard = self._listening(asking)
            setattr(os, name, heard)
            for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
                if asking in able:  # shutil asks when it is imported, and removes folders in another way if it is not
                    able.add(heard)
        for name in filter(functools.partial(hasattr, os), _MACHINE):
            self._real[name] = getattr(os, name)
            setattr(os, name, self._doubting(self._real[name]))
        for stream in (sys.stdout, sys.stderr):
            self._listen(stream)
        sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Listen no more, not even to who has taken `os.stat` for himself meanwhile."""
        self._busy, self.modules = True, frozenset(sys.modules)
        with contextlib.suppress(ValueError):  # somebody has put others in its place
            sys.meta_path.remove(self)
        audit.ears.clear()
        for name, asking in self._real.items():
            setattr(os, name, asking)
        self._real = {}
        for stream in (sys.stdout, sys.stderr):
            vars(stream).pop("write", None) if stream is not None else None
        _witness[:] = [None]

    def heard(self, event: str, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
        """Take note of an audit event, if the project's own code is behind it."""
        if self._busy or self.doubt or not _asks(frame):
            return
        beyond = event not in _PATHS
        writes = event == "open" and _writes(*arguments[1:3])
        plain = not beyond and isinstance(arguments[0], (str, bytes, os.PathLike, type(None)))
        if _looks_for_code(frame):
            if plain and not writes and event in _READS:
                self._code(_source(arguments[0]))
        elif writes or not plain:
            self.doubt = not (event == "open" and type(arguments[0]) is int)
        else:
            self._path(arguments[0])
            if event == "os.scandir":
                self._entries(arguments[0], frame)

    def find_spec(self, name: str, path: Iterable[str] | None = None, _target: object = None) -> None:
        """Take note of where a module is looked for, as one of Python's finders; the next of them finds it."""
        if self._busy or self.doubt or not _asks(sys._getframe(1)):
            return
        for folder in [one for one in (sys.path if path is None else path) if isinstance(one, str)]:
            self._path(folder)
            inside = os.path.join(os.path.abspath(folder), name.rpartition(".")[2])
            if not _library(inside):  # it may become a package
                self._folder(inside)

    def _folder(self, path: str) -> None:
        self._busy = True
        there = os.path.isdir(path)
        self._busy = False
        if there:
            self._path(path)

    def _code(self, path: Any) -> None:
        self._path(path)
        name = os.path.abspath(os.fsdecode(path if path is not None else os.curdir))
        if name.endswith(".py") and not _library(name):
            self.code.add(name)

    def _entries(self, folder: Any, frame: FrameType | None) -> None:
        """Take note of what is in a folder: what an entry of `os.scandir` is asked, nobody hears."""
        names_only = frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _LISTING
        self._busy = True
        try:
            with os.scandir(folder) as found:
                entries = [(entry.path, entry.is_symlink()) for entry in found]
        except OSError:
            entries = []
        self._busy = False
        for path, leads in entries:
            if leads:
                self._presence(path)
            if not names_only:
                self._path(path)

    def _path(self, path: Any) -> None:
        self._busy = True
        name = os.path.abspath(os.fsdecode(path if path is not None else os.curdir))
        if name not in self.paths:
            self.paths[name] = receipt.stat(name) is not None
        self._busy = False

    def _presence(self, path: Any) -> None:
        self._busy = True
        name = os.path.abspath(os.fsdecode(path))
        if name not in self.kinds:
            self.kinds[name] = receipt.kind(name)
        self._busy = False

    def _variable(self, name: str | None) -> None:
        if _asks(sys._getframe(2)):
            self.names |= {name} if name is not None else set()
            self.doubt |= name is None  # all of them were listed

    def _listening(self, asking: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(asking)
        def asked(path: Any, *rest: Any, **options: Any) -> Any:
            frame = sys._getframe(1)
            if not self._busy and _asks(frame) and type(path) is not int:
                if options.get("dir_fd") is not None:
                    self.doubt = True
                elif isinstance(path, (str, bytes, os.PathLike)):
                    (self._presence if _of_presence(frame) else self._path)(path)
            return asking(path, *rest, **options)

        return asked

    def _doubting(self, asking: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(asking)
        def asked(*given: Any, **options: Any) -> Any:
            self.doubt |= not self._busy and _asks(sys._getframe(1))
            return asking(*given, **options)

        return asked

    def _listen(self, stream: Any) -> None:
        """Hear of what is printed: without loading nobody would print it."""
        if stream is None:
            return
        write = stream.write

        def heard(text: Any) -> Any:
            self.doubt = True
            return write(text)

        try:
            stream.write = heard
        except AttributeError:  # a stream of an unknown kind
            self.doubt = True


_witness: list[Witness | None] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    witness = _witness[-1]
    if witness is not None and (event in _PATHS or event.startswith(_BEYOND)):
        witness.heard(event, arguments, sys._getframe(1))


def _writes(mode: object = "r", flags: object = 0) -> bool:
    return bool(set(mode) & set("wax+")) if isinstance(mode, str) else bool(isinstance(flags, int) and flags & _WRITES)


@functools.cache
def _library(file: str) -> bool:
    """Say whether a file is Python's, a library's, or ours."""
    return file.startswith(_OWN) or bool({"site-packages", "dist-packages"} & set(file.split(os.sep)))


def _looks_for_code(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(("<frozen importlib", "<frozen runpy"))


def _source(path: Any) -> Any:
    """Return the source of which a file is the bytecode; of any other file, the file."""
    try:
        name = os.fsdecode(path)
        return importlib.util.source_from_cache(name) if name.endswith(".pyc") else path
    except (TypeError, ValueError, NotImplementedError):
        return path


def _asks(frame: FrameType | None) -> bool:
    """Say whether the user's code asks, through libraries maybe, but not to import one.

    A thread in which only a library is to be seen was told by somebody to ask.
    """
    while frame is not None:
        code = frame.f_code
        if not _library(code.co_filename):
            return frame.f_globals.get("__name__") != "__main__"
        if code.co_name == "<module>" or code.co_filename == audit.__file__:  # it writes down what it has seen
            return False
        frame = frame.f_back
    return True


def _of_presence(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_name in ("stat", "lstat", "readlink"):  # methods of pathlib
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name in _PRESENCE and _library(frame.f_code.co_filename)
