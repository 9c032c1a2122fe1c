"""Runs doit in forks of one process that has it loaded already: half a second less for each run of a test.

It reads an order a line from stdin and answers with two lines, the number of the process and its exit code. Nothing of
a project is ever imported here, only in the forks.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
import traceback
from typing import Any

ROOMS = (
    "actions", "build", "commands", "digest", "errors", "executors", "explain", "fingerprint", "fingerprint.audit",
    "fingerprint.loading", "formats", "pipeline", "reading", "reports", "runner", "screen", "settings", "store",
    "tasks",
)  # fmt: skip


def load(*libraries: str) -> None:
    """Import what every run needs, and nothing more: what kept imports by itself must stay its own affair."""
    from doit import doit_cmd  # noqa: F401  # kept looks whether doit is there

    for room in ROOMS:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(f"kept.{room}")
    for library in libraries:
        importlib.import_module(library)


def serve(place: str) -> None:
    """Answer orders until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        order = json.loads(line)
        number = os.fork()
        if not number:
            answers.close()
            os._exit(become(order, place))
        answers.write(f"{number}\n")
        _, status = os.waitpid(number, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")


def become(order: dict[str, Any], place: str) -> int:
    """Be the `doit`, `kept` or `python` that was ordered, from the first instruction to the exit code."""
    given = os.open(order["in"], os.O_RDONLY)
    for target, source in ((0, given), (1, _new(order["out"])), (2, _new(order["err"]))):
        os.dup2(source, target)
        os.close(source)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # it lasts as long as the process; the old one reads orders
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    os.chdir(order["cwd"])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[0] = place
    sys.path[1:1] = [entry for entry in order["path"] if entry not in sys.path]
    sys.argv = [order["program"], *order["args"]]
    if order["old"]:
        _let_files_be_old()
    code: Any = 1
    try:
        code = _program(order["program"])
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  # what Python itself would do with it
        traceback.print_exc()
    with open(order["modules"], "w") as file:
        file.write("\n".join(sys.modules))
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 0 if code is None else 1


def _let_files_be_old() -> None:
    """Move the clock on by ten seconds: nobody need wait until files are trusted."""
    from kept.digest import Memo

    real = Memo.now_ns
    Memo.now_ns = lambda memo: real(memo) + 10**10  # type: ignore[method-assign]


def _program(name: str) -> Any:
    if name == "python":
        exec(compile(sys.argv[1], "script", "exec"), {"__name__": "__main__"})
        return 0
    if name == "kept":
        from kept.launcher import main

        return main()
    from doit.doit_cmd import DoitMain

    return DoitMain().run(sys.argv[1:])


def _new(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)


if __name__ == "__main__":
    load(*sys.argv[2:])
    serve(sys.argv[1])
