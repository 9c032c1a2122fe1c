"""Finds modules as Python would, without importing them, remembering every look-up."""

from __future__ import annotations

import ast
import contextlib
import enum
import functools
import importlib.machinery
import io
import os
import re
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import errors
from ..digest import Memo, Stat, digest_bytes
from ..lean import dataclass, field
from .canonical import SCHEME
from .words import STANDARD

if TYPE_CHECKING:  # and what reads sources is loaded for a source that was never read
    from .summary import Summary

_ENDINGS = (*importlib.machinery.EXTENSION_SUFFIXES, ".py")  # in Python's order
_PACKAGES = tuple("__init__" + ending for ending in _ENDINGS)
_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
ENGINE = "kept"  # declarations of pipelines are no part of what a stage does


class Kind(enum.Enum):
    """What a module name leads to."""

    SOURCE = "source"
    EXTENSION = "extension"
    NAMESPACE = "namespace"
    STANDARD = "standard"
    LIBRARY = "library"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a module is: ``path`` is its file, ``folders`` are where its submodules are looked for."""

    kind: Kind
    path: str = ""
    folders: tuple[str, ...] = ()

    @property
    def followed(self) -> bool:
        """Say whether this is code of the project."""
        return self.kind in (Kind.SOURCE, Kind.EXTENSION, Kind.NAMESPACE)


_listed: dict[str, tuple[Stat, frozenset[str]]] = {}  # settled folder of libraries → how it looks, the names in it


@dataclass
class Project:
    """The modules that a name can lead to from ``root``, as of now; make a new one for a new look."""

    root: str
    memo: Memo | None = None
    lookups: dict[str, dict[str, str]] = field(default_factory=dict)  # folder -> name -> what was found
    files: dict[str, str] = field(default_factory=dict)  # path -> sha256 of the bytes that were summarised

    def __post_init__(self) -> None:
        self.root = os.path.abspath(self.root)
        self.entries = search_path(self.root)
        self._listings: dict[str, frozenset[str]] = {}
        self._places: dict[str, Place] = {}
        self._summaries: dict[str, Summary] = {}
        self._sources: dict[str, bytes] = {}
        self._lines: dict[str, list[str]] = {}
        self._editable: dict[str, str] | None = None

    # ---- look-ups

    def add_entry(self, folder: str) -> bool:
        """Look in one more folder, as code of the project makes Python do; say whether that is news."""
        if not os.path.isdir(folder) or folder in (known for known, _ in self.entries):
            return False
        self.entries.insert(1, (folder, Kind.SOURCE))
        self._places.clear()
        return True

    def find(self, module: str) -> Place:
        """Say where a module is; submodules are looked for in their packages."""
        place = self._places.get(module)
        if place is None:
            parent, _, name = module.rpartition(".")
            place = self._submodule(parent, name) if parent else self._top(name)
            self._places[module] = place
        return place

    def _submodule(self, parent: str, name: str) -> Place:
        above = self.find(parent)
        if above.kind in (Kind.STANDARD, Kind.LIBRARY):
            return above
        spaces: list[str] = []
        for folder in above.folders:
            place = self._look(folder, name)
            if place is not None and place.kind is not Kind.NAMESPACE:
                return place
            spaces += place.folders if place is not None else ()
        return Place(Kind.NAMESPACE, "", tuple(spaces)) if spaces else Place(Kind.ABSENT)

    def _top(self, name: str) -> Place:
        if name == ENGINE or name in sys.builtin_module_names:
            return Place(Kind.STANDARD)
        spaces: list[str] = []
        for folder, kind in self.entries:
            if kind is Kind.STANDARD:
                if name in STANDARD:
                    return Place(Kind.STANDARD)
                continue
            place = self._look(folder, name)
            if place is None:
                continue
            if kind is Kind.LIBRARY:
                return Place(Kind.LIBRARY, folder)
            if place.kind is not Kind.NAMESPACE:
                return place
            spaces += place.folders
        if name in STANDARD:
            return Place(Kind.STANDARD)
        return Place(Kind.NAMESPACE, "", tuple(spaces)) if spaces else self._installed_editable(name)

    def _look(self, folder: str, name: str) -> Place | None:
        """Look for a module in one folder, in Python's order, and remember what was found there."""
        found = self._found(folder, name)
        self.lookups.setdefault(folder, {})[name] = found
        if not found:
            return None
        path = os.path.join(folder, name)
        if found.endswith("/"):
            return Place(Kind.NAMESPACE, "", (path,))
        kind = Kind.SOURCE if found.endswith(".py") else Kind.EXTENSION
        return Place(kind, os.path.join(folder, *found.split("/")), (path,) if "/" in found else ())

    def again(self, folder: str, names: dict[str, str]) -> bool:
        """Say whether look-ups in a folder find what they found."""
        for name, found in names.items():
            if name == "*":
                if " ".join(sorted(self._stems(folder))) != found:
                    return False
                continue
            if self._found(folder, name) != found:
                return False
        return True

    def _found(self, folder: str, name: str) -> str:
        """Say what Python would load from a folder: a package before a module before a folder without code."""
        names = self.listing(folder)
        is_folder = name in names and os.path.isdir(path := os.path.join(folder, name))
        if is_folder:
            inside = self.listing(path)
            for package in _PACKAGES:
                if package in inside:
                    return f"{name}/{package}"
        for ending in _ENDINGS:
            if name + ending in names:
                return name + ending
        return name + "/" if is_folder else ""

    def listing(self, folder: str) -> frozenset[str]:
        """Return the names in a folder; none if it is not there."""
        names = self._listings.get(folder)
        if names is None:
            names = self._listings[folder] = self._listed(folder)
        return names

    def _listed(self, folder: str) -> frozenset[str]:
        """List a folder; those of libraries, which are large, once a process while they stay as they have long been."""
        try:
            if (folder + os.sep).startswith(self.root + os.sep) and not _of_libraries(folder):
                return frozenset(os.listdir(folder))
            stat = Stat.of(folder)
            known = _listed.get(folder)
            if known is not None and known[0] == stat:
                return known[1]
            names = frozenset(os.listdir(folder))
            if not stat.racy_at(time.time_ns()):
                _listed[folder] = (stat, names)
            return names
        except OSError:
            return frozenset()

    def _installed_editable(self, name: str) -> Place:
        """Look among the packages that were installed by reference to their source."""
        if self._editable is None:
            self._editable = {}
            for folder, kind in self.entries:
                if kind is Kind.LIBRARY:
                    for file in sorted(
                        one for one in self.listing(folder) if re.fullmatch(r"__editable__.*_finder\.py", one)
                    ):
                        self._editable |= _mapping(os.path.join(folder, file))
        path = self._editable.get(name)
        if path is None:
            return Place(Kind.ABSENT)
        return self._look(os.path.dirname(path), os.path.basename(path).removesuffix(".py")) or Place(Kind.ABSENT)

    def submodules(self, package: str) -> list[str]:
        """Name the modules directly in a package, or the top ones of the project where ``package`` is empty."""
        folders = self.find(package).folders if package else (self.root,)
        found: set[str] = set()
        for folder in folders:
            stems = self._stems(folder)
            self.lookups.setdefault(folder, {})["*"] = " ".join(sorted(stems))
            found |= {stem for stem in stems if stem.isidentifier()}
        return [f"{package}.{name}" if package else name for name in sorted(found)]

    def _stems(self, folder: str) -> set[str]:
        names = self.listing(folder)
        stems = {name.removesuffix(".py") for name in names if name.endswith(".py") and name != "__init__.py"}
        return stems | {name for name in names if ".py" in {n[-3:] for n in self.listing(os.path.join(folder, name))}}

    def everything(self, package: str = "") -> Iterator[str]:
        """Name all modules in a package, or in the project."""
        for module in self.submodules(package):
            yield module
            if self.find(module).folders:
                yield from self.everything(module)

    # ---- sources

    def source(self, path: str) -> bytes:
        """Return the bytes of a project file, as they are fingerprinted."""
        data = self._sources.get(path)
        if data is None:
            with open(path, "rb") as file:
                data = self._sources[path] = file.read()
            self.files[path] = digest_bytes(data).hex
        return data

    def lines(self, path: str) -> list[str]:
        """Return the lines of a source file as they are numbered by Python."""
        known = self._lines.get(path)
        if known is None:
            text = io.TextIOWrapper(io.BytesIO(self.source(path)), "utf-8", "replace", newline=None).read()
            known = self._lines[path] = text.split("\n")
        return known

    def summary(self, path: str) -> Summary:
        """Return what a source file says, remembered by its digest."""
        known = self._summaries.get(path)
        if known is not None:
            return known
        from .summary import from_bytes, to_bytes

        name = self._digest(path)
        stored = self.memo.recall("summary", f"{SCHEME}:{name}") if self.memo is not None else None
        found = from_bytes(stored) if stored is not None else None
        if found is None:
            found = self._read(path)
            if self.memo is not None:
                self.memo.remember("summary", f"{SCHEME}:{self.files[path]}", to_bytes(found))
        self._summaries[path] = found
        return found

    def _digest(self, path: str) -> str:
        if self.memo is None:
            self.source(path)
        elif path not in self.files:
            self.files[path] = self.memo.file(path).hex
        return self.files[path]

    def _read(self, path: str) -> Summary:
        from . import reading

        try:
            return reading.summarise(self.source(path))
        except reading.UnreadableError as problem:
            raise errors.unreadable_source(self.shown(path), problem.line, problem.reason) from None

    def shown(self, path: str) -> str:
        """Write a path as users know it: relative to the project, with slashes."""
        inside = os.path.relpath(path, self.root)
        return path if inside.startswith("..") else inside.replace(os.sep, "/")


def settled(project: Project) -> dict[str, Stat]:
    """Return the looks of folders of libraries in which every look-up must find the same while they look so.

    What the names in them lead to does not matter, unless a look-up was lost on a link to nothing.
    """
    found: dict[str, Stat] = {}
    if project.memo is None or project.memo.still:
        return found
    for folder, kind in project.entries:
        listed, names = _listed.get(folder), project.lookups.get(folder, {})
        if kind is Kind.LIBRARY and listed is not None and not any(one in listed[1] for one in names if not names[one]):
            with contextlib.suppress(OSError):
                stat = Stat.of(folder)
                if stat == listed[0] and not stat.racy_at(project.memo.now_ns()):
                    found[folder] = stat
    return found


def search_path(root: str) -> list[tuple[str, Kind]]:
    """List the folders in which Python looks for modules, each with what it holds."""
    return list(_search_path(root, os.getcwd(), tuple(sys.path)))


@functools.cache
def _of_libraries(folder: str) -> bool:
    return not _LIBRARY_FOLDERS.isdisjoint(folder.split(os.sep))


@functools.lru_cache(maxsize=16)
def _search_path(root: str, here: str, entries: tuple[str, ...]) -> list[tuple[str, Kind]]:
    folders = [os.path.normpath(os.path.join(here, entry)) for entry in entries]
    if root not in folders:
        folders.insert(0, root)
    home = os.path.dirname(os.__file__)  # not sysconfig: asking it takes longer than all the rest
    found: dict[str, Kind] = {}
    for folder in folders:
        if _of_libraries(folder):
            kind = Kind.LIBRARY
        elif folder.endswith((".zip", "lib-dynload")) or folder == home or folder.startswith(home + os.sep):
            kind = Kind.STANDARD
        else:
            kind = Kind.SOURCE
        found.setdefault(folder, kind)
    return list(found.items())


def _mapping(path: str) -> dict[str, str]:
    """Read where an editable installation says its packages are."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    for node in tree.body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name) and target.id == "MAPPING" and isinstance(node, (ast.Assign, ast.AnnAssign)):
            assert node.value is not None
            return {str(name): str(place) for name, place in ast.literal_eval(node.value).items()}
    return {}
