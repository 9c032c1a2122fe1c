"""After a run with nothing to do: gathers all that the next one would look at, for its receipt."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from . import receipt
from .actions import Outcome
from .build import Project
from .fingerprint import audit, loading
from .pipeline import File


def remember(
    project: Project, arguments: list[str], tasks: Any, outcomes: Iterable[Outcome], text: str, began_ns: int
) -> None:
    """Write the receipt of this run, if all it found was up to date."""
    if set(outcomes) - {Outcome.UP_TO_DATE} or Path.cwd() != project.root:
        return
    if project.settings.store != "artifacts/.kept" or project.warnings:
        return
    names = {name for stage in project.stages.values() for name in stage.options.env}
    paths = {"pyproject.toml", "dodo.py", str(project.home / "version")}
    paths |= {*_files(project), *_plain_files(tasks, project)}
    for path in loading.loaded():
        paths.add(path)
        for kind, name in audit.recalled(project.memo, loading.loaded_digest(path) or ""):
            if kind == "variable":
                names.add(name)
            elif kind == "file":
                paths.add(str(project.root / name))
    paths |= _folders()
    with contextlib.suppress(OSError):  # a read-only store, a full disk: then the next run looks at everything again
        receipt.write(arguments, names, {path for path in paths if os.path.exists(path)}, began_ns, text)


def _files(project: Project) -> Iterator[str]:
    """Yield every source, input and artifact of the stages that were judged."""
    for task, judged in project.judgements.items():
        stage = project.stages[task]
        if judged.code is not None:
            yield from judged.code.files
        yield from project.files(stage, judged.outputs)
        for wire in stage.wires.values():
            if isinstance(wire, File):
                yield from _below(wire.path)


def _below(path: str) -> Iterator[str]:
    yield path
    for folder, folders, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in (*folders, *names))


def _plain_files(tasks: Any, project: Project) -> Iterator[str]:
    for task in tasks:
        if task.name not in project.stages:
            yield from task.file_dep
            yield from task.targets


def _folders() -> set[str]:
    """Return the folders where modules are looked for: a new file there may be imported instead of another."""
    folders = {os.path.abspath(path or os.curdir) for path in sys.path}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and loading.loaded_digest(file) is not None:
            folders.add(os.path.dirname(os.path.abspath(file)))
    return folders
