"""Finds which installed distribution a module belongs to, and its exact version."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import lru_cache

from ..digest import Memo
from ..lean import dataclass, field

BY_FILES = "files "  # begins the version of what has none
_ENDINGS = (".dist-info", ".egg-info")
_MODULE_ENDINGS = (".py", ".pyc", ".so", ".pyd")


@dataclass(frozen=True, slots=True)
class Library:
    """An installed distribution; ``place`` is the folder that says so, and is gone when another version comes."""

    name: str
    version: str
    place: str


@dataclass
class Libraries:
    """The distributions in some folders, found by listing, not by ``importlib.metadata`` (40 ms)."""

    memo: Memo | None = None
    _owners: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def of(self, folder: str, module: str) -> list[Library]:
        """List the distributions in ``folder`` that hold a dotted module name; several may share a namespace."""
        owners = self.owners(folder)
        parts = module.split(".")
        for length in range(len(parts), 0, -1):
            found = owners.get(".".join(parts[:length]))
            if found:
                return [self.library(folder, one) for one in found]
        return [unpackaged(folder, parts[0], self.memo)]

    def owners(self, folder: str) -> dict[str, list[str]]:
        """Map top-level names, or deeper ones where they are shared, to the folders that describe their owners."""
        known = self._owners.get(folder)
        if known is not None:
            return known
        infos = sorted(name for name in _listing(folder) if name.endswith(_ENDINGS))
        key = hashlib.sha256(
            json.dumps([folder, infos, [_times(os.path.join(folder, one))[0] for one in infos]]).encode()
        ).hexdigest()
        stored = self.memo.recall("libraries", key) if self.memo is not None else None
        found = _remembered(stored)
        if found is None:
            found = _owners(folder, infos)
            if self.memo is not None:
                self.memo.remember("libraries", key, json.dumps(found).encode())
        self._owners[folder] = found
        return found

    @staticmethod
    def library(folder: str, info: str) -> Library:
        """Read one distribution's own description."""
        place = os.path.join(folder, info)
        stem = info.rpartition(".")[0].split("-")
        name, version = stem[0], stem[1] if len(stem) > 1 else "unknown"
        for line in _text(place, "METADATA", "PKG-INFO").split("\n\n")[0].splitlines():
            if line.startswith("Name: "):
                name = line[6:].strip()
            elif line.startswith("Version: "):
                version = line[9:].strip()
        return Library(name, version + _source(place), place)


def installed_since(moment_ns: int) -> set[str]:
    """Name, hyphened, the distributions that came since: what is loaded of them may be another version."""
    found: set[str] = set()
    for folder in sys.path:
        _, changed = _times(folder or os.curdir)
        if changed > moment_ns:
            found |= _came(folder or os.curdir, changed, moment_ns)
    return found


@lru_cache(maxsize=64)
def _came(folder: str, _changed: int, moment_ns: int) -> frozenset[str]:
    """Name those of one folder, as it is since it changed."""
    infos = (name for name in _listing(folder) if name.endswith(_ENDINGS))
    return frozenset(hyphened(one.split("-")[0]) for one in infos if _times(os.path.join(folder, one))[1] > moment_ns)


def hyphened(name: str) -> str:
    """Spell the name of a distribution in the one way that all spellings of it have in common."""
    return name.lower().replace("_", "-").replace(".", "-")


def _remembered(stored: bytes | None) -> dict[str, list[str]] | None:
    """Read who owns what; None where nothing is remembered, or it is damaged."""
    try:
        found = json.loads(stored or b"null")
        sound = all(type(infos) is list and all(type(one) is str for one in infos) for infos in found.values())
    except (ValueError, AttributeError, RecursionError):
        return None
    return found if sound else None


def _source(place: str) -> str:
    """Say which commit or archive a distribution came from, if not from an index: its version may stay the same."""
    try:
        told = json.loads(_text(place, "direct_url.json") or "{}")
    except ValueError:
        return ""
    commit = told.get("vcs_info", {}).get("commit_id")
    archive = told.get("archive_info", {}).get("hash")
    return f" @ {commit or archive}" if commit or archive else ""


def _listing(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _times(path: str) -> tuple[int, int]:
    """Return when something was modified and changed, in nanoseconds; zeros where nothing is."""
    try:
        seen = os.stat(path)
    except OSError:
        return 0, 0
    return seen.st_mtime_ns, seen.st_ctime_ns


def _text(place: str, *names: str) -> str:
    for name in (*names, ""):
        try:
            with open(os.path.join(place, name) if name else place, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            continue
    return ""


def _owners(folder: str, infos: list[str]) -> dict[str, list[str]]:
    """Read what each distribution holds: RECORD says it, else top_level.txt, else its name."""
    tops: dict[str, list[str]] = {}
    deep: dict[str, list[str]] = {}
    for info in infos:
        place = os.path.join(folder, info)
        modules = _modules(place)
        names = {one.partition(".")[0] for one in modules} | set(_text_of(place, "top_level.txt").split())
        for name in names or {info.split("-")[0]}:
            tops.setdefault(name, []).append(info)
        for module in modules:
            deep.setdefault(module, []).append(info)
    shared = {name for name, owners in tops.items() if len(owners) > 1}
    kept = {name: owners for name, owners in deep.items() if name.partition(".")[0] in shared and len(owners) == 1}
    return {**tops, **kept}


def _text_of(place: str, name: str) -> str:
    try:
        with open(os.path.join(place, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _modules(place: str) -> set[str]:
    """Name the modules and folders that RECORD lists, three levels deep at most."""
    found: set[str] = set()
    above: dict[str, list[str] | None] = {}  # folder → its names; None where they are no modules'
    for line in (_text_of(place, "RECORD") or _text_of(place, "SOURCES.txt")).splitlines():
        path = line.partition(",")[0]
        if not path.endswith(_MODULE_ENDINGS) or "__pycache__" in path:  # nearly all: headers, data and bytecode
            continue
        folder, _, file = path.rpartition("/")
        stem, _, ending = file.partition(".")
        module = ending in ("py", "pyd", "so", "pyc") or ending.endswith((".so", ".pyd"))
        if not module or not stem.isidentifier():
            continue
        if folder not in above:
            above[folder] = names = _names(folder)
            found |= {".".join(names[:depth]) for depth in range(1, min(len(names), 3) + 1)} if names else set()
        names = above[folder]
        if names is not None and len(names) < 3 and stem != "__init__":
            found.add(".".join([*names, stem]))
    return found


def _names(folder: str) -> list[str] | None:
    """Split a folder of RECORD into names of modules; None where it cannot hold any."""
    names = folder.split("/") if folder else []
    if folder.startswith(("..", "/")) or (names and names[0].endswith((*_ENDINGS, ".data"))):
        return None
    return names if all(name.isidentifier() for name in names) else None


def unpackaged(folder: str, top: str, memo: Memo | None) -> Library:
    """Let the digests of its files stand for the version of a module that was put there by hand."""
    hashed = hashlib.sha256()
    for path in files_of(folder, top):
        hashed.update(os.path.relpath(path, folder).encode())
        hashed.update((memo.file(path).hex if memo is not None else _digest(path)).encode())
    return Library(top, f"{BY_FILES}{hashed.hexdigest()[:16]}", os.path.join(folder, top))


def files_of(folder: str, top: str) -> list[str]:
    """List the files of a module that was put into a folder by hand."""
    base = os.path.join(folder, top)
    paths = [os.path.join(folder, name) for name in _listing(folder) if name.partition(".")[0] == top and "." in name]
    for here, folders, names in os.walk(base):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        paths += [os.path.join(here, name) for name in names]
    return sorted(path for path in paths if os.path.isfile(path))


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
