"""The values that a fingerprint consists of."""

from __future__ import annotations

from collections.abc import Mapping

from ..lean import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One named piece of what decides behaviour: a statement, a file read at import, a value of a closure."""

    name: str
    digest: str
    file: str  # relative to the project, with slashes; empty if there is none
    line: int
    source: str  # as written, for a diff


@dataclass(frozen=True, slots=True)
class Blind:
    """One place in the reached code that does what no fingerprint sees."""

    file: str
    line: int
    what: str
    text: str


# What a stage draws from generators that kept seeds before it: it is not seen only where they are not seeded.
SEEDED = "global randomness"


def variable_read(name: str) -> str:
    """Say that a variable is read; "*": nobody knows which."""
    return "the environment" if name == "*" else f"environment variable {name}"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """From a function to the named parts that decide its behaviour."""

    digest: str  # of the parts; the versions of libraries are for the action
    parts: tuple[Part, ...]  # sorted by name
    libraries: Mapping[str, str]
    widenings: tuple[str, ...]
    blind: tuple[Blind, ...]
    files: Mapping[str, str]  # absolute path of every project file that takes part -> sha256 of its bytes
    asked: Mapping[str, str]  # what importing it asks for, as asked.py names it -> the state that it was found in


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What fingerprints were made from: while none of it changes, neither do they."""

    paths: Mapping[str, bool]  # absolute path of a file or folder -> whether anything was there
    names: frozenset[str]  # environment variables
