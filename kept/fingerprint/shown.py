"""Draws a fingerprint: as lines for people, as plain values for JSON."""

from __future__ import annotations

from .. import errors
from .fingerprints import Fingerprint

_DIGITS = 12


def lines(made: Fingerprint) -> list[str]:
    """Draw a fingerprint: its parts, its libraries, what it had to widen and what it cannot see, its digest last."""
    width = max((len(part.name) for part in made.parts), default=0)
    places = [f"{part.file}:{part.line}" if part.line else part.file for part in made.parts]
    room = max(map(len, places), default=0)
    found = [errors.counted(len(made.parts), "part")]
    for part, place in zip(made.parts, places, strict=True):
        found.append(f"  {part.name:<{width}}  {place:<{room}}  {part.digest[:_DIGITS]}")
    found += _section("libraries", [f"{name} {version}" for name, version in made.libraries.items()])
    found += _section("widened", list(made.widenings))
    found += _section("not seen", [f"{one.what}: {one.text}  at {one.file}:{one.line}" for one in made.blind])
    return [*found, f"fingerprint {made.digest}"]


def _section(title: str, rows: list[str]) -> list[str]:
    return [title, *(f"  {row}" for row in rows)] if rows else []


def plain(made: Fingerprint) -> dict[str, object]:
    """Return the same as values that JSON holds."""
    return {
        "parts": [
            {"name": part.name, "file": part.file, "line": part.line, "digest": part.digest} for part in made.parts
        ],
        "libraries": dict(made.libraries),
        "widenings": list(made.widenings),
        "blind": [{"what": one.what, "file": one.file, "line": one.line, "text": one.text} for one in made.blind],
        "digest": made.digest,
    }
