"""Make for ML artifacts: plain Python functions, only what changed is rebuilt."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing is not imported: it costs more than a whole "nothing to do"

if TYPE_CHECKING:
    from typing import Any

    from .errors import KeptError
    from .formats import Format
    from .pipeline import Pipeline, stage, swap
    from .reading import load
    from .reports import report

__version__ = "0.1.0"
__all__ = ["Format", "KeptError", "Pipeline", "load", "report", "stage", "swap"]

# Loaded when first asked for: the `kept` command answers "nothing to do" without any of them.
_ROOMS = {
    "Format": "formats",
    "KeptError": "errors",
    "Pipeline": "pipeline",
    "load": "reading",
    "report": "reports",
    "stage": "pipeline",
    "swap": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'kept' has no attribute {name!r}")
    import importlib

    _open_doors()
    value = getattr(importlib.import_module(f".{_ROOMS[name]}", __name__), name)
    globals()[name] = value
    return value


class _Door:
    """What a declaration asks of the rooms above it."""

    def tasks(self, declared: Any) -> Any:
        from .tasks import tasks_of

        return tasks_of(declared)

    def load(self, artifact: str, run: str | None) -> Any:
        from .reading import load

        return load(artifact, run)

    def runs(self, target: str) -> Any:
        from .reading import runs

        return runs(target)

    def drawn(self, declared: Any) -> str | None:
        from pathlib import Path

        from .errors import KeptError
        from .reading import project_around
        from .reports import drawn

        try:
            return drawn(declared, project_around(Path.cwd()))
        except KeptError:
            return None


def _open_doors() -> None:
    from .pipeline import doors

    if not doors:
        doors.append(_Door())
    if "doit.doit_cmd" in sys.modules:  # within doit our errors are its own from the first line of dodo.py on
        from . import collector

        collector.seldom()
        from . import tasks  # noqa: F401  # importing it is what counts
