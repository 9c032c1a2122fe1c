"""Computes the fingerprint of a stage's function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from .. import errors
from ..digest import Memo
from . import parts
from .fingerprints import Fingerprint
from .project import Project
from .reach import Reach


def fingerprint(
    target: Callable[..., object] | type | str,
    *,
    root: str | Path,
    memo: Memo | None = None,
    also: Iterable[object | str] = (),
) -> Fingerprint:
    """Name every part of the project that decides what ``target`` does, importing nothing."""
    reach = Reach(Project(str(root), memo))
    name = target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"
    module, _, attributes = name.partition(":")
    if not reach.project.find(module).followed:
        raise errors.no_such_code(name, f"module {module}")
    roots = reach.root(module, attributes)
    if not roots:
        raise errors.no_such_code(name, f"{attributes} in {reach.shown(module)}")
    for one in also:
        where, _, attribute = str(one).partition(":")
        reach.root(where, attribute)
    naming = parts.Naming(reach, roots)
    found = [
        *parts.statement_parts(reach, naming),
        *parts.order_part(reach, naming),
        *parts.extension_parts(reach),
        *parts.interpreter_parts(reach),
    ]
    for one in reach.modules:
        path = reach.project.find(one).path
        if path:
            reach.project.source(path)
    return Fingerprint(
        parts.digest(found),
        tuple(sorted((part for _, part in found), key=lambda part: part.name)),
        {one.name: one.version for one in sorted(reach.libraries.values(), key=lambda library: library.name)},
        tuple(reach.widenings),
        parts.blind(reach),
        dict(sorted(reach.project.files.items())),
    )
