"""`kept shell`: a prompt with what a stage is given."""

from __future__ import annotations

import code
import sys
from typing import Any

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
        return stage.run({**{name: names.get(name, value) for name, value in values.items()}, **changed})

    names: dict[str, Any] = {"function": stage.job.function, "inputs": stage.inputs, "run": run, **values}
    _completing(names)
    banner = (
        f"{stage.heading(values)}\n"
        f"Variables: {', '.join(values) or 'none'}. function is {stage.function_name};"
        " run() calls it with the variables as they are now.\n"
        "inputs['NAME'] loads an input anew. Nothing is recorded."
    )
    try:
        code.interact(banner, local=names, exitmsg="")
    except SystemExit:  # exit() and quit()
        say("")
    return 0


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
