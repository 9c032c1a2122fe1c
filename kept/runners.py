"""Chooses who runs what doit has selected: our runners in a project of kept, else doit's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import doit.cmd_run
from doit.reporter import ConsoleReporter


def install() -> None:
    """Let doit make our runner for projects of kept; it looks the classes up by name when a run starts."""
    module = doit.cmd_run
    if getattr(module.Runner, "kept", False):
        return
    for name in ("Runner", "MRunner", "MThreadRunner"):
        setattr(module, name, _factory(getattr(module, name)))


def _factory(stock: Any) -> Any:
    class Chosen:
        """Makes our runner where the judge is ours, else doit's."""

        kept = True
        available: Callable[[], bool] = staticmethod(getattr(stock, "available", lambda: True))

        def __new__(
            cls, judge: Any, reporter: Any, continue_: bool, always: bool, stream: Any, workers: int = 0
        ) -> Any:
            if not hasattr(judge, "project"):
                return stock(judge, reporter, continue_, always, stream, *([workers] if workers else []))
            from .screen import Screen

            if type(reporter) is ConsoleReporter:
                reporter = Screen(reporter.outstream or sys.stdout)  # None where it was closed
            if workers:
                from .parallel import ParallelRunner

                return ParallelRunner(judge, reporter, continue_, always, stream, workers)
            from .runner import KeptRunner

            return KeptRunner(judge, reporter, continue_, always, stream)

    return Chosen
