"""Computes the fingerprint of a stage's function."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .. import errors
from ..digest import Memo
from . import audit, parts, plan, reads
from .effects import Id
from .fingerprints import Fingerprint, LookedAt, Part
from .live import Shell
from .project import Project
from .reach import Reach


def fingerprint(
    target: Callable[..., object] | type | str,
    *,
    root: str | Path,
    memo: Memo | None = None,
    also: Iterable[object | str] = (),
) -> Fingerprint:
    """Name every part of the project that decides what ``target`` does, importing nothing.

    ``target`` and what is in ``also`` are "module:qualname" or live objects. Text says all of an object that a module
    of the project holds by name; of any other (a closure made in a loop, a partial, a bound method) the values that
    it holds count too, and KeptError refuses those that have no canonical form.
    """
    top = os.path.abspath(root)
    project = Project(top, memo)
    shell = _shell(project, (target, *also))
    name = plan.key(top, shell.roots, parts.named(*shell.values))
    known = plan.recalled(name, top, memo) if memo is not None else None
    if known is not None:
        return known
    reach = Reach(project)
    inputs = reads.Inputs(top, memo)
    made = _made(reach, inputs, shell, memo)
    if memo is not None:
        plan.remember(name, memo, reach, inputs, made)
    return made


def looked_at(
    target: Callable[..., object] | type | str, *, root: str | Path, memo: Memo, also: Iterable[object | str] = ()
) -> LookedAt | None:
    """Name all that a fingerprint was made from; None where that is not remembered."""
    top = os.path.abspath(root)
    shell = _shell(Project(top, memo), (target, *also))
    return plan.looked_at(plan.key(top, shell.roots, parts.named(*shell.values)), memo)


def _shell(project: Project, targets: Iterable[object]) -> Shell:
    shell = Shell(project)
    for one in targets:
        shell.target(one)
    return shell


def _made(reach: Reach, inputs: reads.Inputs, shell: Shell, memo: Memo | None) -> Fingerprint:
    roots = [_root(reach, one) for one in dict.fromkeys(shell.roots)]
    seen = list(_audited(reach, memo))
    naming = parts.Naming(reach, roots[0] if roots else [])
    found = [
        *parts.statement_parts(reach, naming),
        *parts.order_part(reach, naming),
        *parts.extension_parts(reach),
        *parts.interpreter_parts(reach),
        *reads.parts(reach, inputs, iter(seen)),
        *_entry(shell, naming, roots),
        *(("values", Part("values it holds", value, "", 0, "")) for value in shell.values),
    ]
    return Fingerprint(
        parts.digest(found),
        tuple(sorted((part for _, part in found), key=lambda part: part.name)),
        {one.name: one.version for one in sorted(reach.libraries.values(), key=lambda library: library.name)},
        (*reach.widenings, *shell.notes),
        parts.blind(reach),
        _files(reach),
    )


def _root(reach: Reach, name: str) -> list[Id]:
    module, _, attributes = name.partition(":")
    place = reach.project.find(module)
    if not place.followed:
        if place.kind.value in ("library", "standard"):
            reach.take(reach.resolver.attribute(module, attributes), "")
            return []
        raise errors.no_such_code(name, f"module {module}")
    if not attributes:
        reach.load(module)
        reach.take_whole(module)
        reach.finish()
        return []
    found = reach.root(module, attributes)
    if not found and attributes and module not in reach.whole:
        raise errors.no_such_code(name, f"{attributes} in {reach.shown(module)}")
    return found


def _entry(shell: Shell, naming: parts.Naming, roots: list[list[Id]]) -> Iterator[tuple[str, Part]]:
    """Say which of the things in a class or module the stage is; a plain function is said by its own part."""
    if not roots or not roots[0]:
        return
    first = shell.roots[0].partition(":")[2]
    inner = first.partition(".")[2]
    statement = naming.reach.resolver.statement(*roots[0][0])
    if inner or len(statement.binds) != 1:
        yield (
            "entry",
            Part(
                "the stage's own name", parts.named(inner if len(statement.binds) == 1 else first), "", 0, first + "\n"
            ),
        )


def _audited(reach: Reach, memo: Memo | None) -> Iterator[tuple[str, str]]:
    """Yield what was seen to be read while the closure was imported, after taking in the modules seen to be loaded."""
    done: set[str] = set()
    while memo is not None and (fresh := [one for one in reach.modules if one not in done]):
        for module in fresh:
            done.add(module)
            path = reach.project.find(module).path
            if not path.endswith(".py"):
                continue
            reach.project.summary(path)
            seen = audit.recalled(memo, reach.project.files[path])
            for kind, name in seen:
                if kind != "module":
                    yield kind, os.path.join(reach.project.root, *name.split("/")) if kind == "file" else name
                elif name not in reach.modules and reach.project.find(name).followed:
                    reach.load(name)
                    reach.widen(name, reach.shown(module), "loaded while importing")
        reach.finish()


def _files(reach: Reach) -> dict[str, str]:
    """Name the bytes of every file of the closure, as they were fingerprinted."""
    paths = sorted({path for one in reach.modules if (path := reach.project.find(one).path)})
    for path in paths:
        if path not in reach.project.files:
            reach.project.source(path)
    return {path: reach.project.files[path] for path in paths}
