"""`kept shell`: a prompt with what a stage is given."""

from __future__ import annotations

import code
import sys
import traceback
from typing import Any

from ..build import trim
from .arguments import Arguments, say
from .rehearsal import Rehearsal


def shell(arguments: list[str]) -> int:
    """Open a prompt with the inputs of a stage as variables, its function, and run()."""
    about = "Open a prompt with the inputs of a stage as variables, its function, and run(). Nothing is recorded."
    parser = Arguments("shell", about)
    parser.add_argument("stage", metavar="STAGE")
    stage = Rehearsal.of(parser.parse_args(arguments).stage)
    values = dict(stage.inputs)

    def run(**changed: Any) -> Any:
        """Call the function with the variables as they are now; keywords replace some of them."""
        now = {name: value if name in own else names.get(name, value) for name, value in values.items()}
        return stage.run({**now, **changed})

    own: dict[str, Any] = {"function": stage.job.function, "inputs": stage.inputs, "run": run}
    names = {**values, **own}
    _completing(names)
    variables = ", ".join(name for name in values if name not in own) or "none"
    banner = (
        f"{stage.heading(values)}\n"
        f"variables: {variables}; function is {stage.function_name}\n"
        "run() calls it with the variables as they are now; inputs['NAME'] loads an input anew\n"
        "nothing is recorded"
    )
    try:
        _Prompt(names).interact(banner, exitmsg="")
    except SystemExit:  # exit() and quit()
        say("")
    return 0


class _Prompt(code.InteractiveConsole):
    """A prompt whose tracebacks leave kept's own frames out."""

    def showtraceback(self) -> None:
        """Show what was raised from the user's own code on."""
        problem = sys.exc_info()[1]
        assert problem is not None
        assert problem.__traceback__ is not None
        typed = problem.__traceback__.tb_next  # the first frame is that of the prompt
        problem.__traceback__ = called = typed.tb_next if typed is not None else None
        trim(problem)
        if problem.__traceback__ is called:  # it did not come out of run()
            problem.__traceback__ = typed
        traceback.print_exception(problem)


def _completing(names: dict[str, Any]) -> None:
    """Let the tab key complete names, where there is a terminal."""
    if not sys.stdin.isatty():
        return
    try:
        import readline
        import rlcompleter
    except ImportError:  # Windows
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
