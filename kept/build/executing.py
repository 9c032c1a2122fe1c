"""Runs one stage, in whatever process it is called: load its inputs, execute, save its artifacts, record."""

from __future__ import annotations

import contextlib
import dataclasses
import dis
import errno
import inspect
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import digest, errors, formats
from ..actions import Output, Record
from ..digest import Digest, Memo, digest_tree
from ..fingerprint import audit, loading
from ..pipeline import call_arguments
from ..store import Store, digest_folder
from .capture import at_home, captured, temporary, told


@dataclass(frozen=True, slots=True)
class Blob:
    """Stands in an argument for an artifact of another stage: where its bytes are, how they become a value."""

    output: Output
    file: str  # below artifacts/, for formats that hand over the path itself


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
    paths: Mapping[str, Digest]  # input file → digest it was judged with
    root: str
    store: str
    stems: Mapping[str, str]  # by field: where its artifact lies, without the suffix
    log: str
    seeding: tuple[str, ...]  # libraries whose generators are seeded
    trusted: bool = True  # whether what the store holds may be code
    own_formats: tuple[Any, ...] = ()  # formats that the project registered
    forced: bool = False
    live: bool = False  # let the stage's own output through to the terminal


@dataclass(frozen=True)
class Done:
    """What came of a job that did not fail."""

    outputs: tuple[Output, ...]
    seconds: float
    recorded: bool
    executed: bool  # False where another process had built it meanwhile
    imported: bool = False  # whether the run loaded modules of the project that were not loaded before
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """What a stage raised: the user's own traceback, ours left out."""

    what: str  # "ValueError: bad value"
    text: str
    log: str
    seconds: float = 0.0
    warnings: tuple[str, ...] = field(default=())


def enter(root: str, home: str, path: list[str]) -> None:
    """Make a new process ready for jobs of a project: same folder, same modules, loaded from source."""
    os.chdir(root)
    sys.path[:] = path
    loading.install(root)
    audit.install(root, Memo(os.path.join(home, "memo.db")))


def work(job: Job, tell: Callable[[str], None] = lambda _: None) -> Done | Failure:
    """Run a stage unless its record has come meanwhile; one process at a time runs one action."""
    for form in job.own_formats:
        formats.register(form)
    warnings: list[str] = []
    store = Store(job.store, warn=warnings.append)
    key = job.record.action.key
    with store.lock(key, tell, text=job.task):
        found = None if job.forced else _found(store, key)
        if found is not None:
            return Done(found.outputs, found.seconds, recorded=True, executed=False, warnings=tuple(warnings))
        started, before = time.perf_counter(), len(loading.loaded())
        with _workshop(store) as folder, at_home(job.root):
            try:
                with captured(_log(job, folder), live=job.live), temporary(folder):
                    prepare(job)
                    value = _call(job, store)
                seconds = time.perf_counter() - started
                outputs = _save_all(job, value, store, folder)
            except errors.KeptError as problem:
                return Failure(problem.what, str(problem), job.log, warnings=tuple(warnings))
            except (Exception, SystemExit) as problem:  # noqa: BLE001  # whatever the user's stage raises is its failure
                return Failure(*told(problem), job.log, time.perf_counter() - started, tuple(warnings))
        done = _record(job, store, outputs, seconds, warnings)
        return dataclasses.replace(done, imported=len(loading.loaded()) > before)


def _found(store: Store, key: str) -> Record | None:
    entry = store.lookup(key)
    record = Record.from_json(entry) if entry is not None else None
    return record if record is not None and all(store.holds(o.digest) for o in record.outputs) else None


def _record(job: Job, store: Store, outputs: tuple[Output, ...], seconds: float, warnings: list[str]) -> Done:
    """Publish what came of the stage, last of all: a record promises that its blobs are there."""
    moved = _moved(job)
    if moved:
        warnings.append(f"{job.task}: not recorded: {', '.join(moved)} changed while it ran; run again")
        return Done(outputs, seconds, recorded=False, executed=True, warnings=tuple(warnings))
    record = dataclasses.replace(job.record, outputs=outputs, seconds=round(seconds, 6))
    key = record.action.key
    try:
        if job.forced:
            store.withdraw(key)
        won = Record.from_json(store.publish(key, record.as_json()))
    except (errors.StoreReadOnly, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        warnings.append("the store is read-only: what is built now is shown in artifacts/, but not kept")
        return Done(outputs, seconds, recorded=False, executed=True, warnings=tuple(warnings))
    if won is not None and [o.digest for o in won.outputs] != [o.digest for o in outputs]:
        warnings.append(f"{job.task}: another process recorded other bytes for the same action; its result is used")
        outputs = won.outputs
    return Done(outputs, seconds, recorded=True, executed=True, warnings=tuple(warnings))


def _moved(job: Job) -> list[str]:
    """Name the inputs and sources that are not what they were when the stage was judged."""
    moved = [os.path.relpath(path, job.root) for path in loading.moved(job.files)]
    for path, known in job.paths.items():
        try:
            now = digest_tree(path) if os.path.isdir(path) else digest.digest_file(path)
        except OSError:
            now = None
        if now != known:
            moved.append(os.path.relpath(path, job.root))
    return moved


# ---- the call


def prepare(job: Job) -> None:
    """Let names and random numbers come as in every other run of the stage."""
    formats.fresh_names()
    _seed(job)


def given(job: Job, store: Store, name: str) -> Any:
    """Load what a stage is given for one parameter."""
    return _value(job.arguments[name], job, store)


def _call(job: Job, store: Store) -> Any:
    unread = _unread(job.function)
    values = {name: None if name in unread else given(job, store, name) for name in job.arguments}
    args, kwargs = call_arguments(job.function, values)
    return job.function(*args, **kwargs)


def _unread(function: Callable[..., Any]) -> frozenset[str]:
    """Name the parameters that a plain function never mentions: what it does not read is not loaded."""
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        return frozenset()
    code = function.__code__
    used = {instruction.argval for instruction in dis.get_instructions(code)}
    if used & {"locals", "vars", "eval", "exec", "sys", "inspect"}:  # it may look at its own frame
        return frozenset()
    pairs = {name for value in used if isinstance(value, tuple) for name in value}  # 3.13 joins two names
    return (
        frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]) - used - pairs - set(code.co_cellvars)
    )


def _value(value: object, job: Job, store: Store) -> Any:
    if isinstance(value, Blob):
        return load(value.output, store, Path(job.root, value.file), trusted=job.trusted)
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
        if digest.digest_file(file) == output.digest:
            try:
                store.put(file)
            except errors.StoreReadOnly:
                return file
            return store.path(output.digest) or file
    raise errors.blob_gone(file, output.digest.hex)


def _seed(job: Job) -> None:
    """Seed every generator that the stage may draw from, from the project's seed.

    Never from the action key: a changed parameter or a harmless edit must not change the dice, or neither comparisons
    nor early cutoff would work.
    """
    seed = job.record.action.seed
    if seed is None:
        return
    import random

    random.seed(seed)
    if "numpy" in job.seeding:
        import numpy as np

        np.random.seed(seed % 2**32)
    if "torch" in job.seeding:
        import torch  # type: ignore[import-not-found, unused-ignore]  # optional, and without types

        torch.manual_seed(seed)
    if "keras" in job.seeding:
        import keras

        keras.utils.set_random_seed(seed % 2**32)


# ---- the artifacts


def _save_all(job: Job, value: Any, store: Store, folder: Path) -> tuple[Output, ...]:
    if not job.fields:
        return (_save("", value, job, store, folder),)
    if not isinstance(value, tuple) or getattr(value, "_fields", ()) != job.fields:
        raise errors.wrong_result(job.task, job.fields, value)
    return tuple(_save(name, item, job, store, folder) for name, item in zip(job.fields, value, strict=True))


def _save(name: str, value: Any, job: Job, store: Store, folder: Path) -> Output:
    declared = job.formats[name]
    place = folder / "out" / (name or "value")
    place.mkdir(parents=True)
    artifact = job.task.replace(":", "/") + (f"/{name}" if name else "")
    form = formats.for_annotation(declared) if declared else None
    if form is None and not isinstance(value, Path):
        path, saved = formats.save_by_value(value, place / "artifact", artifact)
    else:
        form = form or formats.named("file")
        suffix = value.suffix if form.name == "file" and isinstance(value, Path) and not value.is_dir() else form.suffix
        path = place / f"artifact{suffix}"
        saved = formats.save(value, form, path, artifact)
    suffix, tree = path.suffix, path.is_dir()
    try:
        known = saved.written
        stored = store.put(path, (known.stat, known.digest) if known is not None else None)
    except errors.StoreReadOnly:
        stored = _show_only(path, Path(job.root, job.stems[name] + suffix))
    return Output(name, stored, saved.format, suffix, saved.kind, saved.classes, tree)


def _show_only(path: Path, target: Path) -> Digest:
    """Put an artifact in its place without keeping it, where the store takes nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    shutil.move(path, target)
    return digest_folder(target) if target.is_dir() else digest.digest_file(target)


@contextlib.contextmanager
def _workshop(store: Store) -> Iterator[Path]:
    """Make a private folder, in the store if it can be written, so that artifacts are adopted without a copy."""
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(store.workshop())
        except errors.StoreReadOnly:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kept-")))
        yield folder


def _log(job: Job, folder: Path) -> Path:
    """Return where the stage's own output can go."""
    log = Path(job.log)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w"):
            return log
    except OSError:
        return folder / "log"


def seeding(libraries: Mapping[str, str]) -> tuple[str, ...]:
    """Name the libraries whose generators a stage may draw from, going by the libraries that its code names."""
    named = {name.lower().replace("_", "-") for name in libraries}
    found = []
    if named & {"numpy", "scipy", "pandas", "scikit-learn"}:
        found.append("numpy")
    if "torch" in named:
        found.append("torch")
    if named & {"keras", "tensorflow", "tensorflow-cpu"}:
        found.append("keras")
    return tuple(found)
