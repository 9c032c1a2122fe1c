"""After a run: gathers all that the next one would look at, for its receipt."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from . import receipt
from .build import Project
from .fingerprint import audit, loading
from .fingerprint.reads import below
from .pipeline import File

_PURE = frozenset({"config_changed", "run_once"})  # of doit.tools: dodo.py and doit's memory decide what they say


def remember(project: Project, asked: receipt.Asked, tasks: Iterable[Any], text: str | None) -> None:
    """Write the receipt of a run in which nothing failed; without ``text`` it does not answer, but says what stands.

    ``tasks`` are those that the run looked at, doit's own ones too.
    """
    if asked.setting[3] != str(project.root) or project.settings.store != "artifacts/.kept" or project.warnings:
        return
    plain = [task for task in tasks if task.name not in project.stages]
    if any(map(_asks_more, plain)) or audit.outside() or _tells_time(project):
        return
    common = _common(project)
    if common is None:
        return
    names, paths = common
    files: dict[str, set[str]] = {path: set() for path in paths}
    known: dict[str, receipt.State] = {}
    for task, path in (*_of_stages(project, known), *_of_plain(plain)):
        if path not in paths:
            files.setdefault(path, set()).add(task)
    with contextlib.suppress(OSError):  # a store that cannot be written needs no receipt
        asked.write(names, files, known, text, changed=project.memo.changed)


def _of_stages(project: Project, known: dict[str, receipt.State]) -> Iterator[tuple[str, str]]:
    """Yield every input and artifact of the stages that were judged; ``known`` takes their stats as judged."""
    for task, judged in project.judgements.items():
        standing = project.standing.get(task)
        if standing is not None and judged.action is None:
            known.update(standing)
            yield from ((task, path) for path in standing)
            continue
        stage = project.stages[task]
        inputs = [wire.path for wire in stage.wires.values() if isinstance(wire, File)]
        for path in (*project.files(stage, judged.outputs), *inputs):
            seen = project.memo.seen(os.path.join(project.root, path))
            if seen is not None:
                known[path] = (seen.mtime_ns, seen.ctime_ns, seen.size, seen.inode)
                yield task, path
            else:
                yield from ((task, one) for one in below(path))


def _of_plain(tasks: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for task in tasks:
        yield from ((task.name, path) for path in (*task.file_dep, *task.targets))


def _asks_more(task: Any) -> bool:
    """Say whether a plain task is up to date by more than its files: by the clock, say."""
    return any(
        not isinstance(item, bool | None)
        and type(item).__name__ not in _PURE
        and getattr(item, "__name__", "") not in _PURE
        for item, _, _ in task.uptodate
    )


def _tells_time(project: Project) -> bool:
    """Say whether dodo.py reads the clock, the network or dice: what it declares may be another thing each time."""
    from .fingerprint.project import Project as Modules

    modules = Modules(str(project.root), project.memo)
    statements = modules.summary(os.path.join(project.root, "dodo.py")).statements
    return any(found.what in ("clock", "network", "unseeded randomness") for s in statements for found in s.blind)


def _common(project: Project) -> tuple[set[str], set[str]] | None:
    """Name the variables and the paths that concern every stage; None where they cannot all be known."""
    names = {name for stage in project.stages.values() for name in stage.options.env}
    paths = {"pyproject.toml", "doit.cfg", "dodo.py", os.path.abspath(receipt.__file__)}
    looked = project.keys.looked_at()
    if looked is None:
        return None
    for path in loading.loaded():
        paths.add(path)
        for kind, name in audit.recalled(project.memo, loading.loaded_digest(path) or ""):
            if kind == "variable":
                names.add(name)
            elif kind == "file":
                paths.add(os.path.join(project.root, name))
    return names | looked[1], paths | looked[0] | _folders()


def _folders() -> set[str]:
    """Return the folders where modules are looked for: a new file there may be imported instead of another."""
    folders = {os.path.abspath(path or os.curdir) for path in sys.path}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and loading.loaded_digest(file) is not None:
            folders.add(os.path.dirname(os.path.abspath(file)))
    return folders
