"""Tells in which order importing runs what is reached, where that order can matter."""

from __future__ import annotations

from .effects import Id
from .reach import Reach
from .resolving import What
from .summary import How, Statement
from .words import is_calm


def sequence(reach: Reach, roots: list[str]) -> list[Id | frozenset[Id]]:
    """List the changes made while importing, in order; between two of them, what is merely computed has none."""
    ran: list[Id] = []
    started: set[str] = set()
    for module in [*roots, *reach.modules, *filter(None, [reach.aside])]:
        _run(reach, module, started, ran)
    found: list[Id | frozenset[Id]] = []
    between: set[Id] = set()
    for one in ran:
        if is_change(reach, one):
            found += [frozenset(between), one] if between else [one]
            between = set()
        elif reach.resolver.statement(*one).early:
            between.add(one)
    if not found:
        return []
    return [*found, frozenset(between)] if between else found


def _run(reach: Reach, module: str, started: set[str], ran: list[Id]) -> None:
    """Follow the imports of a module as running it would; a stack of its own, for long chains of modules."""
    stack = [iter(_events(reach, module, started))]
    while stack:
        event = next(stack[-1], None)
        if event is None:
            stack.pop()
        elif isinstance(event, str):
            stack.append(iter(_events(reach, event, started)))
        else:
            ran.append(event)


def _events(reach: Reach, module: str, started: set[str]) -> list[Id | str]:
    if module in started or (module not in reach.modules and module != reach.aside):
        return []
    started.add(module)
    parent = module.rpartition(".")[0]
    found: list[Id | str] = [parent] if parent else []
    summary = reach.resolver.summary(module)
    for index, statement in enumerate(summary.statements if summary else ()):
        for alias in statement.aliases:
            found += reach.imported(module, alias)
        if (module, index) in reach.reached:
            found.append((module, index))
    return found


def is_change(reach: Reach, one: Id) -> bool:
    """Say whether others may see that a statement ran: then its place among them counts."""
    statement = reach.resolver.statement(*one)
    if statement.touches or reach.effects.always(*one) or reach.effects.consumes(one):
        return True
    table = reach.resolver.binders(one[0])
    reached = reach.reached
    if any(len([index for index in table.get(name, ()) if (one[0], index) in reached]) > 1 for name in statement.binds):
        return True
    return _calls_unknown(reach, one[0], statement)


def _calls_unknown(reach: Reach, module: str, statement: Statement) -> bool:
    """Say whether a value is made by code that may read or change what others do."""
    for call in statement.calls:
        if call.how is not How.CALL or call.name.startswith("?"):
            continue
        for target in reach.resolver.look(module, call.name):
            if target.what is What.EXTERNAL and not is_calm(target.name):
                return True
    return False
