"""Makes parts of what importing reads: files, folders and environment variables."""

from __future__ import annotations

import glob
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..digest import Memo, digest_file
from .effects import Id
from .fingerprints import Part
from .inputs import ITSELF
from .reach import Reach
from .resolving import What
from .summary import Mark

# Values of variables may be secrets: what is kept of them can be compared, and looked up in no table of common texts.
_KEY = b"kept: a variable of the environment, asked for while importing"
_PRESENCE = "?"  # before a path: only whether it is there
_SMALL_FOLDER = 200  # files; of larger folders the names count, and the files that were seen to be read


@dataclass
class Inputs:
    """The outside things that a fingerprint depends on, with their state now."""

    root: str
    memo: Memo | None = None
    variables: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def variable(self, name: str) -> str:
        """Return the keyed digest of a variable's value; empty if it is not set."""
        value = self.variables[name] = variable_state(name)
        return value

    def path(self, path: str) -> str:
        """Return the digest of what lies at a path; empty if nothing does."""
        value = self.paths[path] = path_state(path, self.memo)
        return value


def variable_state(name: str) -> str:
    """Return the keyed digest of a variable's value; empty if it is not set."""
    value = os.environ.get(name)
    if value is None:
        return ""
    return hmac.new(_KEY, f"{name}={value}".encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def path_state(path: str, memo: Memo | None) -> str:
    """Return the digest of a file or a folder; empty if it is not there."""
    if path.startswith(_PRESENCE):
        path = path.removeprefix(_PRESENCE)
        return "folder" if os.path.isdir(path) else "file" if os.path.exists(path) else ""
    try:
        if glob.has_magic(path):
            found = sorted(glob.glob(path, recursive=True))
            inside = os.path.dirname(path)
            states = [path_state(one, memo) if os.path.isfile(one) else "/" for one in found[:_SMALL_FOLDER]]
            return hashlib.sha256(
                json.dumps([[os.path.relpath(one, inside) for one in found], states]).encode()
            ).hexdigest()
        if not os.path.isdir(path):
            return memo.file(path).hex if memo is not None else digest_file(path).hex
        names = sorted(name for name in os.listdir(path) if name != "__pycache__" and not name.startswith("."))
        files = [os.path.join(path, name) for name in names]
        if len(names) > _SMALL_FOLDER:
            return hashlib.sha256(json.dumps(names).encode()).hexdigest()
        states = [path_state(file, memo) if os.path.isfile(file) else "/" for file in files]
        return hashlib.sha256(json.dumps([names, states]).encode()).hexdigest()
    except OSError:
        return ""


def behind(path: str, state: str) -> dict[str, bool]:
    """Name all that the state of a path was made from, and whether it is there."""
    if path.startswith(_PRESENCE):
        return {path.removeprefix(_PRESENCE): bool(state)}
    if glob.has_magic(path):
        top = os.path.dirname(path)
        while glob.has_magic(top):
            top = os.path.dirname(top)
        inside = [os.path.join(here, one) for here, folders, names in os.walk(top) for one in (*folders, *names)]
        return dict.fromkeys((top, *inside), True)
    listed = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else ()
    return {path: bool(state), **dict.fromkeys(listed, True)}


def parts(reach: Reach, inputs: Inputs, audited: Iterator[tuple[str, str]]) -> list[tuple[str, Part]]:
    """Make a part of everything that is read while the closure is imported, by its text or as it was seen."""
    found: dict[str, Part] = {}
    for kind, name in (*_asked(reach), *audited):
        if kind == "variable" and name != "*":
            part = Part(f"environment {name}", inputs.variable(name), "", 0, "")
        elif kind == "exists":
            part = Part(f"presence of {reach.project.shown(name)}", inputs.path(_PRESENCE + name), "", 0, "")
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
