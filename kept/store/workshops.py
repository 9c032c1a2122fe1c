"""Makes folders to work in that go with their process; what a killed one has left goes when another makes its first."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from ..digest import digest_bytes
from . import disk, locks
from .layout import Layout, among

_HOST = os.uname().nodename if hasattr(os, "uname") else ""
# In the names of workshops: others may be at work on other machines, where this one sees neither their processes nor,
# perhaps, their locks.
HERE = digest_bytes(_HOST.encode(errors="replace")).hex[:8] + "-"
_WORKSHOP = re.compile(rf"(\d+)-{HERE}")
# Sockets lie in a temporary one, and the path of a socket has a hundred letters at most.
_TEMPORARY = re.compile(rf"kept-(\d+)-{HERE[:4]}[0-9a-f]{{4}}\Z")
_looked: set[str] = set()  # where this process has looked for what killed ones have left


def clear(layout: Layout) -> None:
    """Remove, once in a process, what killed processes of this machine were at: it may be as large as a disk."""
    if layout.tmp not in _looked and locks.WORKING:
        _looked.add(layout.tmp)
        _remove(place for place in _left(layout.tmp, _WORKSHOP) if disk.is_folder(place))
        if among():  # what nobody locks is nobody's if its process is certain to be gone
            for place in _left(layout.tmp, re.compile(rf"(\d+)-{re.escape(among())}")):
                with suppress(OSError):
                    disk.remove(place)


def clear_temporary() -> None:
    """Remove, once in a process, the temporary folders of this user's killed processes of this machine."""
    with suppress(OSError):  # there may be no folder for temporary files
        folder = tempfile.gettempdir()
        if folder not in _looked and locks.WORKING:
            _looked.add(folder)
            _remove(place for place in _left(folder, _TEMPORARY) if _mine(place))


@contextmanager
def temporary() -> Iterator[str]:
    """Make a private folder among the temporary files of the system, removed at the end; its path is short."""
    clear_temporary()
    place = _made(tempfile.gettempdir())
    held = locks.claim(place)
    try:
        yield place
    finally:
        with suppress(OSError):
            disk.remove(place)
        if held is not None:
            os.close(held)


def _made(top: str) -> str:
    while True:
        place = os.path.join(top, f"kept-{os.getpid()}-{HERE[:4]}{os.urandom(2).hex()}")
        with suppress(FileExistsError):
            os.mkdir(place, 0o700)
            return place


def _left(folder: str, named: re.Pattern[str]) -> Iterator[str]:
    """Name what lies in a folder and bears the number of a process that is gone."""
    with suppress(OSError):
        for name in disk.listed(folder):
            found = named.match(name)
            if found is not None and not _there(int(found[1])):
                yield os.path.join(folder, name)


def _remove(places: Iterable[str]) -> None:
    """Remove folders unless they are locked: a child of the process that is gone may be at work in one."""
    for place in places:
        held = locks.claim(place)
        if held is not None:
            with suppress(OSError):
                disk.remove(place)
            os.close(held)


def _mine(place: str) -> bool:
    """Say whether a folder is this user's own: in one of another's, links could lead the removal astray."""
    seen = disk.look(place)
    return seen is not None and disk.is_folder(place) and seen.st_uid == os.geteuid()


def _there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
