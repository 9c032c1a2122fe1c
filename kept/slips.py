"""Says which name was meant where doit is asked for a task or an option that there is not."""

from __future__ import annotations

import functools
import getopt
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from doit.cmd_forget import Forget
from doit.cmd_info import Info
from doit.cmdparse import CmdOption, CmdParseError
from doit.control import TaskControl
from doit.exceptions import InvalidCommand

from . import errors


def install(commands: Callable[[], Iterable[str]]) -> None:
    """Let doit's own commands hint at the names that are near; ``commands`` says what else `doit NAME` takes."""
    if getattr(TaskControl._filter_tasks, "kept", False):
        return
    for name in ("clean", "forget", "ignore", "list", "resetdep"):
        module = sys.modules.get(f"doit.cmd_{name}")
        if module is not None:
            module.check_tasks_exist = _exist  # type: ignore[attr-defined]  # each has imported it by name
    TaskControl._filter_tasks = _selecting(TaskControl._filter_tasks, commands)
    Info._execute = _informing(Info._execute)
    Forget._execute = _forgetting(Forget._execute)


def _exist(tasks: Mapping[str, Any], names: Iterable[str] | None, skip_wildcard: bool = False) -> None:
    for name in names or ():
        if name not in tasks and not (skip_wildcard and "*" in name):
            raise errors.unknown_task(name, tuple(tasks))


def _selecting(stock: Callable[..., Any], commands: Callable[[], Iterable[str]]) -> Callable[..., Any]:
    def select(control: Any, selection: list[str]) -> Any:
        try:
            return stock(control, selection)
        except InvalidCommand as problem:
            if problem.not_found is None:
                raise
            raise errors.unknown_task(problem.not_found, (*control.tasks, *commands())) from None

    select.kept = True  # type: ignore[attr-defined]  # marks what is in place already
    return select


def _informing(stock: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(stock)  # doit passes what it finds in the signature
    def execute(command: Any, pos_args: list[str], **options: Any) -> Any:
        _exist({task.name: task for task in command.task_list}, pos_args if len(pos_args) == 1 else ())
        return stock(command, pos_args, **options)

    return execute


def _forgetting(stock: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(stock)
    def execute(command: Any, *args: Any, **options: Any) -> Any:
        if command.sel_tasks is None and not options.get("forget_all"):  # doit falls over that
            raise errors.forget_which()
        return stock(command, *args, **options)

    return execute


def wrong_option(name: str, problem: CmdParseError, options: Iterable[CmdOption]) -> CmdParseError:
    """Return an error that says which option of a command or a task was meant; doit's own for any other mistake."""
    slip = problem.__context__
    if not isinstance(slip, getopt.GetoptError):
        return problem
    options = tuple(options)
    known = tuple(option.long for option in options if option.long)
    if "not recognized" in slip.msg and slip.opt in (*known, *(option.short for option in options)):
        return CmdParseError(str(errors.option_too_late(name, f"{'-' if len(slip.opt) == 1 else '--'}{slip.opt}")))
    return CmdParseError(str(errors.wrong_option(name, slip.msg, slip.opt, known)))
