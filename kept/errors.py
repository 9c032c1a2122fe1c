"""Every message that a user can see, one function each.

One shape for all: what happened, aligned facts, and a ``hint:`` with the next action.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Sequence

Facts = tuple[tuple[str, object], ...]


class KeptError(Exception):
    """A mistake that the user can mend; its text says how."""

    def __init__(self, what: str, facts: Facts = (), hint: str = "") -> None:
        self.what, self.facts, self.hint = what, facts, hint
        super().__init__(what, facts, hint)

    def __reduce__(self) -> tuple[object, ...]:
        return make, (getattr(self, "plain_kind", type(self)), self.what, self.facts, self.hint)

    def __str__(self) -> str:
        width = max((len(name) for name, _ in self.facts), default=0) + 1
        lines = [self.what]
        lines += [f"  {name + ':':<{width}} {value}" for name, value in self.facts]
        lines += [f"hint: {self.hint}"] if self.hint else []
        return "\n".join(lines)


class StoreFull(KeptError):
    """The disk, a quota or a limit on file sizes leaves no room for a blob."""


class StoreVersionError(KeptError):
    """The store was written by a newer kept."""


class StoreNotPrivate(KeptError):
    """Others can write to the store, so what it holds cannot be trusted with code."""


_host: type[Exception] | None = None
_hosted: dict[type[KeptError], type[KeptError]] = {}


def adopt(host: type[Exception]) -> None:
    """Make the errors raised from now on also errors of ``host``.

    doit prints a traceback for every exception but its own; with this its door can make ours count as such
    without any lower room knowing doit.
    """
    global _host  # noqa: PLW0603  # one host a process, set once by the door
    _host = host
    _hosted.clear()


def make(kind: type[KeptError], what: str, facts: Facts = (), hint: str = "") -> KeptError:
    """Build an error of ``kind`` that the host, if any, reports without a traceback."""
    if _host is not None and kind not in _hosted:
        _hosted[kind] = type(kind.__name__, (kind, _host), {"__module__": kind.__module__, "plain_kind": kind})
    return _hosted.get(kind, kind)(what, facts, hint)


def one_line(value: object, width: int = 60) -> str:
    """Show a value in one short line, whatever its repr does."""
    try:
        text = " ".join(repr(value).split())
    except Exception as problem:  # noqa: BLE001  # a user's __repr__ may raise anything; the message must still come out
        text = f"<{type(value).__name__} whose repr raises {type(problem).__name__}>"
    return text if len(text) <= width else text[: width - 1] + "…"


# ---- digest


def no_digest(value: object, where: str = "") -> KeptError:
    """A parameter has no canonical form."""
    facts: Facts = (("type", f"{type(value).__module__}.{type(value).__qualname__}"), ("value", one_line(value)))
    if where:
        facts = (("where", where), *facts)
    hint = "pass numbers, strings, tuples, lists, dicts, enums or frozen dataclasses; make anything richer an artifact"
    return make(KeptError, "a parameter has no canonical form", facts, hint)


def contains_itself(value: object) -> KeptError:
    """A parameter holds itself, so no encoding of it ends."""
    facts: Facts = (("type", type(value).__qualname__), ("value", one_line(value)))
    return make(KeptError, "a parameter contains itself", facts, "pass a value without the loop")


def absolute_parameter(path: object) -> KeptError:
    """A path inside a parameter names a place on one machine only."""
    hint = "pass a path relative to the project's folder, or the file itself as an argument of stage(...)"
    return make(KeptError, "a parameter holds an absolute path", (("path", path),), hint)


# ---- pipeline


def not_callable(value: object, where: object) -> KeptError:
    """``stage`` was given something else than a function."""
    facts: Facts = (("where", where), ("got", one_line(value)))
    return make(KeptError, "a stage needs a function", facts, "write stage(function, arguments...)")


def wrong_arguments(function: str, problem: str, signature: str, where: object) -> KeptError:
    """The arguments of a stage do not fit its function."""
    facts: Facts = (("where", where), ("function", f"{function}{signature}"))
    return make(KeptError, f"a stage does not fit its function: {problem}", facts, "pass what the function asks for")


def no_signature(function: str, where: object) -> KeptError:
    """Python cannot say what a function takes."""
    facts: Facts = (("where", where), ("function", function))
    return make(KeptError, "a function does not say what it takes", facts, "wrap it in a function of your own")


def env_not_a_list(env: str, where: object) -> KeptError:
    """``env="NAME"`` would be read as a list of letters."""
    return make(KeptError, "env is a list of names", (("where", where), ("got", one_line(env))), f"write env=[{env!r}]")


def bad_parameter(problem: KeptError, stage: str, parameter: str, where: object) -> KeptError:
    """A parameter of a stage has no canonical form."""
    facts = (("where", where), ("stage", stage), ("parameter", parameter), *problem.facts)
    return make(KeptError, problem.what, facts, problem.hint)


def not_an_artifact(verb: str, value: object, where: object) -> KeptError:
    """``swap`` was given something else than a stage."""
    facts: Facts = (("where", where), ("got", one_line(value)))
    return make(KeptError, f"{verb} needs a stage of a pipeline", facts, "write swap(OtherPipeline.stage, function)")


def does_not_take(function: str, missing: list[str], signature: str, stage: str, where: object) -> KeptError:
    """A swapped-in function does not take what the wiring gives."""
    facts: Facts = (
        ("where", where),
        ("stage", stage),
        ("wiring gives", ", ".join(missing)),
        ("function", f"{function}{signature}"),
    )
    hint = "name the function's parameters like those of the function it replaces, or declare the stage with stage(...)"
    return make(KeptError, "the function does not take what the stage is wired to", facts, hint)


def no_such_field(stage: str, name: str, fields: tuple[str, ...], where: object) -> KeptError:
    """A reference asks for an artifact that its stage does not make."""
    has = ", ".join(fields) if fields else "one value, without fields"
    facts: Facts = (("where", where), ("stage", stage), ("it makes", has))
    hint = nearest(name, fields) or "annotate the function's result with a NamedTuple that has this field"
    return make(KeptError, f"a stage makes no artifact {name!r}", facts, hint)


def not_a_value(stage: str, used: str, where: object) -> KeptError:
    """A reference was used as if it were the value it stands for."""
    facts: Facts = (("where", where), ("stage", stage))
    hint = "do that in a stage; after a run, kept.load(...) gives the value"
    return make(KeptError, f"an artifact cannot be {used} where it is declared: it does not exist yet", facts, hint)


def field_as_stage(name: str, stage: str, field: str, where: object) -> KeptError:
    """A class attribute is one field of a stage."""
    facts: Facts = (("where", where), ("attribute", f"{name} = {stage}.{field}"))
    return make(
        KeptError, "a pipeline's attribute must be a whole stage", facts, f"use {stage}.{field} where it is needed"
    )


def two_names(first: str, second: str, where: object) -> KeptError:
    """One stage was assigned to two attributes."""
    facts: Facts = (("where", where), ("names", f"{first}, {second}"))
    return make(KeptError, "a stage has two names", facts, "declare it once, or twice with stage(...)")


def reserved_name(name: str, where: object) -> KeptError:
    """A stage would hide a method of every pipeline."""
    hint = "choose another name, without a leading underscore"
    return make(KeptError, f"a stage cannot be called {name!r}", (("where", where),), hint)


def unnamed_stage(stage: str, user: str, where: object) -> KeptError:
    """A stage is used that no class attribute names."""
    facts: Facts = (("where", where), ("function", stage), ("used by", user))
    return make(KeptError, "a stage has no name", facts, "assign it to an attribute of a pipeline's class body")


def cycle(names: list[str], where: object) -> KeptError:
    """Stages need each other."""
    facts: Facts = (("where", where), ("cycle", " needs ".join(names)))
    return make(KeptError, "stages of a pipeline need each other", facts, "let one of them take something else")


def bad_pipeline_name(name: str, where: object) -> KeptError:
    """A pipeline's name is no word."""
    facts: Facts = (("where", where), ("name", one_line(name)))
    return make(KeptError, "a pipeline has a name that cannot be typed", facts, "use letters, digits and underscores")


def pipeline_twice(name: str, first: object, second: object) -> KeptError:
    """Two pipelines would be one target."""
    facts: Facts = (("first", first), ("second", second))
    hint = 'rename one class, or give it a name of its own: class X(Pipeline, name="...")'
    return make(KeptError, f"two pipelines are called {name!r}", facts, hint)


def command_name(name: str, where: object) -> KeptError:
    """A pipeline would be unreachable behind a command of that name."""
    hint = 'rename the class, or give it a name of its own: class X(Pipeline, name="...")'
    return make(KeptError, f"a pipeline cannot be called {name!r}: that is a command", (("where", where),), hint)


def not_instantiated(name: str, where: object) -> KeptError:
    """Somebody called a pipeline's class."""
    what = f"a pipeline is its class: {name}() makes nothing"
    return make(KeptError, what, (("where", where),), f"use {name}.load(...) or doit")


def bad_option(name: str, wanted: str, got: object, where: object) -> KeptError:
    """An option of ``stage`` is of another type."""
    facts: Facts = (("where", where), ("got", one_line(got)))
    return make(
        KeptError, f"{name} is {wanted}", facts, f"mend it, or pass it to the function under another name than {name}"
    )


def unknown_artifact(name: str, pipeline: str, known: tuple[str, ...]) -> KeptError:
    """An artifact was asked for that no stage makes."""
    facts: Facts = (("pipeline", pipeline), ("it makes", ", ".join(known) or "nothing"))
    return make(KeptError, f"there is no artifact {name!r}", facts, nearest(name, known) or "see `doit list --all`")


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Return a hint with the names closest to a misspelt one, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else ""


# ---- store


class StoreReadOnly(KeptError):
    """The store cannot be written to; what it holds can be used."""


class BlobMissing(KeptError):
    """A blob is not in the store, or no longer as it was put there."""


class SweepRefused(KeptError):
    """Something in the store cannot be read, so nothing can be said to be unused."""


def store_full(place: object, needed: int, free: int | None, problem: OSError) -> KeptError:
    """There is no room for what is being written; nothing of it is left behind."""
    facts: Facts = (("place", place), ("needed", size(needed)), ("free", "unknown" if free is None else size(free)))
    hint = "make room (`kept du` shows what the store holds, `kept gc` removes what nothing uses) and run again"
    return make(StoreFull, "no room left", (*facts, ("reason", problem.strerror or problem)), hint)


def size(count: int) -> str:
    """Write a number of bytes for people."""
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" or value >= 100 else f"{value:.1f} {units[0]}"


def store_version(place: object, found: str) -> KeptError:
    """The store is of a kept that this one does not know."""
    facts: Facts = (("place", place), ("found", one_line(found)))
    hint = "upgrade kept, or give this project another store; this one is left as it is"
    return make(StoreVersionError, "the store was written by another version of kept", facts, hint)


def store_read_only(root: object, problem: OSError) -> KeptError:
    """The store cannot be written to."""
    facts: Facts = (("store", root), ("reason", problem.strerror or problem))
    return make(StoreReadOnly, "the store is read-only", facts, "make it writable to keep what is built")


def store_not_private(place: object) -> KeptError:
    """What the store holds might be somebody else's code."""
    hint = f"chmod -R go-w {place}; if another user owns it, use a store of your own"
    return make(StoreNotPrivate, "others can write to the store", (("place", place),), hint)


def store_planted(place: object) -> KeptError:
    """A link or the like lies where the store has a file or folder of its own."""
    hint = "kept did not put it there: look at it, then remove it"
    return make(KeptError, "something foreign lies in the store", (("place", place),), hint)


def blob_missing(name: str) -> KeptError:
    """Content was asked for that is not there, or no longer right."""
    return make(BlobMissing, "a blob is missing from the store", (("digest", name),), "run the build again")


def no_store_name(name: object) -> KeptError:
    """A key or a digest is not one."""
    return make(KeptError, "not a name in the store", (("name", one_line(name)),), "64 lower-case hex digits are")


def no_file(path: object) -> KeptError:
    """Something can be neither copied nor described: a pipe, a socket, a link to a folder or to nothing."""
    hint = "store regular files, and folders of regular files"
    return make(KeptError, "neither a file nor a folder", (("path", path),), hint)


def no_tree(name: str) -> KeptError:
    """A blob should describe a folder, yet does not."""
    return make(KeptError, "a blob is no manifest of a folder", (("digest", name),), "run the build again")


def tree_name(name: object) -> KeptError:
    """A file in a folder has a name that would not stay in it."""
    hint = "names are relative, with no empty part, no . or .. in them, each for one file"
    return make(KeptError, "a folder holds a name that is refused", (("name", one_line(name)),), hint)


def sweep_refused(place: object, problem: object) -> KeptError:
    """Nothing is removed while it cannot be known what is in use."""
    facts: Facts = (("place", place), ("reason", problem))
    return make(SweepRefused, "nothing was removed: a part of the store cannot be read", facts, "see `kept verify`")


# ---- formats


class DoesNotFit(KeptError):
    """A value is not what its declared format can keep."""


class Damaged(KeptError):
    """A file does not hold what its format says, or was written by another version of a library."""


class UntrustedFormat(KeptError):
    """Reading the file would run code, and nobody vouches for it."""


def unknown_format(name: str, known: Sequence[str]) -> KeptError:
    """A stage or a record names a format that nobody registered."""
    near = difflib.get_close_matches(name.lstrip("."), known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    hint = f'{meant}a new one is added with kept.formats.register(...); a file with a suffix is "file.png"'
    return make(KeptError, f"there is no format {name!r}", (("formats", ", ".join(known)),), hint)


def value_unfit(artifact: str, format_: str, kind: str, reason: str, hint: str = "") -> KeptError:
    """A value would not come back from its declared format as it is."""
    facts: Facts = (("value", kind), ("format", format_), ("reason", reason))
    hint = hint or 'return what the declared type says, or declare the format: Annotated[..., "pkl"]'
    return make(DoesNotFit, f"{artifact or 'a value'} does not fit its format", facts, hint)


def cannot_write(artifact: str, path: object, problem: OSError) -> KeptError:
    """The disk refuses a value."""
    full = problem.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
    facts: Facts = (("file", path), ("reason", problem.strerror or problem))
    hint = "free some space; see `kept du` and `kept gc`" if full else "see that the folder can be written to"
    return make(StoreFull if full else KeptError, f"{artifact or 'a value'} cannot be written", facts, hint)


def cannot_read(artifact: str, path: object, problem: OSError) -> KeptError:
    """The system does not let a file be read; that says nothing about what it holds."""
    facts: Facts = (("file", path), ("reason", problem.strerror or problem))
    return make(KeptError, f"{artifact or 'a file'} cannot be read", facts, "see that the file is there and readable")


def not_here(artifact: str, format_: str, path: object, reason: str, hint: str) -> KeptError:
    """A file may be right, yet this environment does not read it."""
    facts: Facts = (("file", path), ("format", format_), ("reason", reason))
    return make(KeptError, f"{artifact or 'a file'} cannot be read here", facts, hint)


def damaged(artifact: str, format_: str, path: object, problem: Exception) -> KeptError:
    """A file does not hold what its format says."""
    reason = f"{type(problem).__name__}: {problem}".strip().splitlines()[0]
    facts: Facts = (("file", path), ("format", format_), ("reason", reason))
    hint = "the file is damaged, or was written with other versions of its libraries: build it again"
    return make(Damaged, f"{artifact or 'a file'} cannot be read as {format_}", facts, hint)


def untrusted_format(artifact: str, format_: str, path: object) -> KeptError:
    """A file that others can write would run code when it is read."""
    facts: Facts = (("file", path), ("format", format_))
    hint = "let nobody else write there (`chmod go-w`), or build it here: only data formats are read from strangers"
    return make(UntrustedFormat, f"{artifact or 'a file'} is code when it is read, and not trusted", facts, hint)


# ---- settings


def bad_settings(path: object, problem: str, hint: str) -> KeptError:
    """The project's settings cannot be read."""
    return make(
        KeptError, f"bad settings: {problem}", (("file", path),), hint or "see docs/reference.md for the settings"
    )


# ---- build


def missing_input(stage: str, parameter: str, path: str, where: object) -> KeptError:
    """A declared input file is not there."""
    facts: Facts = (("stage", stage), ("parameter", parameter), ("declared", where))
    return make(KeptError, f"input file {path!r} does not exist", facts, "put the file there, or mend the path")


def upstream_unclear(stage: str, upstream: str, problem: KeptError) -> KeptError:
    """A stage cannot be judged because one that it needs cannot."""
    return make(
        KeptError, f"{stage} needs {upstream}, which cannot be judged: {problem.what}", problem.facts, problem.hint
    )


def left_out(stage: str, needed: list[str]) -> KeptError:
    """A stage was asked for alone, yet what it needs is not up to date."""
    facts: Facts = (("needs", ", ".join(needed)),)
    return make(KeptError, f"{stage} cannot be built alone: what it needs would change first", facts, "leave out -s")


def wrong_result(stage: str, fields: tuple[str, ...], value: object) -> KeptError:
    """A stage did not return the NamedTuple that it declares."""
    facts: Facts = (("declared", f"a NamedTuple of {', '.join(fields)}"), ("returned", one_line(value)))
    return make(KeptError, f"{stage} did not return what its annotation says", facts, "return the NamedTuple")


def blob_gone(file: object, digest: str) -> KeptError:
    """An artifact's bytes are neither in the store nor sound."""
    return make(KeptError, f"the content of {file} is gone from the store", (("digest", digest),), "run doit again")


def unsavable_values(task: str, problem: str) -> KeptError:
    """A plain task returned values that cannot be remembered."""
    return make(
        KeptError, f"task {task} returned what JSON cannot hold: {problem}", (), "return plain numbers and strings"
    )


def not_built(name: str) -> KeptError:
    """A value was asked for that has not been built."""
    return make(KeptError, f"{name} has not been built", (), f"run `doit {name.partition('/')[0]}`")


def no_project(place: object) -> KeptError:
    """There is no project here or above."""
    return make(KeptError, "there is no kept project here", (("looked in", place),), "go to the folder of its dodo.py")


# ---- reports


def not_a_pipeline(value: object, where: object) -> KeptError:
    """``report`` was given something else than a pipeline."""
    facts: Facts = (("where", where), ("got", one_line(value)))
    return make(KeptError, "a report needs pipelines", facts, "write report(MnistTf, MnistSklearn)")


def unknown_report_format(name: str, known: tuple[str, ...], where: object) -> KeptError:
    """``report`` was asked to draw in a way that it does not know."""
    hint = nearest(name, known) or f"formats are {', '.join(known)}"
    facts: Facts = (("where", where), ("formats", ", ".join(known)))
    return make(KeptError, f"a report has no format {name!r}", facts, hint)


def unknown_column(name: str, known: tuple[str, ...], where: object = None) -> KeptError:
    """A report was asked for a column that it has not."""
    facts: Facts = (("where", where),) if where is not None else ()
    hint = nearest(name, known) or f"columns are {', '.join(known)}"
    return make(KeptError, f"the report has no column {name!r}", facts, hint)


def not_in_a_report(word: str, value: object, where: object) -> KeptError:
    """``report`` was given a value where it needs to know which artifact is meant."""
    facts: Facts = (("where", where), ("got", one_line(value)))
    return make(KeptError, f"a report needs an artifact for {word}", facts, f"write report(..., {word}=MnistTf.stage)")


def unpaired_predictions(given: tuple[str, ...], where: object) -> KeptError:
    """``report`` cannot tell mistakes without predictions, nor without labels."""
    facts: Facts = (("where", where), ("given", ", ".join(given)))
    hint = "write report(..., predictions=..., labels=...), and images=... to see examples"
    return make(KeptError, "mistakes are told from predictions with labels", facts, hint)


def cannot_write_report(path: object, problem: OSError) -> KeptError:
    """The disk refuses the file that ``--out`` names."""
    facts: Facts = (("file", path), ("problem", problem.strerror or problem))
    return make(KeptError, "the report cannot be written", facts, "choose another place with --out")


# ---- accept


def nothing_to_accept(stage: str) -> KeptError:
    """A stage that was never built has nothing that could stand."""
    return make(KeptError, f"{stage} has no record that could stand for it", (), f"run `doit {stage}`")


def not_acceptable(stage: str, reasons: list[str]) -> KeptError:
    """More than the code of a stage changed."""
    facts = tuple(("also changed", reason) for reason in reasons)
    hint = "build it, or say which with --even-parameters, --even-inputs or --even-libraries"
    return make(KeptError, f"{stage} is not accepted: more than its code changed", facts, hint)


# ---- fingerprint


def unreadable_source(file: str, line: int, reason: str) -> KeptError:
    """A source file of the project is no Python."""
    facts: Facts = (("file", f"{file}:{line}" if line else file), ("Python says", reason))
    return make(KeptError, f"{file} cannot be read as Python", facts, "mend it; stages that do not reach it go on")


def no_such_code(target: str, missing: str) -> KeptError:
    """A stage names a module or a function that is not there."""
    facts: Facts = (("stage", target), ("not found", missing))
    return make(
        KeptError, f"there is no code for {target}", facts, "check the spelling, and that its folder is on sys.path"
    )


def no_source(target: str, reason: str) -> KeptError:
    """A function cannot be traced to code."""
    hint = "define the function in a file of the project"
    return make(KeptError, f"{target} cannot be fingerprinted", (("reason", reason),), hint)


# ---- workers


def not_sendable(stage: str, problem: str) -> KeptError:
    """A stage cannot go to another process."""
    facts: Facts = (("problem", problem),)
    hint = "define its function at the top of a module, or run without -n"
    return make(KeptError, f"{stage} cannot be sent to another process", facts, hint)


# ---- verbs


def unknown_stage(name: str, known: tuple[str, ...]) -> KeptError:
    """A stage was named that nothing is remembered of."""
    hint = nearest(name, known) or "see `doit list --all`"
    return make(KeptError, f"nothing is remembered of a stage {name!r}", (), hint)


# ---- reading


def unknown_run(name: str, known: tuple[str, ...]) -> KeptError:
    """A run was named that the journal does not hold."""
    found = [run for run in known if name and run.startswith(name)]
    what = f"{name!r} is the beginning of {len(found)} runs" if found else f"there is no run {name!r}"
    hint = f"write more of it: {' or '.join(found[-3:])}" if found else nearest(name, known) or "see `kept log`"
    return make(KeptError, what, (), hint)


def not_built_then(artifact: str, run: str) -> KeptError:
    """An artifact was asked for as an earlier run left it, before it was first built."""
    what = f"{artifact} had not been built when run {run} ended"
    return make(KeptError, what, (), f"see `kept log {artifact.partition('/')[0]}`")


def failed_then(artifact: str, run: str, failed: str) -> KeptError:
    """An artifact was asked for as an earlier run left it, and its stage had failed."""
    facts: Facts = () if failed == run else (("failed in run", failed),)
    hint = f"see `kept log {artifact.partition('/')[0]}` for the runs that built it"
    return make(KeptError, f"run {run} left no {artifact}: its stage failed", facts, hint)


def record_gone(artifact: str, run: str) -> KeptError:
    """What an earlier run made was swept, or cannot be read."""
    hint = "`kept gc` removes what nobody uses for long: see keep_days and max_size in [tool.kept]"
    return make(KeptError, f"what run {run} left of {artifact} is not kept any more", (), hint)


# ---- verbs that need dodo.py


def no_dodo(root: object) -> KeptError:
    """A verb needs the declarations, and there are none."""
    return make(KeptError, "there is no dodo.py here", (("project", root),), "go to the folder of its dodo.py")


def dodo_fails(path: object, problem: Exception) -> KeptError:
    """Python cannot load dodo.py, or what it imports."""
    place, trace = "", problem.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith("<"):
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    if isinstance(problem, SyntaxError):
        place = f"{problem.filename}:{problem.lineno}"
    facts: Facts = (("file", path), ("at", place))
    return make(KeptError, f"dodo.py cannot be loaded: {type(problem).__name__}: {problem}", facts, "mend it first")


def unknown_target(name: str, known: tuple[str, ...]) -> KeptError:
    """A stage or pipeline was named that dodo.py does not declare."""
    hint = nearest(name, known) or "`doit list --all` shows all; a task of doit's own is explained by `doit why`"
    return make(KeptError, f"dodo.py declares no pipeline or stage {name!r}", (), hint)


def not_one_stage(name: str, found: tuple[str, ...]) -> KeptError:
    """One stage is wanted, and a whole pipeline was named."""
    return make(KeptError, f"{name} is not one stage", (("stages", ", ".join(found)),), "name one of them")


def bad_arguments(verb: str, problem: str, usage: str) -> KeptError:
    """A verb does not understand its command line."""
    return make(KeptError, f"{verb}: {problem}", (), usage)


def unknown_choice(what: str, name: str, known: tuple[str, ...]) -> KeptError:
    """Something was asked for in a way that there is not."""
    hint = nearest(name, known) or f"choose one of {', '.join(known)}"
    return make(KeptError, f"there is no {what} {name!r}", (), hint)


def inputs_not_there(stage: str, waiting: list[str]) -> KeptError:
    """A stage cannot be tried before what it needs has been built."""
    facts: Facts = (("it needs", ", ".join(waiting)),)
    hint = f"run `doit {' '.join(waiting)}` first"
    return make(KeptError, f"the inputs of {stage} are not there as it would get them", facts, hint)


def not_comparable(a: str, b: str) -> KeptError:
    """A run is to be compared with a variant."""
    facts: Facts = (("first", a), ("second", b))
    return make(KeptError, "a run is not compared with a variant", facts, "name two runs, or two variants")
