"""What can go wrong when a stage is judged, run, or accepted."""

from __future__ import annotations

from .shape import Facts, KeptError, make, one_line


def bad_settings(path: object, problem: str, hint: str) -> KeptError:
    """The project's settings cannot be read."""
    return make(
        KeptError, f"bad settings: {problem}", (("file", path),), hint or "see docs/reference.md for the settings"
    )


def not_toml(path: object, problem: str) -> KeptError:
    """The file with the project's settings cannot be read at all."""
    return make(KeptError, f"pyproject.toml is no TOML: {problem}", (("file", path),), "mend that line")


def missing_input(stage: str, parameter: str, path: str, where: object) -> KeptError:
    """A declared input file is not there."""
    facts: Facts = (("stage", stage), ("parameter", parameter), ("declared", where))
    hint = "put the file there, or mend the path; a path that is no input is passed as text"
    return make(KeptError, f"input file {path!r} does not exist", facts, hint)


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


def no_name(given: object) -> KeptError:
    """What should name an artifact or a run is no text."""
    what = f"an artifact is named by a str, not by a {type(given).__name__}"
    return make(
        KeptError, what, (("given", one_line(given)),), 'kept.load("mnist_sklearn/model"); `doit list --all` names them'
    )


def no_project(place: object) -> KeptError:
    """There is no project here or above."""
    return make(KeptError, "there is no kept project here", (("looked in", place),), "go to the folder of its dodo.py")


def nothing_to_accept(stage: str) -> KeptError:
    """A stage that was never built has nothing that could stand."""
    return make(KeptError, f"{stage} has no record that could stand for it", (), f"run `doit {stage}`")


def not_acceptable(stage: str, reasons: list[str]) -> KeptError:
    """More than the code of a stage changed."""
    facts = tuple(("also changed", reason) for reason in reasons)
    hint = "build it, or say which with --even-parameters, --even-inputs or --even-libraries"
    return make(KeptError, f"{stage} is not accepted: more than its code changed", facts, hint)


def unreadable_source(file: str, line: int, reason: str) -> KeptError:
    """A source file of the project is no Python."""
    facts: Facts = (("file", f"{file}:{line}" if line else file), ("Python says", reason))
    return make(KeptError, f"{file} cannot be read as Python", facts, "mend it; stages that do not reach it go on")


class NoSuchCode(KeptError):
    """A name leads to no code of the project."""


def no_such_code(target: str, missing: str) -> KeptError:
    """A stage names a module or a function that is not there."""
    facts: Facts = (("stage", target), ("not found", missing))
    return make(
        NoSuchCode, f"there is no code for {target}", facts, "check the spelling, and that its folder is on sys.path"
    )


def holds_no_form(function: object, where: str, problem: KeptError) -> KeptError:
    """What a function holds (``self``, an argument of a partial, a variable around it) cannot be fingerprinted."""
    facts: Facts = (("function", one_line(function)), ("where", where), *problem.facts)
    hint = "wrap it in a function of the project that makes what it needs, and name that"
    return make(KeptError, "a function holds what has no canonical form", facts, hint)


def not_sendable(stage: str, problem: str) -> KeptError:
    """A stage cannot go to another process."""
    facts: Facts = (("problem", problem),)
    hint = "define its function at the top of a module, or run without -n"
    return make(KeptError, f"{stage} cannot be sent to another process", facts, hint)
