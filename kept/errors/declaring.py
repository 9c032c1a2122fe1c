"""What can be wrong with a declaration."""

from __future__ import annotations

from .shape import Facts, KeptError, make, nearest, one_line


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


def stage_twice(name: str, first: object, second: object) -> KeptError:
    """A class body gives one name to two stages."""
    facts: Facts = (("first", first), ("second", second))
    hint = "give one another name; where it depends, write if and else"
    return make(KeptError, f"two stages of a pipeline are called {name!r}", facts, hint)


def reserved_name(name: str, where: object) -> KeptError:
    """A stage would hide a method of every pipeline."""
    hint = "choose another name, without a leading underscore"
    return make(KeptError, f"a stage cannot be called {name!r}", (("where", where),), hint)


def unnamed_stage(stage: str, user: str, where: object) -> KeptError:
    """A stage is used that no class attribute names."""
    facts: Facts = (("where", where), ("function", stage), ("used by", user))
    return make(KeptError, "a stage has no name", facts, "assign it to an attribute of a pipeline's class body")


def stage_outside(stage: str, cls: str, pipeline: str, where: object) -> KeptError:
    """A class that is no pipeline declares a stage that a pipeline inherits."""
    facts: Facts = (("where", where), ("stage", f"{cls}.{stage}"), ("pipeline", pipeline))
    return make(KeptError, "a stage belongs to no pipeline", facts, f"write class {cls}(Pipeline)")


def wired_loop(function: str, where: object) -> KeptError:
    """An argument holds artifacts, and itself."""
    facts: Facts = (("where", where), ("function", function))
    return make(KeptError, "an argument contains itself", facts, "pass a value without the loop")


def cycle(names: list[str], where: object) -> KeptError:
    """Stages need each other."""
    facts: Facts = (("where", where), ("cycle", " needs ".join(names)))
    return make(KeptError, "stages of a pipeline need each other", facts, "let one of them take something else")


def bad_pipeline_name(name: str, where: object) -> KeptError:
    """A pipeline's name is no word."""
    facts: Facts = (("where", where), ("name", one_line(name)))
    hint = 'use a to z, digits and underscores, if need be beside the class\'s own name: class X(Pipeline, name="...")'
    return make(KeptError, "a pipeline has a name that cannot be typed", facts, hint)


def pipeline_twice(name: str, first: object, second: object) -> KeptError:
    """Two pipelines would be one target."""
    facts: Facts = (("first", first), ("second", second))
    hint = 'rename one class, or give it a name of its own: class X(Pipeline, name="...")'
    return make(KeptError, f"two pipelines are called {name!r}", facts, hint)


def name_twice(name: str, places: list[str]) -> KeptError:
    """A task of dodo.py has the name of a pipeline, a report or another task."""
    facts = tuple(("declared", place) for place in places)
    hint = 'give one another name: class X(Pipeline, name="..."), report(..., name="...") or def task_...'
    return make(KeptError, f"two things are called {name!r}: doit could not tell them apart", facts, hint)


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
    """An artifact was asked for that no stage makes; ``pipeline``: of which, empty where there is none of that name."""
    made = ", ".join(known) or "nothing"
    facts: Facts = (("pipeline", pipeline), ("it makes", made)) if pipeline else (("there are", made),)
    return make(KeptError, f"there is no artifact {name!r}", facts, nearest(name, known) or "see `doit list --all`")
