"""Remembers what was up to date, so that it can be said again before anything is imported.

A receipt is a pure optimisation: any doubt, and everything takes the normal path. One file per command line in
``artifacts/.kept/``; the bytes are a checksum and a marshalled tuple:

``known``        what must be the same for an answer to be the same, the files aside: see ``setting``
``turns``        size of the file ``changes``, which grows whenever something is about to change
``environment``  name and value of each variable that decides something
``absent``       paths where there must be nothing
``paths``        every file and folder that was looked at: sources, inputs, artifacts, settings, folders of modules
``stats``        for each path (mtime_ns, ctime_ns, size, inode); None where it was too new to be trusted
``owners``       for each path the stages that it concerns; none: it concerns everything
``text``         what the command prints when there is nothing to do; None where something had been done
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib

TYPE_CHECKING = False  # typing is not imported: it costs more than the whole answer

if TYPE_CHECKING:
    from typing import Any

    State = tuple[int, int, int, int]

SCHEME = 2
FOLDER = os.path.join("artifacts", ".kept")
CHANGES = "changes"
RACY_NS = 2_000_000_000  # a file that is younger may change once more without its stat changing

# Variables that change what Python runs or what is printed, whoever asks for them.
ALWAYS = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONHASHSEED",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONPLATLIBDIR",
    "VIRTUAL_ENV",
    "NO_COLOR",
    "TERM",
    "DOIT_CONFIG",
)


# Options after which the answer depends on more than files, or goes elsewhere.
_UNANSWERED = (
    "-f", "--file", "-d", "--dir", "-k", "--seek-file", "-o", "--output-file", "-a", "--always-execute",
    "-r", "--reporter", "--pdb", "--db-file", "--out",
)  # fmt: skip


def answerable(arguments: list[str]) -> bool:
    """Say whether a command line may be answered from a receipt at all."""
    return not any(argument.partition("=")[0] in _UNANSWERED for argument in arguments)


def place(arguments: list[str]) -> str:
    """Return the path of the receipt for a command line, below the current folder."""
    name = zlib.crc32("\0".join(arguments).encode("utf-8", "surrogateescape"))
    return os.path.join(FOLDER, f"receipt-{name:08x}")


def setting(arguments: list[str]) -> tuple[object, ...]:
    """Return what must be the same for an answer to be the same, the files aside."""
    python = (SCHEME, sys.hexversion, sys.executable, sys.prefix, tuple(sys.flags), tuple(sys.warnoptions))
    out = sys.stdout
    screen = (out.isatty(), out.encoding, out.errors) if out is not None else None
    return python, tuple(sys.path[1:]), tuple(arguments), os.getcwd(), screen


def stat(path: str) -> State | None:
    """Return what a file system says of a path, or None if nothing is there."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino


def turns(folder: str = FOLDER) -> int:
    """Say how often something was about to change here."""
    try:
        return os.stat(os.path.join(folder, CHANGES)).st_size
    except OSError:
        return 0


def read(arguments: list[str]) -> str | None:
    """Return what the command printed when there was nothing to do, if nothing has changed since."""
    try:
        paths, stats, _, text = _load(arguments, setting(arguments))
        if text is None:
            return None
        ask = os.stat
        for path, expected in zip(paths, stats):  # noqa: B905  # strict= costs, and both were written together
            seen = ask(path)
            if (seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino) != expected:
                return None
        answer: str = text + ""  # whatever else stands there is no answer
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return answer


def _load(arguments: list[str], now: tuple[object, ...]) -> tuple[Any, Any, Any, Any]:
    """Read a receipt; ValueError, among others, where it is damaged or was written for something else."""
    with open(place(arguments), "rb") as file:
        data = file.read()
    if zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):
        raise ValueError
    known, turn, environment, absent, *rest = marshal.loads(data[4:])  # noqa: S302  # our own, beside its checksum; no code comes of it
    if known != now or turn != turns() or any(map(os.path.lexists, absent)):
        raise ValueError
    if any(os.environ.get(name) != value for name, value in environment):
        raise ValueError
    paths, stats, owners, text = rest
    return paths, stats, owners, text


class Asked:
    """A command line as it was asked, before anything was loaded for it."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.setting = setting(arguments)
        self.turns = turns()
        self.began_ns = _clock()

    def standing(self) -> dict[str, dict[str, State]]:
        """Return the files, with their stats, of every stage none of whose files has changed.

        Nothing stands if anything has changed that concerns all. What a stage is given by others is not looked at.
        """
        found: dict[str, dict[str, State]] = {}
        changed: set[str] = set()
        try:
            paths, stats, owners, _ = _load(self.arguments, self.setting)
            for path, expected, tasks in zip(paths, stats, owners, strict=True):
                same = expected is not None and stat(path) == expected
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
        names: set[str],
        files: dict[str, set[str]],
        known: dict[str, State],
        text: str | None,
        *,
        changed: bool,
    ) -> bool:
        """Remember an answer: ``files`` gives each path the stages that it concerns, ``known`` the stats of some.

        A stat from after the beginning of this run is not trusted: what was judged may have been something else.
        ``changed`` says whether this process itself has changed something, once.
        """
        if self.turns + changed != turns():
            return False
        absent, paths, stats, owners = [], [], [], []
        for path, tasks in files.items():
            seen = known.get(path) or stat(path)
            if seen is None:
                absent.append(path)
                continue
            new = max(seen[0], seen[1]) > self.began_ns - RACY_NS
            if new and not tasks:
                return False
            text = None if new else text
            paths.append(path)
            stats.append(None if new else seen)
            owners.append(tuple(sorted(tasks)))
        environment = tuple((name, os.environ.get(name)) for name in sorted({*ALWAYS, *names}))
        answer: tuple[object, ...] = (
            self.setting, turns(), environment, tuple(absent), tuple(paths), tuple(stats), tuple(owners), text,
        )  # fmt: skip
        _replace(place(self.arguments), marshal.dumps(answer))  # type: ignore[arg-type]  # it holds plain values only
        return True


def _clock() -> int:
    """Read the clock of the file system, where there is a store yet; else the time before all others."""
    try:
        os.utime(os.path.join(FOLDER, "clock"))
        return os.stat(os.path.join(FOLDER, "clock")).st_mtime_ns
    except OSError:
        return 0


def _replace(target: str, data: bytes) -> None:
    spare = f"{target}.{os.getpid()}"
    with open(spare, "wb") as file:
        file.write(zlib.crc32(data).to_bytes(4, "big") + data)
    os.replace(spare, target)


def drop(folder: str) -> None:
    """Forget every answer: something is about to change."""
    try:
        names = os.listdir(folder)
        with open(os.path.join(folder, CHANGES), "ab") as file:
            file.write(b".")
    except OSError:
        return
    for name in names:
        if name.startswith("receipt-"):
            try:
                os.unlink(os.path.join(folder, name))
            except OSError:  # somebody else has dropped it
                continue
