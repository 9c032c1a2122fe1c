"""Remembers that there was nothing to do, so that it can be said again before anything is imported.

A receipt is a pure optimisation: any doubt, and everything takes the normal path. One file per command line in
``artifacts/.kept/``; the bytes are a checksum and a marshalled tuple:

``scheme``       version of this layout, of kept, of the interpreter
``arguments``    the command line, the folder, whether the output goes to a terminal
``environment``  name → value of each variable that decides something
``paths``        every file and folder that was looked at: sources, inputs, artifacts, settings, folders of modules
``stats``        for each path (mtime_ns, ctime_ns, size, inode), or None where there was nothing
``text``         what the command printed
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib

SCHEME = 1
FOLDER = os.path.join("artifacts", ".kept")

# Variables that change what Python runs or what is printed, whoever asks for them.
ALWAYS = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONOPTIMIZE",
    "PYTHONHASHSEED",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONNOUSERSITE",
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
    prefix = (SCHEME, sys.hexversion, sys.executable, sys.prefix, sys.flags.optimize)
    return prefix, tuple(arguments), os.getcwd(), sys.stdout.isatty() if sys.stdout is not None else False


def stat(path: str) -> tuple[int, int, int, int] | None:
    """Return what a file system says of a path, or None if nothing is there."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino


def read(arguments: list[str]) -> str | None:
    """Return what the command printed when there was nothing to do, if nothing has changed since."""
    try:
        with open(place(arguments), "rb") as file:
            data = file.read()
        if zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):
            return None
        known, environment, paths, stats, text = marshal.loads(data[4:])  # noqa: S302  # our own, beside its checksum; no code comes of it
        if known != setting(arguments) or any(os.environ.get(name) != value for name, value in environment):
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


def write(arguments: list[str], names: set[str], paths: set[str], began_ns: int, text: str) -> bool:
    """Remember an answer, unless a file is newer than the run, or could have changed without its stat changing.

    ``began_ns`` is the file system's clock when the run began: what was edited after a stage was judged is newer.
    """
    wanted = sorted(paths)
    stats = []
    for path in wanted:
        seen = stat(path)
        if seen is None or max(seen[0], seen[1]) > began_ns - 2_000_000_000:
            return False
        stats.append(seen)
    environment = tuple((name, os.environ.get(name)) for name in sorted({*ALWAYS, *names}))
    answer: tuple[object, ...] = (setting(arguments), environment, tuple(wanted), tuple(stats), text)
    data = marshal.dumps(answer)  # type: ignore[arg-type]  # it holds plain values only
    target = place(arguments)
    spare = f"{target}.{os.getpid()}"
    with open(spare, "wb") as file:
        file.write(zlib.crc32(data).to_bytes(4, "big") + data)
    os.replace(spare, target)
    return True


def drop(folder: str) -> None:
    """Forget every answer: something is about to change."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith("receipt-"):
            try:
                os.unlink(os.path.join(folder, name))
            except OSError:  # somebody else has dropped it
                continue
