"""Every message that a user can see, one function each.

One shape for all: what happened, aligned facts, and a ``hint:`` with the next action.
"""

from __future__ import annotations

Facts = tuple[tuple[str, object], ...]


class KeptError(Exception):
    """A mistake that the user can mend; its text says how."""

    def __init__(self, what: str, facts: Facts = (), hint: str = "") -> None:
        self.what, self.facts, self.hint = what, facts, hint
        super().__init__(what, facts, hint)

    def __str__(self) -> str:
        width = max((len(name) for name, _ in self.facts), default=0) + 1
        lines = [self.what]
        lines += [f"  {name + ':':<{width}} {value}" for name, value in self.facts]
        lines += [f"hint: {self.hint}"] if self.hint else []
        return "\n".join(lines)


class StoreFull(KeptError):
    """The disk, a quota or a limit on file sizes leaves no room for a blob."""


class StoreVersionError(KeptError):
    """The store was written by a newer kept."""


class StoreNotPrivate(KeptError):
    """Others can write to the store, so what it holds cannot be trusted with code."""


_host: type[Exception] | None = None
_hosted: dict[type[KeptError], type[KeptError]] = {}


def adopt(host: type[Exception]) -> None:
    """Make the errors raised from now on also errors of ``host``.

    doit prints a traceback for every exception but its own; with this its door can make ours count as such
    without any lower room knowing doit.
    """
    global _host
    _host = host
    _hosted.clear()


def make(kind: type[KeptError], what: str, facts: Facts = (), hint: str = "") -> KeptError:
    """Build an error of ``kind`` that the host, if any, reports without a traceback."""
    if _host is not None and kind not in _hosted:
        _hosted[kind] = type(kind.__name__, (kind, _host), {"__module__": kind.__module__})
    return _hosted.get(kind, kind)(what, facts, hint)


def one_line(value: object, width: int = 60) -> str:
    """Show a value in one short line, whatever its repr does."""
    try:
        text = " ".join(repr(value).split())
    except Exception as problem:  # a user's __repr__ may raise anything; the message must still come out
        text = f"<{type(value).__name__} whose repr raises {type(problem).__name__}>"
    return text if len(text) <= width else text[: width - 1] + "…"


# ---- digest


def no_digest(value: object, where: str = "") -> KeptError:
    """A parameter has no canonical form."""
    facts: Facts = (("type", f"{type(value).__module__}.{type(value).__qualname__}"), ("value", one_line(value)))
    if where:
        facts = (("where", where), *facts)
    hint = "pass numbers, strings, tuples, lists, dicts, enums or frozen dataclasses; make anything richer an artifact"
    return make(KeptError, "a parameter has no canonical form", facts, hint)


def contains_itself(value: object) -> KeptError:
    """A parameter holds itself, so no encoding of it ends."""
    facts: Facts = (("type", type(value).__qualname__), ("value", one_line(value)))
    return make(KeptError, "a parameter contains itself", facts, "pass a value without the loop")


def absolute_parameter(path: object) -> KeptError:
    """A path inside a parameter names a place on one machine only."""
    hint = "pass a path relative to the project's folder, or the file itself as an argument of stage(...)"
    return make(KeptError, "a parameter holds an absolute path", (("path", path),), hint)
