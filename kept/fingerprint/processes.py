"""Knows whether code of the project may have been loaded by other processes that were started here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import FrameType

from ..digest import Memo, digest_file
from .loading import PYTHON

STARTING = frozenset(
    {"subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "_winapi.CreateProcess"}
)
_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_POPEN = ".popen_"  # what multiprocessing, and who copies it, imports to start a process; no audit event tells of that

_started = [False]
_looked_at = [0]  # how many modules there were


def heard(frame: FrameType | None) -> None:
    """Take note that a process is being started, unless kept itself starts it: that loads no code of the project."""
    while frame is not None and _of_python(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None or not frame.f_code.co_filename.startswith(_OWN):
        _started[0] = True


def _of_python(file: str) -> bool:
    return file.startswith((PYTHON, "<")) and "-packages" not in file


def started() -> bool:
    """Say whether any was started in this process: it may be there still, and load code when that is needed."""
    if not _started[0] and len(sys.modules) != _looked_at[0]:
        _looked_at[0] = len(sys.modules)
        _started[0] = any(_POPEN in name for name in list(sys.modules))
    return _started[0]


def moved(files: Mapping[str, str], memo: Memo | None) -> list[str]:
    """List those files that hold other bytes by now than these digests name."""
    return [path for path, digest in files.items() if _now(path, memo) != digest]


def _now(path: str, memo: Memo | None) -> str:
    try:
        return (memo.file(path) if memo is not None else digest_file(path)).hex
    except OSError:
        return ""
