"""`kept debug`: a stage under the debugger."""

from __future__ import annotations

import bdb
import builtins
import importlib
import os
import pdb
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from .. import errors
from ..build import trim
from ..formats import describe
from ..reports.words import seconds
from .arguments import Arguments, say
from .rehearsal import Rehearsal


def debug(arguments: list[str]) -> int:
    """Run a stage in this process; where it fails the debugger opens. Exit code 0 if it returned, 1 if not."""
    about = "Run a stage in this process, its inputs loaded, its output on the terminal. Nothing is recorded."
    after = (
        "breakpoint() in its code stops there, with the debugger that PYTHONBREAKPOINT names. Where the stage fails the"
        " debugger opens, too; inputs['NAME'] then loads an input as it was before the stage touched it."
    )
    parser = Arguments("debug", about, after)
    parser.add_argument("stage", metavar="STAGE")
    parser.add_argument("--step", action="store_true", help="stop at its first line")
    given = parser.parse_args(arguments)
    stage = Rehearsal.of(given.stage)
    values = dict(stage.inputs)
    say(stage.heading(values))
    say(stage.log())
    started = time.perf_counter()
    try:
        stepping = _Stepping()
        value = stage.run(values, stepping.runcall if given.step else None)
        if stepping.left:
            raise bdb.BdbQuit
    except bdb.BdbQuit:
        say("left the debugger; nothing is recorded")
        return 1
    except (Exception, SystemExit) as problem:  # noqa: BLE001  # whatever the stage raises is what is looked for
        return _failed(stage, problem)
    took = seconds(time.perf_counter() - started)
    say(f"{stage.job.task} returned {describe(value)} in {took}: {errors.one_line(value)}; nothing is recorded")
    return 0


class _Stepping(pdb.Pdb):
    """A debugger that knows whether it was left: ``runcall`` returns None then, as a stage may."""

    left = False

    def set_quit(self) -> None:
        """Leave."""
        self.left = True
        super().set_quit()


def _failed(stage: Rehearsal, problem: BaseException) -> int:
    """Show what was raised and open the debugger there."""
    trim(problem)
    sys.stdout.flush()
    traceback.print_exception(problem)
    sys.stderr.flush()
    opener = _post_mortem()
    if opener is None:
        return 1
    say(f"it failed here. inputs['NAME'] loads one of its inputs as it was: {', '.join(stage.inputs) or 'none'}")
    say("They stay in the store, and what it prints in a run stays in its log, until it succeeds.")
    builtins.inputs = stage.inputs  # type: ignore[attr-defined]  # only now: the stage itself must not see the name
    opener(problem)
    return 1


def _post_mortem() -> Callable[[BaseException], object] | None:
    """Choose the debugger that PYTHONBREAKPOINT names, if it can look at what has failed; 0 is none."""
    wanted = os.environ.get("PYTHONBREAKPOINT", "")
    if wanted == "0":
        return None
    module: Any = pdb
    if "." in wanted:
        try:
            module = importlib.import_module(wanted.rpartition(".")[0])
        except ImportError:
            module = pdb
    chosen = getattr(module, "post_mortem", pdb.post_mortem)
    if chosen is pdb.post_mortem and sys.version_info >= (3, 13):
        return pdb.post_mortem  # it shows chained exceptions, too
    return lambda problem: chosen(problem.__traceback__)
