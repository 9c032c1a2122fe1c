"""Remembers a fingerprint with everything it was made from, so that the next one costs a look at each.

A plan is a fact of kind "plan" in the memory: compressed JSON, thrown away whenever anything in it is not as it was.

``files``      path -> sha256 of every source file of the closure
``lookups``    folder -> name -> what the look-up of a module found there ("" nothing; "*" the modules of the folder)
``settled``    folder of libraries -> its stat: see ``project.settled``; while it looks so, nothing is looked up there
``variables``  environment variable -> keyed digest of its value
``paths``      file or folder read while importing -> digest, "" if it is not there
``libraries``  name -> version, folder that says so
``seen``       digest of what was noted last of all that was seen; where it is the same, so are all of ``audits``
``audits``     sha256 of a source file -> digest of what was seen while it was imported
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..digest import Memo, Stat, digest_bytes
from .canonical import SCHEME
from .fingerprints import Blind, Fingerprint, LookedAt, Part
from .libraries import BY_FILES, files_of, unpackaged
from .project import Project, search_path, settled
from .states import Inputs, asked_for, behind, path_state, variable_state

if TYPE_CHECKING:
    from .reach import Reach

AUDIT = "audit"
NEWEST = "newest"  # names no source file: what was noted last, of all files


def key(root: str, roots: Iterable[str], shell: str, beside: str = "") -> str:
    """Name a plan: all that decides a fingerprint and is no file."""
    path = [(folder, kind.value) for folder, kind in search_path(root)]
    version = (sys.implementation.name, sys.version_info[:2], sys.flags.optimize)
    return digest_bytes(json.dumps([SCHEME, root, list(roots), shell, path, version, beside]).encode()).hex


def recalled(name: str, root: str, memo: Memo) -> Fingerprint | None:
    """Return the remembered fingerprint if everything is as it was."""
    try:
        plan = _read(name, memo)
        return _fingerprint(plan) if _holds(plan, root, memo) else None
    except _DAMAGED:
        return None


_DAMAGED = (zlib.error, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def _read(name: str, memo: Memo) -> dict[str, Any]:
    """Read a plan; LookupError, among others, where there is none."""
    data = memo.recall("plan", name)
    if data is None:
        raise LookupError(name)
    plan: dict[str, Any] = json.loads(zlib.decompress(data))
    return plan


def looked_at(name: str, memo: Memo) -> LookedAt | None:
    """Name every path and every variable that decides whether a plan holds; None where there is none."""
    try:
        plan = _read(name, memo)
        paths = dict.fromkeys(plan["files"], True)
        for path, state in plan["paths"].items():
            paths |= behind(path, state)
        for folder, names in plan["lookups"].items():
            paths[folder] = os.path.isdir(folder)
            inside = os.listdir(folder) if "*" in names and paths[folder] else names
            paths |= dict.fromkeys(filter(os.path.isdir, (os.path.join(folder, one) for one in inside)), True)
        for version, place in plan["libraries"].values():
            files = files_of(*os.path.split(place)) if version.startswith(BY_FILES) else [place]
            paths |= dict.fromkeys((os.path.dirname(place), *files, *map(os.path.dirname, files)), True)
        return LookedAt(paths, frozenset(plan["variables"]))
    except _DAMAGED:
        return None


def _holds(plan: dict[str, Any], root: str, memo: Memo) -> bool:
    try:
        if any(memo.file(path).hex != digest for path, digest in plan["files"].items()):
            return False
    except OSError:
        return False
    if any(variable_state(name) != state for name, state in plan["variables"].items()):
        return False
    if any(path_state(path, memo) != state for path, state in plan["paths"].items()):
        return False
    if not all(_installed(version, place, memo) for version, place in plan["libraries"].values()):
        return False
    if plan["seen"] != audit_state(memo, NEWEST) and any(
        audit_state(memo, digest) != state for digest, state in plan["audits"].items()
    ):
        return False
    project = Project(root)
    settled = plan["settled"]
    return all(
        (folder in settled and _looks(folder) == settled[folder]) or project.again(folder, names)
        for folder, names in plan["lookups"].items()
    )


def _looks(folder: str) -> list[int] | None:
    try:
        return list(Stat.of(folder))
    except OSError:
        return None


def _installed(version: str, place: str, memo: Memo) -> bool:
    """Say whether a library is as it was: the folder that names its version is there, or its files are the same."""
    if not version.startswith(BY_FILES):
        return os.path.exists(place)
    return unpackaged(*os.path.split(place), memo).version == version


def audit_state(memo: Memo, digest: str) -> str:
    """Name what was seen while a source file was imported; empty if nothing was."""
    seen = memo.recall(AUDIT, digest)
    return digest_bytes(seen).hex if seen is not None else ""


def remember(name: str, memo: Memo, reach: Reach, inputs: Inputs, made: Fingerprint) -> None:
    """Keep a fingerprint with all that it was made from."""
    libraries = {one.name: (one.version, one.place) for one in reach.libraries.values()}
    plan = {
        "files": dict(made.files),
        "lookups": reach.project.lookups,
        "settled": settled(reach.project),
        "variables": inputs.variables,
        "paths": inputs.paths,
        "libraries": libraries,
        "seen": audit_state(memo, NEWEST),
        "audits": {digest: audit_state(memo, digest) for digest in made.files.values()},
        "fingerprint": {
            "digest": made.digest,
            "parts": [dataclasses.astuple(part) for part in made.parts],
            "libraries": dict(made.libraries),
            "widenings": made.widenings,
            "blind": [dataclasses.astuple(one) for one in made.blind],
        },
    }
    memo.remember("plan", name, zlib.compress(json.dumps(plan, separators=(",", ":")).encode(), 1))


def _fingerprint(plan: dict[str, Any]) -> Fingerprint:
    row = plan["fingerprint"]
    return Fingerprint(
        row["digest"],
        tuple(Part(*part) for part in row["parts"]),
        row["libraries"],
        tuple(row["widenings"]),
        tuple(Blind(*one) for one in row["blind"]),
        plan["files"],
        asked_for(plan["paths"], plan["variables"]),
    )
