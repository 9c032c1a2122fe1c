"""The shape of every message, and its kinds that somebody catches."""

from __future__ import annotations

Facts = tuple[tuple[str, object], ...]


class KeptError(Exception):
    """A mistake that the user can mend; its text says how."""

    def __init__(self, what: str, facts: Facts = (), hint: str = "") -> None:
        self.what, self.facts, self.hint = what, facts, hint
        super().__init__(what, facts, hint)

    def __reduce__(self) -> tuple[object, ...]:
        return make, (getattr(self, "plain_kind", type(self)), self.what, self.facts, self.hint)

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
    global _host  # noqa: PLW0603  # one host a process, set once by the door
    _host = host
    _hosted.clear()


def make(kind: type[KeptError], what: str, facts: Facts = (), hint: str = "") -> KeptError:
    """Build an error of ``kind`` that the host, if any, reports without a traceback."""
    if _host is not None and kind not in _hosted:
        _hosted[kind] = type(kind.__name__, (kind, _host), {"__module__": kind.__module__, "plain_kind": kind})
    return _hosted.get(kind, kind)(what, facts, hint)


def one_line(value: object, width: int = 60) -> str:
    """Show a value in one short line, whatever its repr does, and without its address, which tells nothing."""
    try:
        text = " ".join(_repr(value).split())
    except Exception as problem:  # noqa: BLE001  # a user's __repr__ may raise anything; the message must still come out
        text = f"<{type(value).__name__} whose repr raises {type(problem).__name__}>"
    return text if len(text) <= width else text[: width - 1] + "…"


def _repr(value: object) -> str:
    import types

    if isinstance(value, types.BuiltinMethodType) and not isinstance(value.__self__, (types.ModuleType, type(None))):
        owner = value.__self__
        return f"{owner.__qualname__ if isinstance(owner, type) else _repr(owner)}.{value.__name__}"  # ', '.join
    text = repr(value)
    if " at 0x" not in text or isinstance(value, (str, bytes)):
        return text
    import re

    return re.sub(r" at 0x[0-9a-fA-F]+\b", "", text)


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Return a hint with the names closest to a misspelt one, or nothing."""
    from difflib import get_close_matches

    known = tuple(other for other in known if other != name)
    close = [other for other in known if _plain(other) == _plain(name)]  # the name of the class, say
    close = close or get_close_matches(name, known, n=3)
    if not close:  # `modle` for mnist_tf:model
        last = {other: other.replace("/", ":").rpartition(":")[2] for other in known}
        spelt = get_close_matches(name, set(last.values()), n=1)
        close = [other for other in known if last[other] in spelt][:3]
    return f"did you mean {' or '.join(close)}?" if close else ""


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()
