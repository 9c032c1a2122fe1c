"""Works a fingerprint out from the sources; one that is remembered needs none of this."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from .. import errors
from ..digest import Memo
from . import audit, parts, reads
from .beside import add as add_beside
from .canonical import named
from .effects import Id
from .fingerprints import Fingerprint, Part
from .live import Shell
from .reach import Reach
from .resolving import What
from .states import Inputs


def made(reach: Reach, inputs: Inputs, shell: Shell, memo: Memo | None, beside: str = "") -> Fingerprint:
    """Follow the code from its roots."""
    roots = [_root(reach, one) for one in dict.fromkeys(shell.roots)]
    seen = list(_audited(reach, memo))
    if beside:
        add_beside(reach, beside)
    naming = parts.Naming(reach, roots[0] if roots else [])
    found = [
        *parts.statement_parts(reach, naming),
        *parts.order_part(reach, naming),
        *parts.extension_parts(reach),
        *parts.interpreter_parts(reach),
        *reads.parts(reach, inputs, iter(seen)),
        *(part for name in shell.roots[:1] for part in _entry(reach, naming, name)),
        *_of_libraries(reach, shell.roots),
        *(("values", Part("values it holds", value, "", 0, "")) for value in shell.values),
    ]
    return Fingerprint(
        parts.digest(found),
        tuple(sorted((part for _, part in found), key=lambda part: part.name)),
        {one.name: one.version for one in sorted(reach.libraries.values(), key=lambda library: library.name)},
        (*reach.widenings, *shell.notes),
        parts.blind(reach),
        _files(reach),
        inputs.asked(),
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
    if not found and module not in reach.whole and not _outside(reach, name):
        raise errors.no_such_code(name, f"{attributes} in {reach.shown(module)}")
    return found


def _outside(reach: Reach, name: str) -> str:
    """Name what of a library a root stands for; empty where it is code of the project."""
    module, _, attributes = name.partition(":")
    inside = attributes and reach.project.find(module).followed
    led = reach.resolver.look(module, attributes) if inside else reach.resolver.attribute(module, attributes)
    is_outside = all(one.what is What.EXTERNAL for one in led)
    return "|".join(one.name for one in led if one.label) if is_outside else ""


def _of_libraries(reach: Reach, roots: Iterable[str]) -> Iterator[tuple[str, Part]]:
    """Say what of a library the stage is, and what names of the project that others of its roots are stand for."""
    for index, name in enumerate(dict.fromkeys(roots)):
        if index == 0 or reach.project.find(name.partition(":")[0]).followed:
            outside = _outside(reach, name)
            if outside:
                yield "library", Part(f"{outside} of a library", named(outside), "", 0, outside + "\n")


def _entry(reach: Reach, naming: parts.Naming, name: str) -> Iterator[tuple[str, Part]]:
    """Say which of the things that take part the stage is; a plain function is said by its own part.

    Not so where names count, or one statement binds several; nor is one that the module makes by ``exec``, say.
    """
    module, _, attributes = name.partition(":")
    if not attributes or not reach.project.find(module).followed:
        return
    led = [one for one in reach.resolver.look(module, attributes) if one.what is What.STATEMENT]
    said = [one.rest if naming.stage else f"{naming.label(one.label)}.{one.rest}" for one in led]
    if not led and not _outside(reach, name):
        said = [name]
    if any(said):
        yield "entry", Part("the stage's own name", named(*said), "", 0, attributes + "\n")


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
    modules = [*reach.modules, *filter(None, [reach.aside])]
    paths = sorted({path for one in modules if (path := reach.project.find(one).path)} | {*reach.extensions.values()})
    for path in paths:
        if path not in reach.project.files:
            reach.project.source(path)
    return {path: reach.project.files[path] for path in paths}
