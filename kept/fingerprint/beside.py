"""Finds what the file that declares a pipeline changes in the code of its stages: ``config.RATE = 2`` in dodo.py."""

from __future__ import annotations

from collections.abc import Iterator

from .effects import Id
from .reach import Reach
from .resolving import Target, What
from .summary import Mark, Statement
from .words import changes_state, last, within

_DECLARING = ("kept", "doit")  # what is about tasks and pipelines changes no code
_NO_RESULT = ("sys.path", "warnings", "logging", "os.chdir", "matplotlib")
_DICE = ("random", "numpy.random")
_SEEDING = frozenset({"seed", "setstate", "set_state"})


def add(reach: Reach, module: str) -> None:
    """Take in what a module changes of a closure, or of what all share; it is not in the closure itself.

    What it imports is not loaded for that: the stages of all pipelines are among it.
    """
    if module in reach.modules or not reach.project.find(module).followed:
        return
    reach.aside = module
    summary = reach.resolver.summary(module)
    statements = summary.statements if summary else ()
    idle = () if _seeds(reach, module, statements) else _DICE
    size = -1
    while size != (size := reach.size()):
        for index, statement in enumerate(statements):
            acts = statement.touches or statement.calls or statement.marks
            if acts and (module, index) not in reach.reached and _counts(reach, (module, index), idle):
                reach.add((module, index))
        reach.finish()


def _seeds(reach: Reach, module: str, statements: tuple[Statement, ...]) -> bool:
    """Say whether a module seeds the generators that all share: else what it draws tells the stages nothing."""
    used = (target.name for one in statements for name in one.uses for target in reach.resolver.look(module, name))
    return any(within(name, _DICE) and last(name) in _SEEDING for name in used)


def _counts(reach: Reach, one: Id, idle: tuple[str, ...]) -> bool:
    """Say whether a statement changes what a stage sees; libraries that are ``idle`` are only asked."""
    statement = reach.resolver.statement(*one)
    if Mark.OWN_MODULE in statement.marks or not reach.effects.always(*one):
        return False
    led = list(_led_to(reach, one))
    outside = [target.name for target in led if target.what is What.EXTERNAL and last(target.name) != "?"]
    if any(within(name, _DECLARING) for name in outside):
        return False
    inside = {target.module for target in led if target.what in (What.STATEMENT, What.MODULE, What.LAZY)} - {one[0]}
    if inside:
        return not inside.isdisjoint(reach.modules)
    telling = [name for name in outside if not within(name, (*_NO_RESULT, *idle))]
    touched = {target.name for name in statement.touches for target in reach.resolver.look(one[0], name)}
    unclear = Mark.EFFECT in statement.marks  # ``decimal.getcontext().prec = 9``
    return any(unclear or changes_state(name) or name in touched for name in telling)


def _led_to(reach: Reach, one: Id) -> Iterator[Target]:
    """Yield what a statement names, through the other statements of its own module."""
    waiting, seen = [one], {one}
    while waiting:
        here = waiting.pop()
        for name in reach.resolver.statement(*here).uses:
            for target in reach.resolver.look(here[0], name):
                yield target
                there = (target.module, target.index)
                if target.what is What.STATEMENT and target.module == one[0] and there not in seen:
                    seen.add(there)
                    waiting.append(there)
