"""Remembers what was up to date, so that it can be said again before anything is imported.

A receipt is a pure optimisation: any doubt, and everything takes the normal path. One file per command line in
``artifacts/.kept/``; the bytes are a checksum and a marshalled tuple:

``known``        what must be the same for an answer to be the same, the files aside: see ``setting``
``turn``         size of the file ``changes``, which grows whenever something is about to change
``environment``  name and value of each variable that decides something, as the run was given it
``kinds``        paths of which only the kind counts, and the kind: see ``kind``
``paths``        every file and folder that was looked at: sources, inputs, artifacts, settings, folders of modules;
                 bytes, a NUL after each
``states``       for each path mtime_ns, ctime_ns, size and inode, 8 bytes each; ``UNTRUSTED`` where it was too new
``text``         what the command prints when there is nothing to do; None where something had been done
``owners``       for each path the stages that it concerns, marshalled by itself; none: it concerns everything
"""

from __future__ import annotations

import gc
import marshal
import os
import sys
import zlib

TYPE_CHECKING = False  # typing is not imported: it costs more than the whole answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    State = tuple[int, int, int, int]

SCHEME = 5
_VERSION = sys.modules[__name__.partition(".")[0]].__version__  # of kept
FOLDER = os.path.join("artifacts", ".kept")
CHANGES = "changes"
RACY_NS = 2_000_000_000  # a file that is younger may change once more without its stat changing
NOTHING = ""  # the kind of a path where nothing is
UNTRUSTED = (0, 0, -1, 0)  # the state of no file
_STATE = "=3qQ"
_LONG_AGO = -(2**63)  # in nanoseconds, the year 1677: some file systems go back further

# Variables that change what Python runs or what is printed, whoever asks for them.
ALWAYS = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONHASHSEED",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONPLATLIBDIR",
    "PYTHONIOENCODING",
    "VIRTUAL_ENV",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "NO_COLOR",
    "TERM",
    "DOIT_FILE",
    "DOIT_SEEK_FILE",
)

# Options that change nothing of what is up to date; after any other the normal path is taken.
_ANSWERED = frozenset({
    "-v", "--verbosity", "-n", "--process", "-P", "--parallel-type", "-c", "--continue", "--no-continue",
    "-v0", "-v1", "-v2",
})  # fmt: skip


def answerable(arguments: list[str]) -> bool:
    """Say whether a command line may be answered from a receipt at all."""
    return all(argument.partition("=")[0] in _ANSWERED for argument in arguments if argument[:1] == "-")


def place(arguments: list[str]) -> str:
    """Return the path of the receipt for a command line, below the current folder."""
    name = zlib.crc32("\0".join(arguments).encode("utf-8", "surrogateescape"))
    return os.path.join(FOLDER, f"receipt-{name:08x}")


def setting(arguments: list[str]) -> tuple[object, ...]:
    """Return what must be the same for an answer to be the same, the files aside."""
    python = (SCHEME, _VERSION, sys.hexversion, sys.executable, sys.prefix, tuple(sys.flags), tuple(sys.warnoptions))
    machine = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    out = sys.stdout
    screen = (out.isatty(), out.encoding, out.errors) if out is not None else None
    return python, tuple(sys.path[1:]), tuple(arguments), os.getcwd(), machine, os.cpu_count(), screen


def stat(path: str) -> State | None:
    """Return what a file system says of a path, or None if nothing is there."""
    try:
        seen = os.stat(path)
    except (OSError, ValueError):
        return None
    return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino


def kind(path: str) -> str:
    """Say what lies at a path, whatever it holds: nothing, a folder, a file; with where it leads if it is a link."""
    leads = ""
    try:
        if os.path.islink(path):
            leads = "-> " + os.readlink(path) + " "
        return f"{leads}{os.stat(path).st_mode >> 12}"
    except (OSError, ValueError):
        return leads or NOTHING


def turns(folder: str = FOLDER) -> int:
    """Say how often something was about to change here."""
    try:
        return os.stat(os.path.join(folder, CHANGES)).st_size
    except OSError:
        return 0


def read(arguments: list[str]) -> str | None:
    """Return what the command printed when there was nothing to do, if nothing has changed since."""
    looks_for_rings = gc.isenabled()
    gc.disable()  # among so many new objects, none of them a ring, it takes as long as a third of all the rest
    try:
        paths, states, text, _ = _load(arguments, setting(arguments), os.environ)
        if text is None or not unchanged(paths, states):
            return None
        answer: str = text + ""  # whatever else stands there is no answer
    except (OSError, ValueError, EOFError, TypeError, AttributeError):
        return None
    finally:
        if looks_for_rings:
            gc.enable()
    return answer


def _looked_at(paths: bytes, states: bytes) -> Iterator[tuple[bytes, State]]:
    """Yield every path with its state; ValueError where there are not as many of one as of the other."""
    import struct

    names = paths.split(b"\0")[:-1]
    if len(states) != len(names) * struct.calcsize(_STATE):
        raise ValueError
    return zip(names, struct.iter_unpack(_STATE, states))  # noqa: B905  # just compared


def in_python(paths: bytes, states: bytes) -> bool:
    """Say whether every path still is as it was seen: what `_stats` does in half the time."""
    ask = os.stat
    try:
        for path, expected in _looked_at(paths, states):
            seen = ask(path)
            if (seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino) != expected:
                return False
    except (OSError, ValueError):
        return False
    return True


try:
    from ._stats import unchanged
except ImportError:  # there was no compiler where kept was installed
    unchanged = in_python


def _load(arguments: list[str], now: tuple[object, ...], variables: Mapping[str, str]) -> tuple[Any, Any, Any, Any]:
    """Read a receipt; ValueError, among others, where it is damaged or was written for something else."""
    with open(place(arguments), "rb") as file:
        data = memoryview(file.read())
    if zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):
        raise ValueError
    known, turn, environment, kinds, *rest = marshal.loads(data[4:])  # noqa: S302  # our own, beside its checksum; no code comes of it
    if known != now or turn != (turns(), _memory()):
        raise ValueError
    if any(variables.get(name) != value for name, value in environment):
        raise ValueError
    if any(kind(path) != expected for path, expected in kinds):
        raise ValueError
    paths, states, text, owners = rest
    return paths, states, text, owners


def _memory() -> int:
    """Tell the memory from another one in its place; OSError where there is none: then nothing is claimed."""
    return os.stat(os.path.join(FOLDER, "memo.db")).st_ino


class Asked:
    """A command line as it was asked, before anything was loaded for it."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.setting = setting(arguments)
        self.environment = dict(os.environ)
        self.turns = turns()
        self.began_ns = 0  # by the project's file system, before dodo.py was loaded

    def standing(self) -> dict[str, dict[str, State]]:
        """Return the files, with their stats, of every stage none of whose own files has changed.

        None stands if anything has changed that concerns all. What others give to a stage is not looked at.
        """
        found: dict[str, dict[str, State]] = {}
        changed: set[str] = set()
        try:
            if os.getcwd() != self.setting[3]:
                return {}
            paths, states, _, owners = _load(self.arguments, self.setting, self.environment)
            for (name, expected), tasks in zip(_looked_at(paths, states), marshal.loads(owners), strict=True):  # noqa: S302  # see _load
                path = os.fsdecode(name)
                same = stat(path) == expected
                if not same and not tasks:
                    return {}
                if not same:
                    changed.update(tasks)
                for task in tasks:
                    found.setdefault(task, {})[path] = expected
        except (OSError, ValueError, EOFError, TypeError, AttributeError):
            return {}
        return {task: files for task, files in found.items() if task not in changed}

    def write(
        self,
        names: Iterable[str],
        kinds: Mapping[str, str],
        files: Mapping[str, Iterable[str]],
        known: Mapping[str, State],
        text: str | None,
        changes: int = 0,
    ) -> bool:
        """Remember an answer: ``files`` gives each path the stages that it concerns, none for all.

        ``known`` gives the stats of some paths as they were judged; of the others it is taken now. What is newer than
        the beginning of this run is not trusted: what was judged may have been something else, or could have changed
        again without its stat changing. ``changes`` counts what this process itself was about to change.
        """
        import struct

        if self.turns + changes != turns():
            return False
        states: list[State] = []
        owners: list[tuple[str, ...]] = []
        for path, tasks in files.items():
            seen = known.get(path) or stat(path)
            old = seen is not None and max(seen[0], seen[1]) <= self.began_ns - RACY_NS and seen[0] > _LONG_AGO
            owners.append(tuple(tasks))
            states.append(seen if seen is not None and old else UNTRUSTED)
            if not old and not owners[-1]:
                return False
        text = None if UNTRUSTED in states else text
        environment = tuple((name, self.environment.get(name)) for name in sorted({*ALWAYS, *names}))
        turn = (self.turns + changes, _memory())
        answer: tuple[object, ...] = (
            self.setting, turn, environment, tuple(kinds.items()),
            b"".join(os.fsencode(path) + b"\0" for path in files),
            b"".join(struct.pack(_STATE, *state) for state in states), text, marshal.dumps(tuple(owners)),
        )  # fmt: skip
        _replace(place(self.arguments), marshal.dumps(answer))  # type: ignore[arg-type]  # it holds plain values only
        return True


def _replace(target: str, data: bytes) -> None:
    spare = f"{target}.{os.getpid()}"
    with open(spare, "wb") as file:
        file.write(zlib.crc32(data).to_bytes(4, "big") + data)
    os.replace(spare, target)


def drop(folder: str) -> int:
    """Forget every answer; return the open file where each thing that is about to change is to be counted."""
    counted = os.open(os.path.join(folder, CHANGES), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for name in os.listdir(folder):
        if name.startswith("receipt-"):
            try:
                os.unlink(os.path.join(folder, name))
            except OSError:  # somebody else has dropped it
                continue
    return counted
