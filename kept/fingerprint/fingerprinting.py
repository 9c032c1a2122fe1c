"""Computes the fingerprint of a stage's function."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..digest import Memo
from . import plan
from .canonical import named
from .fingerprints import Fingerprint, LookedAt
from .live import Shell
from .project import Project
from .states import Inputs


def fingerprint(
    target: Callable[..., object] | type | str,
    *,
    root: str | Path,
    memo: Memo | None = None,
    also: Iterable[object | str] = (),
    beside: str = "",
) -> Fingerprint:
    """Name every part of the project that decides what ``target`` does, importing nothing.

    ``target`` and what is in ``also`` are "module:qualname" or live objects. Text says all of an object that a module
    of the project holds by name; of any other (a closure made in a loop, a partial, a bound method) the values that
    it holds count too, and KeptError refuses those that have no canonical form. ``beside`` is the module that declares
    the stage: what that changes in the code of the stage counts, the rest of it does not.
    """
    top = os.path.abspath(root)
    project = Project(top, memo)
    shell = _shell(project, (target, *also))
    name = plan.key(top, shell.roots, named(*shell.values), beside)
    known = plan.recalled(name, top, memo) if memo is not None else None
    if known is not None:
        return known
    from . import following
    from .reach import Reach

    reach, inputs = Reach(project), Inputs(top, memo)
    made = following.made(reach, inputs, shell, memo, beside)
    if memo is not None:
        plan.remember(name, memo, reach, inputs, made)
    return made


def looked_at(
    target: Callable[..., object] | type | str,
    *,
    root: str | Path,
    memo: Memo,
    also: Iterable[object | str] = (),
    beside: str = "",
) -> LookedAt | None:
    """Name all that a fingerprint was made from; None where that is not remembered."""
    top = os.path.abspath(root)
    shell = _shell(Project(top, memo), (target, *also))
    return plan.looked_at(plan.key(top, shell.roots, named(*shell.values), beside), memo)


def _shell(project: Project, targets: Iterable[object]) -> Shell:
    shell = Shell(project)
    for one in targets:
        shell.target(one)
    return shell
