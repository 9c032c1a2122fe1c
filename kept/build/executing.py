"""Runs one stage, in whatever process it is called: load its inputs, execute, save its artifacts, record."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from .. import errors, formats
from ..actions import Output, Record
from ..digest import Algorithm, Digest, Memo, digest_file
from ..fingerprint import asked, audit, loading, states
from ..fingerprint.libraries import hyphened, installed_since
from ..lean import dataclass
from ..pipeline import call_arguments
from ..store import Store
from . import foreign, seeds
from .aftermath import alone, put_back
from .capture import at_home, captured, temporary, told, unasking
from .moved import Held, moved
from .names import names_only
from .unread import unread
from .workplace import Workplace


@dataclass(frozen=True, slots=True)
class Blob:
    """Stands in an argument for an artifact of another stage: where its bytes are, how they become a value."""

    output: Output
    file: str  # below artifacts/, for formats that hand over the path itself
    stage: str  # that made it


@dataclass(frozen=True, slots=True)
class Whole:
    """Stands in an argument for all artifacts of a stage that returns a NamedTuple."""

    kind: type | None
    fields: Mapping[str, Blob]


@dataclass(frozen=True, slots=True)
class Job:
    """All that a process needs to run a stage; it is pickled where that process is another one."""

    task: str
    function: Callable[..., Any]
    arguments: Mapping[str, object]  # with Blob and Whole in place of artifacts
    fields: tuple[str, ...]  # of the NamedTuple it returns
    formats: Mapping[str, str]  # by field; "" where the value decides
    record: Record  # complete but for outputs and seconds
    files: Mapping[str, str]  # source file → digest it was fingerprinted with
    asked: Mapping[str, str]  # what importing them asks for → the state of it that is in the key
    paths: Mapping[str, Held]  # file or folder whose path it is given → what was there when it was judged
    root: str
    store: str
    algorithm: Algorithm  # by which the store names content, and ``paths`` are named
    stems: Mapping[str, str]  # by field: where its artifact lies, without the suffix
    log: str
    seeding: tuple[str, ...]  # libraries whose generators are seeded
    environment: Mapping[str, str | None]  # what stages declare: None where it is unset
    began_ns: int  # when code was first loaded in the process that judged it
    setting: str = ""  # the module that declared the stage, where that changes the stage's code
    trusted: bool = True  # whether what the store holds may be code
    own_formats: tuple[Any, ...] = ()  # formats that the project registered
    forced: bool = False
    fresh: bool = False  # take no record that was made with other versions of libraries
    live: bool = False  # let the stage's own output through to the terminal
    sockets: str = ""  # where multiprocessing keeps them, if its process is killed and can remove nothing


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the stages of a process run on, all of it: modules, and what their import found."""

    files: Mapping[str, str]  # source file → digest of the bytes that were compiled
    asked: Mapping[str, str]  # what importing them asked for → the state in which it was found


@dataclass(frozen=True)
class Done:
    """What came of a job that did not fail."""

    outputs: tuple[Output, ...]
    seconds: float
    recorded: bool
    executed: bool  # False where another process had built it meanwhile
    imported: Loaded | None = None  # what the process has loaded by now, if the run loaded modules of the project
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """What a stage raised: the user's own traceback, ours left out."""

    what: str  # "ValueError: bad value"
    text: str
    log: str
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    unread: foreign.Unread | None = None  # an input that cannot be read here, and might be if it were made again


def enter(root: str, home: str, path: list[str], given: Iterable[str]) -> None:
    """Make a new process ready for jobs of a project: same folder, same modules, loaded from source.

    ``given`` are variables that tell it its share of the machine: they may differ.
    """
    asked.leave_out(given)
    os.chdir(root)
    sys.path[:] = path
    loading.install(root)
    audit.install(root, Memo(os.path.join(home, "memo.db")))


def work(job: Job, tell: Callable[[str], None] = lambda _: None, place: Workplace | None = None) -> Done | Failure:
    """Run a stage unless its record has come meanwhile; one process at a time runs one action.

    ``place`` is what the stages of a run share; without it the stage has one of its own.
    """
    if place is None:
        with contextlib.closing(Workplace(job.store, job.algorithm)) as own:
            return work(job, tell, own)
    for form in job.own_formats:
        formats.register(form)
    place.warnings.clear()
    store, key = place.store, job.record.action.key
    with store.lock(key, tell, text=job.task):
        found = None if job.forced else _found(store, key)
        if found is not None and job.fresh and foreign.other_versions(found, job.record.versions):
            found = None
        if found is not None:
            return Done(found.outputs, found.seconds, recorded=True, executed=False, warnings=tuple(place.warnings))
        return _run(job, place)


def _run(job: Job, place: Workplace) -> Done | Failure:
    started, before = time.perf_counter(), loading.count()
    with place.folder() as folder, at_home(job.root):
        try:
            if job.setting and job.setting not in sys.modules:  # another process than that of doit
                importlib.import_module(job.setting)
            asks, after = unasking(job.task, place.warnings, live=job.live), put_back(job.root, job.environment)
            with _log(job, folder) as log, captured(log, live=job.live), asks, temporary(folder, job.sockets), after:
                prepare(job)
                value = _call(job, place.store)
            seconds = time.perf_counter() - started
            outputs = _save_all(job, value, place.store, folder)
            place.warnings += names_only(job.task, job.fields, value)
        except errors.KeptError as problem:
            not_read = problem.unread if isinstance(problem, errors.Damaged) else None
            return Failure(problem.what, str(problem), job.log, warnings=tuple(place.warnings), unread=not_read)
        except KeyboardInterrupt:
            raise
        except BaseException as problem:  # noqa: BLE001  # whatever the user's stage raises is its failure
            return Failure(*told(problem), job.log, time.perf_counter() - started, tuple(place.warnings))
    imported = Loaded(loading.digests(), asked.all_found()) if loading.count() > before else None
    return _record(job, place, outputs, seconds, imported)


def _found(store: Store, key: str) -> Record | None:
    entry = store.lookup(key)
    record = Record.from_json(entry) if entry is not None else None
    return record if record is not None and all(store.holds(o.digest) for o in record.outputs) else None


def _record(job: Job, place: Workplace, outputs: tuple[Output, ...], seconds: float, imported: Loaded | None) -> Done:
    """Publish what came of the stage, last of all: a record promises that its blobs are there."""
    store, warnings = place.store, place.warnings
    changed = _moved(job, place)
    if changed:
        given = {os.path.relpath(path, job.root) for path in job.paths}
        hint = " (if the stage writes to it, let it write to a copy)" if given.intersection(changed) else ""
        warnings.append(f"{job.task}: not recorded: {', '.join(changed)} changed while it ran; run again{hint}")
        return Done(outputs, seconds, recorded=False, executed=True, imported=imported, warnings=tuple(warnings))
    made = {"outputs": [output.as_json() for output in outputs], "seconds": round(seconds, 6)}
    entry, key = job.record.as_json() | made, job.record.action.key
    try:
        kept = store.publish(key, entry, instead=job.forced or job.fresh)
    except (errors.StoreReadOnly, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        warnings.append("the store is read-only: what is built now is shown in artifacts/, but not kept")
        return Done(outputs, seconds, recorded=False, executed=True, imported=imported, warnings=tuple(warnings))
    won = Record.from_json(kept) if kept is not entry else None  # another process's, that came first
    if won is not None and [o.digest for o in won.outputs] != [o.digest for o in outputs]:
        warnings.append(f"{job.task}: another process recorded other bytes for the same action; its result is used")
        outputs = won.outputs
    return Done(outputs, seconds, recorded=True, executed=True, imported=imported, warnings=tuple(warnings))


def _moved(job: Job, place: Workplace) -> list[str]:
    """Name the inputs, sources and libraries that are not what they were when the stage was judged."""
    changed = moved(job.paths, place.named, place.store)
    libraries = job.record.versions
    since = installed_since(job.began_ns) if libraries else ()
    upgraded = [name for name in libraries if hyphened(name) in since]
    code = dict.fromkeys((*loading.moved(job.files), *audit.moved(job.files)))
    paths = (*code, *states.otherwise(job.asked), *changed, *upgraded)
    return [os.path.relpath(path, job.root) if os.path.isabs(path) else path for path in paths]


# ---- the call


def prepare(job: Job) -> None:
    """Let names and random numbers come as in every other run of the stage."""
    formats.fresh_names()
    seeds.plant(job.record.action.seed, job.seeding)


def given(job: Job, store: Store, name: str) -> Any:
    """Load what a stage is given for one parameter."""
    return _value(job.arguments[name], job, store)


def _call(job: Job, store: Store) -> Any:
    skipped = unread(job.function)
    # A plain value costs nothing to give, and what looks into the caller's frame may want it.
    values = {
        n: None if n in skipped and _holds_blobs(job.arguments[n]) else given(job, store, n) for n in job.arguments
    }
    args, kwargs = call_arguments(job.function, values)
    seeds.plant(job.record.action.seed, job.seeding)  # again: the values may have brought libraries, or drawn
    return alone(job.function, args, kwargs)


def _holds_blobs(value: object) -> bool:
    if type(value) is dict:
        return any(map(_holds_blobs, value.values()))
    return isinstance(value, Blob | Whole) or (type(value) in (list, tuple) and any(map(_holds_blobs, value)))  # type: ignore[call-overload]  # a list or tuple


def _value(value: object, job: Job, store: Store) -> Any:
    if isinstance(value, Blob):
        try:
            return load(value.output, store, Path(job.root, value.file), trusted=job.trusted)
        except errors.Damaged as problem:
            problem.unread = foreign.unread(value.stage, value.output.digest.hex, problem)
            raise
    if isinstance(value, Whole):
        parts = {name: _value(blob, job, store) for name, blob in value.fields.items()}
        return value.kind(**parts) if value.kind is not None else parts
    if type(value) is dict:
        return {key: _value(item, job, store) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_value(item, job, store) for item in value)  # type: ignore[attr-defined, call-arg]  # a list or tuple
    return value


def load(output: Output, store: Store, file: Path, *, trusted: bool = True) -> Any:
    """Turn the bytes of an artifact into its value; they are verified, arrays come memory-mapped and read-only."""
    if output.format.partition(".")[0] == "file":
        return file  # the stage reads it itself; its content was compared when the stage that made it was judged
    path = store.path(output.digest) or _healed(output, store, file)
    return formats.load(output.format, path, trusted=trusted, artifact=str(file))


def _healed(output: Output, store: Store, file: Path) -> Path:
    """Give the store back a blob that it has lost, from the file in artifacts/ if that is sound."""
    with contextlib.suppress(OSError):
        if digest_file(file, store.algorithm) == output.digest:
            try:
                store.put(file)
            except errors.StoreReadOnly:
                return file
            return store.path(output.digest) or file
    raise errors.blob_gone(file, output.digest.hex)


# ---- the artifacts


def _save_all(job: Job, value: Any, store: Store, folder: Path) -> tuple[Output, ...]:
    if not job.fields:
        return (_save("", value, job, store, folder),)
    if not isinstance(value, tuple) or getattr(value, "_fields", ()) != job.fields:
        raise errors.wrong_result(job.task, job.fields, value)
    return tuple(_save(name, item, job, store, folder) for name, item in zip(job.fields, value, strict=True))


def _save(name: str, value: Any, job: Job, store: Store, folder: Path) -> Output:
    declared = job.formats[name]
    stem = folder / f".kept-{name or 'value'}"  # what the stage itself has left there has other names
    artifact = job.task.replace(":", "/") + (f"/{name}" if name else "")
    form = formats.for_annotation(declared) if declared else None
    if form is None and not isinstance(value, Path):
        path, saved = formats.save_by_value(value, stem, artifact, store.algorithm)
    else:
        form = form or formats.named("file")
        suffix = value.suffix if form.name == "file" and isinstance(value, Path) and not value.is_dir() else form.suffix
        path = stem.with_name(stem.name + suffix)
        saved = formats.save(value, form, path, artifact, store.algorithm)
    suffix, known = path.suffix, saved.written
    tree = known is None and os.path.isdir(path)
    try:
        ours = known is not None and known.algorithm == store.algorithm
        stored = store.put(path, (known.stat, known.digest) if known is not None and ours else None)
    except errors.StoreReadOnly:
        stored = _show_only(store, path, Path(job.root, job.stems[name] + suffix), artifact)
    with contextlib.suppress(OSError):  # a folder, or what was moved away: the whole place is cleared then
        path.unlink()
    return Output(name, stored, saved.format, suffix, saved.kind, saved.classes, tree)


def _show_only(store: Store, path: Path, target: Path, artifact: str) -> Digest:
    """Put an artifact in its place without keeping it, where the store takes nothing."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            shutil.rmtree(target)
        shutil.move(path, target)
    except OSError as problem:  # the whole project is read-only
        raise errors.cannot_write(artifact, target, problem) from None
    return store.name(target)


def _log(job: Job, folder: Path) -> FileIO:
    """Open the place where the stage's own output can go."""
    with contextlib.suppress(OSError):
        try:
            return _written(job.log)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(job.log), exist_ok=True)
            return _written(job.log)
    return _written(folder / "log")


def _written(log: str | Path) -> FileIO:
    return open(log, "wb", buffering=0)
