"""Imports a library when a value needs it."""

from __future__ import annotations

import importlib
from typing import Any

from .protocol import Unfit


def library(module: str, distribution: str) -> Any:
    """Import ``module``, or raise ``Unfit`` that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        hint = f'pip install {distribution}, or declare another format: Annotated[..., "pkl"]'
        missing = isinstance(problem, ModuleNotFoundError) and problem.name == module.partition(".")[0]
        reason = f"{distribution} is not installed" if missing else f"{module} cannot be imported: {problem}"
        raise Unfit(reason, hint) from None
