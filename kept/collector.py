"""Lets Python look for rings of dead objects less often while thousands of lasting ones are made."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_ORDINARY = gc.get_threshold()
_SELDOM = (100_000, 50, 100)


def seldom() -> None:
    """Look seldom from now on: a graph of ten thousand stages is walked again and again for nothing."""
    if gc.get_threshold() == _ORDINARY:
        gc.set_threshold(*_SELDOM)


@contextlib.contextmanager
def as_usual() -> Iterator[None]:
    """Look as often as Python does by itself while the user's own code runs, unless that code has said how often."""
    if gc.get_threshold() != _SELDOM:
        yield
        return
    gc.set_threshold(*_ORDINARY)
    try:
        yield
    finally:
        if gc.get_threshold() == _ORDINARY:
            gc.set_threshold(*_SELDOM)
