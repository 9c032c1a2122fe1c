"""Writes a folder as one blob: the manifest of its files.

``{"files": [{"digest", "executable", "name", "size"}, …], "folders": [name, …], "tree": 1}``, canonical JSON, sorted
by name. Names are relative POSIX paths; bytes that are no UTF-8 are kept as surrogates. Only empty folders are
listed. The digest of a folder is the digest of its manifest.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator

from .. import errors
from ..digest import Algorithm, Digest, canonical_json, digest_bytes, digest_file
from ..lean import dataclass
from . import disk

FORMAT = 1


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file of a folder."""

    name: str
    digest: Digest
    executable: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds: its files, and the folders in it that are empty."""

    files: tuple[TreeFile, ...]
    folders: tuple[str, ...]

    def encoded(self) -> bytes:
        """Write the manifest in its one form."""
        rows = [
            {"name": f.name, "digest": f.digest.hex, "size": f.digest.size, "executable": f.executable}
            for f in self.files
        ]
        return canonical_json({"tree": FORMAT, "files": rows, "folders": list(self.folders)})

    @classmethod
    def decoded(cls, data: bytes) -> Manifest:
        """Read a manifest; KeptError if it is none or names anything outside its folder."""
        try:
            found = json.loads(data)
            files = tuple(_file(**row) for row in found["files"])
            folders = tuple(map(_inside, found["folders"]))
            sound = found["tree"] == FORMAT and cls(files, folders).encoded() == data
        except (ValueError, TypeError, KeyError, RecursionError):
            sound = False
        if not sound:
            raise errors.no_tree(digest_bytes(data).hex)
        _separate([*(f.name for f in files), *folders])
        return cls(files, folders)


def _file(name: object, digest: object, size: object, executable: object) -> TreeFile:
    if not (isinstance(digest, str) and type(size) is int and size >= 0 and isinstance(executable, bool)):
        raise ValueError(name)
    return TreeFile(_inside(name), Digest(digest, size), executable)


def _inside(name: object) -> str:
    """Return a name that stays below the folder it is joined to; any other is refused."""
    if not isinstance(name, str) or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise errors.tree_name(name)
    if os.name == "nt" and ("\\" in name or ":" in name):
        raise errors.tree_name(name)
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        raise errors.tree_name(name) from None
    return name


def _separate(names: list[str]) -> None:
    """Refuse names of which one is written twice, or is a folder of another."""
    taken = set(names)
    if len(taken) < len(names):
        raise errors.tree_name(next(name for name in names if names.count(name) > 1))
    for name in names:
        above = name
        while "/" in above:
            above = above.rpartition("/")[0]
            if above in taken:
                raise errors.tree_name(above)


def manifest(folder: str, file: Callable[[str], Digest] = digest_file) -> Manifest:
    """Look through a folder; ``file`` names what each file holds. Links to files count as the files.

    Links to folders and to nothing, pipes and sockets are refused: no manifest can hold them.
    """
    files: list[TreeFile] = []
    folders: list[str] = []
    for name, place, mode in _walk(folder, ""):
        if stat.S_ISDIR(mode):
            folders.append(name)
        else:
            files.append(TreeFile(_inside(name), file(place), bool(mode & stat.S_IXUSR)))
    return Manifest(tuple(sorted(files, key=lambda f: f.name)), tuple(sorted(folders)))


def _walk(folder: str, above: str) -> Iterator[tuple[str, str, int]]:
    """List (name, place, mode) of the files and the empty folders in a folder."""
    names = disk.listed(folder)
    if not names and above:
        yield above.rstrip("/"), folder, stat.S_IFDIR
    for name in names:
        place = os.path.join(folder, name)
        mode = os.lstat(place).st_mode
        if stat.S_ISDIR(mode):
            yield from _walk(place, f"{above}{name}/")
            continue
        if stat.S_ISLNK(mode):
            try:
                mode = os.stat(place).st_mode
            except OSError:
                raise errors.no_file(place) from None
        if not stat.S_ISREG(mode):
            raise errors.no_file(place)
        yield above + name, place, mode


def digest_folder(
    folder: str | os.PathLike[str], file: Callable[[str], Digest] = digest_file, algorithm: Algorithm = "sha256"
) -> Digest:
    """Name a folder as ``Store.put`` would, without keeping anything; ``file`` names by the same algorithm."""
    return digest_bytes(manifest(os.fspath(folder), file).encoded(), algorithm)
