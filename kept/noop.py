"""After a run: gathers all that the next one would look at, for its receipt."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Container, Iterable, Iterator
from typing import Any

from . import errors, receipt
from .actions import Outcome
from .build import Project
from .digest import below
from .fingerprint import loading
from .fingerprint.fingerprints import SEEDED
from .fingerprint.project import Project as Modules
from .fingerprint.summary import Mark, Statement
from .pipeline import File
from .witness import Witness

_PURE = frozenset({"config_changed", "run_once"})  # of doit.tools: dodo.py and doit's memory decide what they say
_CHANCE = frozenset({"clock", "network", "unseeded randomness", SEEDED})
_SETTINGS = ("pyproject.toml", "doit.cfg")


def remember(project: Project, asked: receipt.Asked, witness: Witness, tasks: Iterable[Any], text: str | None) -> None:
    """Write the receipt of a run in which nothing failed; without ``text`` it answers nothing, but says what stands.

    ``tasks`` are those that the run looked at, doit's own ones too.
    """
    root = str(project.root)
    if asked.setting[3] != root or os.getcwd() != root or project.settings.store != "artifacts/.kept":
        return
    plain = [task for task in tasks if task.name not in project.stages]
    if project.warnings or witness.doubt or any(map(_asks_more, plain)) or _tells_time(project, witness):
        return
    looked = project.keys.looked_at()
    if looked is None:
        return
    gone = {path for path, there in (*looked.paths.items(), *witness.paths.items()) if not there}
    kinds = {**dict.fromkeys(gone, receipt.NOTHING), **witness.kinds}
    for name in _SETTINGS:  # the folder itself is looked at, too: neither came or went during the run
        kinds[name] = receipt.kind(name)
    paths = {path for path, there in (*looked.paths.items(), *witness.paths.items()) if there}
    paths |= {name for name in _SETTINGS if kinds[name]} | {str(project.home / "version")}
    paths |= _code(witness.modules)
    known = {path: seen for path in paths if (seen := _seen(project, path)) is not None}
    files: dict[str, set[str]] = {path: set() for path in paths}
    for task, path in (*_of_stages(project, known), *_of_plain(plain)):
        if path not in paths:
            files.setdefault(path, set()).add(task)
    names = looked.names | witness.names | {name for stage in project.stages.values() for name in stage.options.env}
    with contextlib.suppress(OSError):  # a read-only store, a full disk: then the next run looks at everything again
        asked.write(names, kinds, files, known, text, project.memo.changes)


def _of_stages(project: Project, known: dict[str, receipt.State]) -> Iterator[tuple[str, str]]:
    """Yield every input and artifact of the stages that were judged; ``known`` takes their stats as judged."""
    for task, judged in project.judgements.items():
        if judged.outcome is Outcome.UP_TO_DATE and judged.action is None:  # it stood
            known.update(project.standing[task])
            yield from ((task, path) for path in project.standing[task])
            continue
        stage = project.stages[task]
        inputs = [wire.path for wire in stage.wires.values() if isinstance(wire, File)]
        for path in (*project.files(stage, judged.outputs), *inputs):
            seen = _seen(project, path)
            files = {path: seen} if seen is not None else {one: _seen(project, one) for one in below(path)}
            known.update((file, state) for file, state in files.items() if state is not None)
            yield from ((task, file) for file in files)


def _seen(project: Project, path: str) -> receipt.State | None:
    """Return the stat by which a file was judged in this run."""
    seen = project.memo.seen(os.path.join(project.root, path))
    return (seen.mtime_ns, seen.ctime_ns, seen.size, seen.inode) if seen is not None else None


def _of_plain(tasks: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for task in tasks:
        yield from ((task.name, path) for path in (*task.file_dep, *task.targets))


def _asks_more(task: Any) -> bool:
    """Say whether a plain task is up to date, or made, or shown, by more than its files: by the clock, say."""
    if task.loader is not None or task.calc_dep or task.getargs or task.custom_title is not None:
        return True
    return any(
        not isinstance(item, bool | None)
        and type(item).__name__ not in _PURE
        and getattr(item, "__name__", "") not in _PURE
        for item, _, _ in task.uptodate
    )


def _tells_time(project: Project, witness: Witness) -> bool:
    """Say whether dodo.py reads the clock, the network or dice, or a module does while it is imported."""
    dodo = os.path.join(project.root, "dodo.py")
    named = loading.loaded_digest(dodo) is not None  # else doit's settings name another file: then all are read whole
    modules = Modules(str(project.root), project.memo)
    for path in {*loading.loaded(), *witness.code}:
        for statement in _statements(modules, path):
            if (path == dodo or not named or Mark.DEFINES not in statement.marks) and _of_chance(statement):
                return True
    return False


def _statements(modules: Modules, path: str) -> tuple[Statement, ...]:
    """Return what a source file says; nothing where it is none, and so has not run."""
    try:
        return modules.summary(path).statements
    except (errors.KeptError, OSError):
        return ()


def _of_chance(statement: Statement) -> bool:
    return any(found.what in _CHANCE for found in statement.blind)


def _code(early: Container[str]) -> set[str]:
    """Return every file of code that was loaded, Python's own aside, and the folders where modules are looked for.

    A new file in such a folder may be imported instead of another. Libraries that were loaded after ``early`` ones,
    by stages, decide no answer: what counts of them is their version, which is in the keys.
    """
    found = {os.path.abspath(path or os.curdir) for path in sys.path}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name not in early and not name.startswith("kept.") and loading.loaded_digest(file or "") is None:
            continue
        if not isinstance(file, str) or (file.startswith(loading.PYTHON) and "-packages" not in file):
            continue
        found.add(os.path.abspath(file))
        if loading.loaded_digest(file) is not None or "-packages" not in file:
            found.add(os.path.dirname(os.path.abspath(file)))
    return {path for path in found if os.path.exists(path)}
