"""Runs one stage, in whatever process it is called: load its inputs, execute, save its artifacts, record."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import digest, errors, formats
from ..actions import Output, Record
from ..digest import Digest, Memo, digest_tree
from ..fingerprint import audit, loading
from ..pipeline import call_arguments
from ..store import Store


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
    log: str
    seeding: tuple[str, ...]  # libraries whose generators are seeded
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
    warnings: list[str] = []
    store = Store(job.store, warn=warnings.append)
    key = job.record.action.key
    with store.lock(key, tell, text=job.task):
        found = None if job.forced else _found(store, key)
        if found is not None:
            return Done(found.outputs, found.seconds, recorded=True, executed=False, warnings=tuple(warnings))
        started, before = time.perf_counter(), len(loading.loaded())
        with store.workshop() as folder:
            try:
                with _captured(Path(job.log), live=job.live), _temporary(folder):
                    formats.fresh_names()
                    _seed(job)
                    value = _call(job, store)
                seconds = time.perf_counter() - started
                outputs = _save_all(job, value, store, folder)
            except errors.KeptError as problem:
                return Failure(problem.what, str(problem), job.log, warnings=tuple(warnings))
            except (Exception, SystemExit) as problem:  # noqa: BLE001  # whatever the user's stage raises is its failure
                return Failure(*_told(problem), job.log, time.perf_counter() - started, tuple(warnings))
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
    if job.forced:
        store.withdraw(key)
    won = Record.from_json(store.publish(key, record.as_json()))
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


def _call(job: Job, store: Store) -> Any:
    values = {name: _value(value, job, store) for name, value in job.arguments.items()}
    args, kwargs = call_arguments(job.function, values)
    return job.function(*args, **kwargs)


def _value(value: object, job: Job, store: Store) -> Any:
    if isinstance(value, Blob):
        return load(value.output, store, Path(job.root, value.file))
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
        if digest.digest_file(file) == output.digest and store.put(file) == output.digest:
            path = store.path(output.digest)
            if path is not None:
                return path
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
    tree = path.is_dir()
    return Output(name, store.put(path), saved.format, path.suffix, saved.kind, saved.classes, tree)


# ---- what the stage prints, and what it raises


@contextlib.contextmanager
def _captured(log: Path, *, live: bool) -> Iterator[None]:
    """Send what the stage writes, C libraries included, to its log; the terminal stays ours."""
    if live:
        yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):  # a stream that is closed has nothing to flush
            stream.flush()
    saved = sys.stdout, sys.stderr, os.dup(1), os.dup(2)
    with open(log, "w", encoding="utf-8", errors="backslashreplace", buffering=1) as text:
        os.dup2(text.fileno(), 1)
        os.dup2(text.fileno(), 2)
        sys.stdout = sys.stderr = text
        try:
            yield
        finally:
            text.flush()
            sys.stdout, sys.stderr = saved[:2]
            os.dup2(saved[2], 1)
            os.dup2(saved[3], 2)
            os.close(saved[2])
            os.close(saved[3])


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[None]:
    """Let temporary files of the stage lie beside the store: one that it returns is adopted without a copy."""
    import tempfile

    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _told(problem: BaseException) -> tuple[str, str]:
    """Return the last line and the whole traceback of what a stage raised, from the user's own frames on."""
    while problem.__traceback__ is not None and problem.__traceback__.tb_frame.f_code.co_filename.startswith(_OWN):
        problem.__traceback__ = problem.__traceback__.tb_next
    text = io.StringIO()
    traceback.print_exception(problem, file=text)
    last = traceback.format_exception_only(problem)[-1].strip()
    if isinstance(problem, ValueError) and "read-only" in str(problem):
        text.write("hint: the inputs of a stage are read-only; change a copy: X = X.copy()\n")
    if isinstance(problem, SystemExit):
        last = f"the stage called sys.exit({problem.code!r})"
    return last, text.getvalue().rstrip()


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
