"""The `kept` command: what there is nothing to do for is answered at once, the rest by doit or a verb of kept's own."""

from __future__ import annotations

import sys

VERBS = {
    "du": "keeping",
    "gc": "keeping",
    "verify": "keeping",
    "forget": "keeping",
    "fingerprint": "fingerprint",
    "log": "log",
    "diff": "diff",
    "show": "show",
    "graph": "graph",
    "plan": "plan",
    "debug": "debug",
    "shell": "shell",
}


def main() -> int:
    """Run `kept`; returns the exit code."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in VERBS:
        from . import receipt

        text = receipt.read(arguments)
        if text is not None:
            from . import pipe

            pipe.write(text)
            return 0
        return _doit(arguments)
    return _verb(arguments)


def _doit(arguments: list[str]) -> int:
    from doit.doit_cmd import DoitMain

    DoitMain.BIN_NAME = "kept"
    try:
        doit = DoitMain()
    except ValueError as problem:  # it reads pyproject.toml, too, and shows a traceback where that is no TOML
        from .errors import not_toml

        sys.stderr.write(f"ERROR: {not_toml('pyproject.toml', str(problem))}\n")
        return 3
    code: int = doit.run(arguments) or 0
    return code


def _verb(arguments: list[str]) -> int:
    import importlib

    from . import pipe
    from .errors import KeptError
    from .pipe import write_anything

    write_anything()
    module = importlib.import_module(f".verbs.{VERBS[arguments[0]]}", __package__)
    try:
        with pipe.ReadingOn():
            code: int = getattr(module, arguments[0])(arguments[1:])
        return code
    except BrokenPipeError:
        return pipe.UNREAD
    except (KeptError, OSError) as problem:
        sys.stderr.write(f"ERROR: {problem}\n")
        return 3
    except KeyboardInterrupt:
        return 130
