"""Finds artifacts that a stage is given as paths, and that something has changed since they were made."""

from __future__ import annotations

from collections.abc import Iterator

from ..actions import Claim, Output
from ..formats import SIDE_FILES, unfinished
from ..pipeline import Input
from .project import Judgement, Project


def handed(project: Project, judged: Judgement) -> Iterator[tuple[str, str, Output]]:
    """Yield maker, file and output of each artifact whose path a stage is given: it opens that itself."""
    for wire in judged.stage.wires.values():
        if isinstance(wire, Input):
            outputs = project.judgements[wire.stage].outputs
            for file, output in project.files(project.stages[wire.stage], outputs).items():
                if wire.field in ("", output.name) and output.format.partition(".")[0] == "file":
                    yield wire.stage, file, output


def altered(project: Project, judged: Judgement) -> tuple[str, ...]:
    """Name the stages whose artifacts are to be put back before this one opens them; say so, and clear beside them.

    Another run that shows something else there by now is not disturbed: the claim says whose turn it is.
    """
    found: dict[str, None] = {}
    for task, file, output in handed(project, judged):
        now = project.shown(file)
        left = None if output.tree else unfinished(project.root / file)
        if (now is None or now.hex != output.digest.hex or left is not None) and _claimed(project, task):
            for end in SIDE_FILES:
                project.remove(file + end)
            what = file if left is None else f"{file}, with {left.name},"
            project.warnings.append(f"{what} was changed since {task} made it: it is put back")
            found[task] = None
    return tuple(found)


def _claimed(project: Project, task: str) -> bool:
    claim = Claim.from_bytes(project.memo.recall("claim", task) or b"")
    return claim is not None and claim.outputs == project.judgements[task].outputs
