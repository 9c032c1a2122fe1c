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


ABOUT = {
    "du": "show what the store holds",
    "gc": "remove what was used least recently",
    "verify": "read all that the store holds",
    "forget": "forget what is claimed of stages",
    "fingerprint": "show the code that decides what a function does",
    "log": "show what runs have done",
    "diff": "show how two runs or two variants differ",
    "show": "show an artifact, and all that it came of",
    "graph": "draw stages and what they hand on",
    "plan": "show what a run would do",
    "debug": "run a stage in this process, with the debugger",
    "shell": "open a prompt with the inputs of a stage",
}


def main() -> int:
    """Run `kept`; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["help"] and len(arguments) == 2 and arguments[1] in VERBS:
        arguments = [arguments[1], "--help"]
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

    from . import mistake

    DoitMain.BIN_NAME = "kept"
    mistake.install()
    try:
        doit = DoitMain()
    except ValueError as problem:  # it reads pyproject.toml, too, and shows a traceback where that is no TOML
        from .errors import not_toml

        sys.stderr.write(f"ERROR: {not_toml('pyproject.toml', str(problem))}\n")
        return 3
    if arguments == ["--version"]:
        from importlib.metadata import version

        sys.stdout.write(f"kept {version('kept')}, on doit ")
        sys.stdout.flush()
    code: int = doit.run(arguments) or 0
    if arguments in (["help"], ["--help"]):
        verbs = "".join(f"  kept {verb:16s}  {ABOUT[verb]}\n" for verb in sorted(VERBS))
        sys.stdout.write(f"\nVerbs of kept\n{verbs}\n  kept help <verb>       show what it takes\n")
    return code


def _verb(arguments: list[str]) -> int:
    import importlib

    from . import pipe
    from .errors import KeptError
    from .pipe import write_anything

    write_anything()
    module = importlib.import_module(f".verbs.{VERBS[arguments[0]]}", __package__)
    try:
        code: int = pipe.answer(getattr(module, arguments[0]), arguments[1:])
        return code
    except (KeptError, OSError) as problem:
        sys.stderr.write(f"ERROR: {problem}\n")
        return 3
    except KeyboardInterrupt:
        return 130
