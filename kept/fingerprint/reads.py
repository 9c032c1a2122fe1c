"""Makes parts of what importing reads: files, folders and environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator

from .effects import Id
from .fingerprints import Part
from .inputs import IN_PACKAGE, ITSELF
from .reach import Reach
from .resolving import What
from .states import PRESENCE, Inputs
from .summary import Mark


def parts(reach: Reach, inputs: Inputs, audited: Iterator[tuple[str, str]]) -> list[tuple[str, Part]]:
    """Make a part of everything that is read while the closure is imported, by its text or as it was seen."""
    found: dict[str, Part] = {}
    for kind, name in (*_asked(reach), *audited):
        if kind == "variable" and name != "*":
            part = Part(f"environment {name}", inputs.variable(name), "", 0, "")
        elif kind == "exists":
            part = Part(f"presence of {reach.project.shown(name)}", inputs.path(PRESENCE + name), "", 0, "")
        elif kind == "file":
            shown = reach.project.shown(name)
            state = inputs.path(name)
            what = "folder" if os.path.isdir(name) else "file"
            part = Part(f"{what} {shown}", state, shown, 0, _text(name) if what == "file" else "")
            if not state:
                continue
        else:
            continue
        found[part.name] = part
    return sorted(found.items())


def _text(path: str) -> str:
    """Return a small text file as written, for a diff."""
    try:
        if os.path.getsize(path) > 100_000:
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _asked(reach: Reach) -> Iterator[tuple[str, str]]:
    """Yield what the reached code asks for while it is imported, so far as its text tells."""
    running = _run_early(reach)
    for module, index in sorted(reach.reached):
        here = os.path.dirname(reach.project.find(module).path)
        for read in reach.resolver.statement(module, index).reads:
            if read.kind == "entry" or not (read.early or read.kind == "code" or (module, index) in running):
                continue
            if read.kind == "variable":
                yield "variable", read.name
                continue
            package, inside, name = read.name.partition(IN_PACKAGE)
            if inside:
                folders = reach.project.find(package).folders
                yield from (("file", os.path.join(folder, *name.split("/"))) for folder in folders)
                continue
            for folder in (here,) if read.anchored else (reach.project.root, here):
                path = os.path.normpath(os.path.join(folder, *read.name.split("/")))
                if read.name == ITSELF:
                    path = reach.project.find(module).path
                if not os.path.isabs(read.name) and _inside(path, reach.project.root):
                    yield "exists" if read.kind == "exists" else "file", path


def _inside(path: str, root: str) -> bool:
    return path.startswith(root + os.sep)


def _run_early(reach: Reach) -> set[Id]:
    """Gather the functions that are called while importing."""
    found: set[Id] = set()
    waiting: list[Id] = []
    for module, index in reach.reached:
        for call in reach.resolver.statement(module, index).calls:
            if not call.name.startswith("?"):
                targets = reach.resolver.look(module, call.name)
                waiting += [(one.module, one.index) for one in targets if one.what is What.STATEMENT]
    while waiting:
        one = waiting.pop()
        statement = reach.resolver.statement(*one)
        if one in found or Mark.DEFINES not in statement.marks:
            continue
        found.add(one)
        for name in statement.uses:
            targets = reach.resolver.look(one[0], name)
            waiting += [(target.module, target.index) for target in targets if target.what is What.STATEMENT]
    return found
