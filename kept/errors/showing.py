"""What can be wrong with a question: reports, verbs, names."""

from __future__ import annotations

from .shape import Facts, KeptError, make, nearest, one_line


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
    return make(KeptError, "the file cannot be written", facts, "choose another place with --out")


def unknown_stage(name: str, known: tuple[str, ...]) -> KeptError:
    """A stage was named that nothing is remembered of."""
    hint = nearest(name, known) or "see `doit list --all`"
    return make(KeptError, f"nothing is remembered of a stage {name!r}", (), hint)


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
        place = f"{problem.filename}:{problem.lineno}" if problem.filename is not None else ""
    facts: Facts = (("file", path), *([("at", place)] if place else []))
    return make(KeptError, f"dodo.py cannot be loaded: {type(problem).__name__}: {problem}", facts, not_loaded(problem))


def dodo_above(here: object, found: object) -> KeptError:
    """A command of doit was given in a folder below that of dodo.py."""
    facts: Facts = (("here", here), ("found", found))
    return make(KeptError, "there is no dodo.py here, but further up", facts, "go to its folder, or add -k: `doit -k`")


def kept_unnamed(folder: object) -> KeptError:
    """A dodo.py has its pipelines from other files and does not name kept: Python alone has loaded them."""
    facts: Facts = (("here", folder), ("reason", "what it imports was loaded as Python does, maybe from old bytecode"))
    return make(KeptError, "the pipelines of dodo.py come from other files", facts, "write `import kept` in dodo.py")


def not_loaded(problem: BaseException) -> str:
    """Say what can be done where dodo.py, or what it imports, raises."""
    if isinstance(problem, ModuleNotFoundError):
        return "install it in this Python; a package of your own below src/ by `pip install -e .`"
    if isinstance(problem, SyntaxError) and problem.filename is None:  # Python saw no lines
        return "save the file as text, in UTF-8"
    return "mend the line above"


def unknown_target(name: str, known: tuple[str, ...]) -> KeptError:
    """A stage or pipeline was named that dodo.py does not declare."""
    hint = nearest(name, known) or "`doit list --all` shows all; a task of doit's own is explained by `doit why`"
    return make(KeptError, f"dodo.py declares no pipeline or stage {name!r}", (), hint)


def unknown_task(name: str, known: tuple[str, ...]) -> KeptError:
    """A command was given a name that is no task, no file that one makes and no command."""
    return make(KeptError, f"there is no task {name!r}", (), nearest(name, known) or "see `doit list --all`")


def forget_which() -> KeptError:
    """`doit forget` was given no name."""
    return make(KeptError, "forget which task?", (), "name it, or forget all that is claimed: `doit forget --all`")


def option_too_late(command: str, option: str) -> KeptError:
    """An option stands behind the name of a task, where doit takes it for one of that task."""
    hint = f"`doit {'' if command == 'run' else command + ' '}{option} ... TASK`"
    return make(KeptError, f"option {option} must stand before the names of tasks", (), hint)


def wrong_option(command: str, problem: str, option: str, known: tuple[str, ...]) -> KeptError:
    """A command or a task was given an option that it does not have, or one without its value."""
    near = "" if option in known else nearest(f"--{option}", tuple(f"--{name}" for name in known))
    return make(KeptError, f"{command}: {problem}", (), near or f"see `doit help {command}`")


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
