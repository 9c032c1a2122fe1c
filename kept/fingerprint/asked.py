"""Remembers what the project's modules found where they asked while they were imported, in this process.

What runs goes by what was found then: a fingerprint that names something else would not say what runs. Nothing is
asked for twice, so the state of what nobody has asked for here is looked up when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

VARIABLE = "$"
_found: dict[str, set[str]] = {}  # "$" and a variable, or a path as states name it -> each state that was found
_left_out: set[str] = set()


def variable(name: str) -> str:
    """Return the name under which a variable is noted here."""
    return VARIABLE + name


def note(name: str, state: str) -> None:
    """Note the state in which something was found when it was asked for."""
    if name not in _left_out:
        _found.setdefault(name, set()).add(state)


def leave_out(variables: Iterable[str]) -> None:
    """Note nothing of these variables: the run itself sets them in its processes."""
    _left_out.update(map(variable, variables))


def found(name: str) -> str | None:
    """Return the state in which something was found, all of them if it changed meanwhile; None if nobody asked."""
    states = _found.get(name)
    return "+".join(sorted(states)) if states is not None else None


def all_found() -> dict[str, str]:
    """Return the state of everything that was asked for."""
    return {name: "+".join(sorted(states)) for name, states in _found.items()}


def otherwise(expected: Mapping[str, str], here: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield what was found in another state than is expected, in this process or in one that tells ``here``."""
    for name, state in expected.items():
        seen = found(name) if here is None else here.get(name)
        if seen is not None and seen != state:
            yield name


def clear() -> None:
    """Forget all."""
    _found.clear()
