"""How one kind of value becomes a file and comes back, the same to the bit or not at all."""

from __future__ import annotations

from .describe import describe, summary
from .files import SIDE_FILES, unfinished
from .protocol import Format, Saved, Unfit
from .registry import candidates, for_annotation, for_value, load, named, own, register, save, save_by_value

__all__ = [
    "SIDE_FILES",
    "Format",
    "Saved",
    "Unfit",
    "candidates",
    "describe",
    "for_annotation",
    "for_value",
    "fresh_names",
    "load",
    "named",
    "own",
    "register",
    "save",
    "save_by_value",
    "summary",
    "unfinished",
]


def fresh_names() -> None:
    """Let a stage that makes a network number its names as in a process of its own."""
    from .networks import fresh_names

    fresh_names()
