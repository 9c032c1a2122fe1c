"""Brings one stage up to date: leaves it, restores it, or has it run."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .. import errors, formats
from ..actions import Cause, Claim, Outcome, Output, Record
from ..digest import Digest, Stat, canonical_json
from ..fingerprint import asked, loading
from ..lean import dataclass
from ..pipeline import File, Input, Stage
from ..store.disk import in_the_way
from .executing import Blob, Done, Failure, Job, Loaded, Whole
from .handed import altered, handed
from .inputs import code_of
from .keys import declared_format, declaring_module
from .moved import Held, look
from .project import ARTIFACTS, Judgement, Project
from .seeds import seeding

if TYPE_CHECKING:
    from ..fingerprint import Fingerprint

_AGAIN_S = 3600.0  # a blob that a record will name is used now: a sweep, which goes by days, must see that


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a stage in this run."""

    task: str
    outcome: Outcome
    judgement: Judgement
    seconds: float = 0.0
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()


def restore(project: Project, judged: Judgement) -> Result:
    """Put recorded artifacts in their places; nothing executes."""
    task = judged.stage.task
    assert judged.action is not None
    project.disclaim(task)
    place(project, judged.stage, judged.outputs, judged.action.key)
    project.judgements[task] = judged
    return Result(task, Outcome.RESTORED, judged)


def place(project: Project, stage: Stage, outputs: tuple[Output, ...], key: str | None) -> None:
    """Show outputs in artifacts/, then claim that they are shown; without a key nothing is claimed."""
    files = project.files(stage, outputs)
    for file, output in _before(project, stage).items():  # first: its name may be that of a folder now
        if file not in files and project.shown(file) == output.digest:
            project.remove(file)
    for file, output in files.items():
        now = project.shown(file)
        if now is None or now.hex != output.digest.hex:
            for path, (stat, digest) in _restored(project, output, os.path.join(project.root, file)):
                project.memo.note(path, stat, digest, certain=True)
    if key is not None:
        project.claim(stage.task, Claim(key, outputs))


def _before(project: Project, stage: Stage) -> dict[str, Output]:
    """Return the files in which the stage's last outputs lie: other ones if it has another format or fields now."""
    last = project.last(stage.task)
    outputs = last.outputs if last is not None else ()
    alone = {f"{ARTIFACTS}/{stage.path}{output.suffix}": output for output in outputs if not output.name}
    return project.files(stage, outputs) | alone


def _restored(project: Project, output: Output, place: str) -> Iterable[tuple[str, tuple[Stat, Digest]]]:
    """Copy an artifact from the store to its place; return the files that this made."""
    try:
        return project.store.restore(output.digest, place, output.tree).items()
    except OSError as problem:
        if (file := in_the_way(place)) is not None:
            raise errors.in_the_way(file) from None
        if os.access(os.path.dirname(place), os.W_OK):
            raise
        raise errors.cannot_write(os.path.relpath(place, project.root), place, problem) from None


def job(
    project: Project,
    judged: Judgement,
    *,
    forced: bool = False,
    fresh: bool = False,
    live: bool = False,
    sockets: str = "",
) -> Job:
    """Prepare the run of a stage; what artifacts/ shows of it is disclaimed first of all.

    A run that is killed then leaves no claim behind, whatever it had written.
    """
    for task in altered(project, judged):
        place(project, project.stages[task], project.judgements[task].outputs, None)
    prepared = _job(project, judged, kept=True)
    prepared = dataclasses.replace(prepared, forced=forced, fresh=fresh, live=live, sockets=sockets)
    project.disclaim(judged.stage.task)
    project.judgements[judged.stage.task] = judged
    return prepared


def rehearsal(project: Project, judged: Judgement) -> Job:
    """Prepare a run that leaves no trace: nothing is disclaimed or written, so its record lacks the sources."""
    return _job(project, judged, kept=False)


def _job(project: Project, judged: Judgement, *, kept: bool) -> Job:
    stage = judged.stage
    if judged.action is None:
        raise errors.left_out(stage.task, [r.name for r in judged.reasons if r.cause is Cause.WAITS])
    assert judged.code is not None
    return Job(
        task=stage.task,
        function=stage.function,
        arguments={name: _stand_in(project, value) for name, value in stage.arguments.items()},
        fields=tuple(a.field for a in stage.artifacts if a.field),
        formats={a.field: (a.declared or "") if declared_format(a) is not None else "" for a in stage.artifacts},
        record=_record(project, judged, _sources(project, judged.code) if kept else None),
        files=judged.code.files,
        asked=judged.code.asked,
        paths=dict(_held(project, judged)),
        root=str(project.root),
        store=str(project.home),
        algorithm=project.settings.digest,
        stems={a.field: project.file(a, "") for a in stage.artifacts},
        log=log_of(project, judged),
        seeding=seeding(judged.code.libraries),
        setting=_setting(project, judged),
        trusted=project.trusted,
        environment={name: os.environ.get(name) for name in project.declared},
        began_ns=loading.began_ns(),
        own_formats=formats.own(),
    )


def _setting(project: Project, judged: Judgement) -> str:
    """Name the module that declared a stage if its code depends on what that changes: it has to be loaded first."""
    assert judged.code is not None
    file = os.path.relpath(judged.stage.where.file, project.root).replace(os.sep, "/")
    return declaring_module(judged.stage) if any(part.file == file for part in judged.code.parts) else ""


def _record(project: Project, judged: Judgement, sources: Digest | None) -> Record:
    """Write down all that is known before a stage runs: sources, outputs and seconds follow."""
    assert judged.action is not None
    assert judged.code is not None
    commit, dirty = _commit(str(project.root))
    return Record(
        action=judged.action,
        outputs=(),
        stage=judged.stage.task,
        function=judged.stage.function_name,
        seconds=0.0,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        host=os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", ""),
        commit=commit,
        dirty=dirty,
        reasons=tuple(map(str, judged.reasons)),
        versions=dict(judged.code.libraries),
        sources=sources,
    )


def _sources(project: Project, code: Fingerprint) -> Digest | None:
    """Keep the text of a stage's code, once for all stages of a run that share it, unless it is lost meanwhile."""
    known, since = project.sources.get(
        id(code), (None, 0.0)
    )  # the keys of the run hold each code: its id stays its own
    if known is not None and time.monotonic() - since < _AGAIN_S and project.store.holds(known):
        return known
    try:
        kept = project.store.put_bytes(canonical_json({part.name: part.source for part in code.parts}))
    except errors.StoreReadOnly:  # the run will say so
        return None
    project.sources[id(code)] = kept, time.monotonic()
    return kept


def log_of(project: Project, judged: Judgement) -> str:
    """Return where a stage's own output goes."""
    return os.path.join(project.home, "logs", f"{judged.stage.path}.log")


def _held(project: Project, judged: Judgement) -> Iterator[tuple[str, Held]]:
    """Yield every path that a stage is given: what it reads there must be what it was judged with."""
    assert judged.action is not None
    for name, wire in judged.stage.wires.items():
        if isinstance(wire, File):
            place = os.path.join(project.root, wire.path)
            yield place, Held(judged.action.inputs[name].digest, look(place))
    for _, file, output in handed(project, judged):
        yield os.path.join(project.root, file), Held(output.digest)


def _stand_in(project: Project, value: object) -> object:
    """Replace the references in an argument by what a process needs to load them."""
    if isinstance(value, Input):
        return _blobs(project, value)
    if isinstance(value, File):
        return Path(value.path)
    if type(value) is dict:
        return {key: _stand_in(project, item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_stand_in(project, item) for item in value)  # type: ignore[attr-defined, call-arg]  # a list or tuple
    return value


def _blobs(project: Project, wire: Input) -> Blob | Whole:
    stage, judged = project.stages[wire.stage], project.judgements[wire.stage]
    blobs = {o.name: Blob(o, file, stage.task) for file, o in project.files(stage, judged.outputs).items()}
    if wire.field or stage.result is None:
        return blobs[wire.field]
    return Whole(stage.result, blobs)


def finish(project: Project, judged: Judgement, done: Done | Failure) -> Result:
    """Take in what came of a run: artifacts to their places, then the claim."""
    task = judged.stage.task
    if isinstance(done, Failure):
        return Result(task, Outcome.FAILED, judged, done.seconds, done, done.warnings)
    assert judged.action is not None
    project.grown += sum(output.digest.size for output in done.outputs) if done.executed else 0
    judged = resettled(project, judged, done.imported) if done.recorded and done.imported is not None else judged
    assert judged.action is not None
    place(project, judged.stage, done.outputs, judged.action.key if done.recorded else None)
    outcome = Outcome.BUILT if done.executed else Outcome.RESTORED
    settled = Judgement(judged.stage, outcome, judged.reasons, judged.action, done.outputs, judged.code)
    project.judgements[task] = settled
    return Result(task, outcome, settled, done.seconds, warnings=done.warnings)


def resettled(project: Project, judged: Judgement, imported: Loaded) -> Judgement:
    """Judge the code again where the run imported modules: what their import read belongs to the key from now on.

    The record is published under the new key, too, unless something of that has changed meanwhile: then it runs once
    more.
    """
    now = code_of(project, judged.stage, anew=True)
    assert judged.action is not None
    assert judged.code is not None
    changed = [*asked.otherwise(now.asked, imported.asked), *asked.otherwise(now.files, imported.files)]
    action, _ = project.readable(project.keys.action(judged.stage, judged.action.inputs, now))
    if action.key == judged.action.key or changed or any(asked.otherwise(judged.code.files, now.files)):
        return judged
    record = project.record(judged.action.key)
    if record is not None:
        project.store.publish(action.key, dataclasses.replace(record, action=action).as_json())
    return dataclasses.replace(judged, action=action, code=now)


@cache
def _commit(root: str) -> tuple[str, bool]:
    """Read which commit the project stands on, and whether it was edited since; git's own files stay as they are."""
    import subprocess

    git = ["git", "--no-optional-locks"]
    status = ["status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no"]
    try:
        said = subprocess.run([*git, *status], cwd=root, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, ValueError, subprocess.SubprocessError):  # ValueError: a name that is no text
        return "", False
    lines = said.splitlines()
    commit = next((line.split()[2] for line in lines if line.startswith("# branch.oid ")), "")
    edited = any(not line.startswith("#") for line in lines)
    return (commit, edited) if commit != "(initial)" else ("", False)
