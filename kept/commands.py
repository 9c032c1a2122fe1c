"""The commands that kept adds to doit: `run` in its own way, `why` and `accept`."""

from __future__ import annotations

import contextlib
import json as json_module
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from doit import doit_cmd
from doit.cmd_base import DoitCmdBase
from doit.cmd_info import Info
from doit.cmd_run import Run as DoitRun
from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand, InvalidDodoFile

from . import pipe, receipt


class _Judged:
    """Gives a command kept's judge before doit opens a database of its own."""

    still = False  # whether the command writes nothing, its memory included
    dep_manager: Any
    loader: Any
    asked: receipt.Asked | None = None  # a run that a receipt may answer next time
    witness: Any = None  # of what loading dodo.py asks, for that receipt
    watched: Any = None  # the project, if its dodo.py was where it was looked for

    def get_backends(self) -> Any:
        """Look for plugins that bring databases when options are read: what a receipt answers needs none."""
        return {}

    def _find_backends(self) -> None:
        self._backends = super().get_backends()  # type: ignore[misc]  # mixed into a command of doit

    def help(self) -> str:
        """Name the databases, too."""
        self._find_backends()
        text: str = super().help()  # type: ignore[misc]  # mixed into a command of doit
        return text

    def get_codec_cls(self, codec: Any) -> Any:
        """Answer doit as before; it asks this after dodo.py is loaded, before it makes its judge."""
        if "kept.pipeline" in sys.modules and self.dep_manager is None:
            if self.watched is None:
                from .errors import kept_unnamed

                raise InvalidDodoFile(str(kept_unnamed(os.getcwd())))
            from .build import Project
            from .judge import KeptDependency

            here = self.watched if str(self.watched.root) == os.getcwd() else None
            self.dep_manager = KeptDependency(here or Project(os.getcwd(), still=self.still))
            self.dep_manager.asked, self.dep_manager.witness = self.asked, self.witness
        return super().get_codec_cls(codec)  # type: ignore[misc]  # mixed into a command of doit

    def watch(self, root: str) -> None:
        """Load a project's code from its sources, and note what importing it reads."""
        from . import collector

        collector.seldom()
        from . import errors
        from .build import Project
        from .fingerprint import audit, loading

        pipe.write_anything()
        loading.install(root, leaving=not self.still)
        try:
            self.watched = Project(root, still=self.still)
            memo = self.watched.memo
        except errors.KeptError as problem:  # of settings, or of a newer store: doit is to show it as its own
            raise InvalidDodoFile(str(problem)) from None
        audit.install(root, memo)
        if self.asked is not None:
            from .witness import Witness

            self.witness = Witness()
            with contextlib.suppress(OSError):  # where no clock can be asked, no receipt can be written either
                self.asked.began_ns = memo.now_ns()
            self.witness.begin()
        self.loader.setup = partial(_load, self.loader.setup)


def _load(setup: Callable[[Any], None], params: Any) -> None:
    """Load dodo.py; a mistake in it, or in what it imports, is told with the user's own lines only."""
    try:
        setup(params)
    except (InvalidDodoFile, InvalidCommand, KeyboardInterrupt, SystemExit):
        raise
    except Exception as problem:  # noqa: BLE001  # importing the user's code may raise anything
        from .mistake import not_loaded

        raise not_loaded(problem) from None


class _Question(_Judged, DoitCmdBase):  # type: ignore[misc]  # doit has no types
    """A command of kept's own: it sees the project's code exactly as a run does."""

    outstream: Any

    def parse_execute(self, in_args: list[str]) -> Any:
        """Put the options first, where doit looks for them: they may stand before and after the names of tasks."""
        valued = {"--" + option.long for option in self.cmdparser.options if option.long and option.type is not bool}
        valued |= {"-" + option.short for option in self.cmdparser.options if option.short and option.type is not bool}
        options: list[str] = []
        names: list[str] = []
        rest = iter(in_args)
        for arg in rest:
            if not arg.startswith("-"):
                names.append(arg)
                continue
            options.append(arg)
            if arg in valued:
                if (value := next(rest, None)) is not None:
                    options.append(value)
                else:
                    names = []  # the first of them would be taken for it
        if any(option.startswith("--b") for option in options):  # else none is opened: the judge is kept's own
            self._find_backends()
        try:
            return super().parse_execute(options + names)
        except CmdParseError as problem:
            from . import slips

            raise slips.wrong_option(str(self.name), problem, self.cmdparser.options) from None

    def get_codec_cls(self, codec: Any) -> Any:
        """Refuse a project without kept before doit opens a database for it."""
        found = super().get_codec_cls(codec)
        if self.dep_manager is None:
            raise InvalidCommand("this dodo.py declares no pipeline of kept")
        return found

    def execute(self, params: Any, args: list[str]) -> Any:
        """Load the project as a run would, then answer."""
        root = _project_here(params)
        if root is not None:
            self.watch(root)
        if self.outstream is None:  # it was closed when Python began
            self.outstream = sys.stdout
        return pipe.answer(super().execute, params, args)


class Run(_Judged, DoitRun):  # type: ignore[misc]  # doit has no types
    """doit's `run`; in a project without kept it is doit's own."""

    def parse_execute(self, in_args: list[str]) -> Any:
        """Answer from the receipt of a run that had nothing to do, if nothing has changed since."""
        if not doit_cmd._CMDLINE_VARS and receipt.answerable(in_args):
            text = receipt.read(in_args)
            if text is not None:
                pipe.write(text)
                return 0
            with contextlib.suppress(OSError):  # there is no current folder: doit says so
                self.asked = receipt.Asked(in_args)
        self._find_backends()
        try:
            return super().parse_execute(in_args)
        except CmdParseError as problem:
            if _project_folder({}) is None:
                raise
            from . import slips

            raise slips.wrong_option("run", problem, self.cmdparser.options) from None

    def execute(self, params: Any, args: list[str]) -> Any:
        """Run, and leave no child, no half-written file and no lost stage behind, however it ends."""
        root = _project_here(params)
        if root is None:
            return super().execute(params, args)
        from . import termination

        if (params.get("num_process") or 0) < 0:
            from . import errors

            hint = "`-n 0` runs stages in this process, `-n 4` four at a time"
            raise CmdParseError(str(errors.bad_arguments("run", f"-n is 0 or more, not {params['num_process']}", hint)))
        try:
            with termination.heard():
                self.watch(root)
                return super().execute(params, args)
        except KeyboardInterrupt as interruption:
            sys.stdout.flush()
            sys.stderr.write("interrupted: finished stages are kept; run again to go on\n")
            sys.stderr.flush()
            termination.end(interruption)
            return 1
        finally:
            if self.witness is not None:
                self.witness.end()


def _project_here(params: Any) -> str | None:
    """Return the folder of the dodo.py that doit will load; refuse to look for one that lies in a folder above."""
    root = _project_folder(params)
    above = _project_folder({**params, "seek_file": True}) if root is None else None
    if above is not None:
        from .errors import dodo_above

        raise InvalidDodoFile(str(dodo_above(os.getcwd(), above)))
    return root


def _project_folder(params: Any) -> str | None:
    """Return the folder of the dodo.py that doit will load, if that file names kept."""
    try:
        folder, name = os.path.split(os.path.abspath(params.get("dodoFile") or "dodo.py"))
        while (
            params.get("seek_file")
            and not os.path.isfile(os.path.join(folder, name))
            and folder != os.path.dirname(folder)
        ):
            folder = os.path.dirname(folder)
        text = Path(folder, name).read_bytes()
    except OSError:  # also where the current folder was removed
        return None
    return folder if b"kept" in text else None


# ---- why

opt_json = {"name": "json", "long": "json", "type": bool, "default": False, "help": "for machines"}
opt_last = {"name": "last", "long": "last", "type": bool, "default": False, "help": "what the last run did, and why"}
opt_blind = {"name": "blind", "long": "blind", "type": bool, "default": False, "help": "what kept cannot see"}


class Why(_Question):
    """`doit why [TASK ...]`: what a run would do, and every reason."""

    name = "why"
    doc_purpose = "say what a run would do to each stage, and every reason"
    doc_usage = "[TASK ...]"
    doc_description = (
        "Executes nothing and writes nothing. Exit code 0 when nothing would run, 1 when something would; with --last"
        " always 0."
    )
    cmd_options = (opt_json, opt_last, opt_blind)
    still = True

    def _execute(self, pos_args: list[str], json: bool, last: bool, blind: bool) -> int:
        from . import explain

        project = self.dep_manager.project
        tasks = list(_stages(self, project, pos_args))
        if last:
            told = explain.last_run(project, set(tasks) if pos_args else None)
        else:
            told = explain.before(project, project.order(tasks), blind=blind)
        if json:
            self.outstream.write(json_module.dumps(explain.as_json(told), indent=2) + "\n")
        else:
            self.outstream.write(explain.as_text(told))
        plain = [] if last else [name for name in pos_args if self._plain_would_run(name, quiet=json)]
        return 1 if plain or (not last and explain.anything(told)) else 0

    def _plain_would_run(self, name: str, *, quiet: bool) -> bool:
        """Explain a task of doit's own as doit does."""
        tasks = {task.name: task for task in self.task_list}
        task = tasks.get(name)
        if task is None or task.has_subtask or name in self.dep_manager.project.stages:
            return False
        if self.dep_manager.status_is_ignore(task):
            if not quiet:
                from . import explain

                self.outstream.write(f"{name}  {explain.until_forgotten(name)}\n")
            return False
        status = self.dep_manager.get_status(task, tasks, get_log=True)
        if not quiet:
            self.outstream.write(f"{name}: {status.status}\n{Info.get_reasons(status.reasons)}\n")
        return bool(status.status != "up-to-date")


def _stages(command: Any, project: Any, names: Iterable[str]) -> Iterable[str]:
    """Yield the stages of the named tasks, of the variants among them, of everything where none is named."""
    tasks = {task.name: task for task in command.task_list}
    targets = {target: task.name for task in command.task_list for target in task.targets}
    for name in names or list(project.stages):
        found = tasks.get(targets.get(name, name))
        if found is None:
            from . import errors

            raise errors.unknown_task(name, tuple(tasks))
        if found.name in project.stages:
            yield found.name
        else:
            yield from (dep for dep in _below(found, tasks) if dep in project.stages)


def _below(task: Any, tasks: dict[str, Any]) -> list[str]:
    seen: dict[str, None] = {}
    todo = [task]
    while todo:
        for name in todo.pop().task_dep:
            if name not in seen:
                seen[name] = None
                todo.append(tasks[name])
    return list(seen)


# ---- accept

opt_reason = {"name": "reason", "long": "reason", "type": str, "default": "", "help": "why the change is harmless"}


def _even(what: str) -> dict[str, Any]:
    return {
        "name": f"even_{what}",
        "long": f"even-{what}",
        "type": bool,
        "default": False,
        "help": f"even if {what} changed",
    }


class Accept(_Question):
    """`doit accept TASK`: what was built before stands for the code as it is now."""

    name = "accept"
    doc_purpose = "declare that the change of a stage's code is harmless: what it made before stands"
    doc_usage = "TASK ..."
    doc_description = "Who accepted what, when and why is recorded, and shown by `doit why` from then on."
    cmd_options = (
        opt_reason,
        *(_even(what) for what in ("parameters", "inputs", "libraries")),
    )

    def _execute(
        self, pos_args: list[str], reason: str, even_parameters: bool, even_inputs: bool, even_libraries: bool
    ) -> int:
        from . import explain
        from .actions import Cause

        if not pos_args:
            raise InvalidCommand("accept which stage? `doit why` shows those that would run")
        allowed = {Cause.CODE, Cause.MISSING, Cause.DAMAGED}
        allowed |= {Cause.PARAMETER} if even_parameters else set()
        allowed |= {Cause.INPUT} if even_inputs else set()
        allowed |= {Cause.LIBRARY} if even_libraries else set()
        project = self.dep_manager.project
        named = dict.fromkeys(_stages(self, project, pos_args))
        for task in project.order(named):
            if task in named:
                self.outstream.write(explain.accept(project, task, allowed, reason))
        return 0
