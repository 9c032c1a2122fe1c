"""What a project says of itself in the ``[tool.kept]`` table of its pyproject.toml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from . import errors
from .digest import Algorithm
from .lean import dataclass, field

Versions = Literal["exact", "minor", "off"]
Trust = Literal["private", "group"]
_WORDS = {"digest": get_args(Algorithm), "trust": get_args(Trust)}  # settings that are one of a few words


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a project; each is optional."""

    store: str = "artifacts/.kept"  # where blobs and records are kept, relative to the project's folder
    max_size: str = "20 GB"  # what the store may hold; least recently used goes first, never what artifacts/ shows
    keep_days: int = 30  # what was used within these days outlives a sweep, if there is room
    versions: Mapping[str, Versions] = field(default_factory=lambda: {"*": "exact"})  # how exactly libraries count
    seed: int | None = 0  # seeds Python's, numpy's and the framework's generators before each stage; false: nothing
    ignore: tuple[str, ...] = ()  # lines of the lint that need no mention: "stages/data.py:12" or "stages/data.py"
    digest: Algorithm = "sha256"  # names content: "sha256", or "blake3" with kept[blake3]; a store has one
    trust: Trust = "private"  # whether code may be loaded from a store that others can write

    def version(self, library: str, version: str) -> str | None:
        """Return what of a library's version counts; None if nothing does."""
        policy = self.versions.get(library, self.versions.get("*", "exact"))
        if policy == "off":
            return None
        return ".".join(version.split(".")[:2]) if policy == "minor" else version

    @property
    def max_bytes(self) -> int:
        """The bound of the store in bytes."""
        return _bytes(self.max_size)


_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _bytes(text: str) -> int:
    number = text.strip().rstrip("BKMGTbkmgt").strip()
    unit = text.strip()[len(number) :].strip().upper()
    count = int(float(number) * _UNITS[unit])
    if count < 0:
        raise ValueError(text)
    return count


def read(root: str | os.PathLike[str]) -> Settings:
    """Read the settings of the project in ``root``; KeptError names what is wrong in the table."""
    path = Path(root) / "pyproject.toml"
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as problem:
        raise errors.bad_settings(path, str(problem), "") from None
    if "tool.kept" not in text and "kept" not in text:
        return Settings()
    import tomllib

    try:
        tools = tomllib.loads(text).get("tool", {})
    except (ValueError, RecursionError) as problem:
        raise errors.not_toml(path, str(problem)) from None
    return _checked(tools.get("kept", {}) if isinstance(tools, dict) else {}, path)


def _checked(table: Any, path: Path) -> Settings:
    if not isinstance(table, dict):
        raise errors.bad_settings(path, "[tool.kept] is not a table", "")
    known = Settings.__match_args__
    given: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            raise errors.bad_settings(path, f"[tool.kept] has no setting {name!r}", errors.nearest(name, known))
        problem = _problem(name, value) or (_place(value, path.parent) if name == "store" else "")
        if problem:
            raise errors.bad_settings(path, f"[tool.kept] {name}: {problem}", "")
        given[name] = value
    if "versions" in given:
        given["versions"] = {"*": "exact", **_policies(given["versions"])}
    if given.get("seed") is False:
        given["seed"] = None
    if "ignore" in given:
        given["ignore"] = tuple(given["ignore"])
    if given.get("digest") == "blake3":
        from importlib.util import find_spec

        if find_spec("blake3") is None:  # told once and at once, not by every stage
            raise errors.no_blake3(f"{path} asks for it")
    return Settings(**given)


def _policies(value: Any) -> dict[str, Any]:
    return {"*": value} if isinstance(value, str) else dict(value)


def _place(store: str, root: Path) -> str:
    """Say what is wrong with the place of a store: it is swept, and must hold nothing of anybody else."""
    place = Path(os.path.abspath(root / store))
    problem = f"expected a folder for the store alone, got {errors.one_line(store)}"
    try:
        taken = place in (root.absolute(), *root.absolute().parents, root.absolute() / "artifacts") or place.is_file()
    except OSError as refused:  # its name is too long, say
        return f"{problem}: {refused.strerror}"
    return problem if taken else ""


def _problem(name: str, value: Any) -> str:  # one line a setting
    if name == "versions":
        policies = _policies(value).values() if isinstance(value, str | dict) else [value]
        bad = [p for p in policies if p not in get_args(Versions)]
        return f'expected "exact", "minor" or "off", got {errors.one_line(bad[0])}' if bad else ""
    if name == "seed":
        good = value is False or (type(value) is int and abs(value) < 2**63)
        return "" if good else f"expected a whole number or false, got {errors.one_line(value)}"
    if name == "keep_days":
        good = type(value) is int and 0 <= value <= 100_000
        return "" if good else f"expected a number of days, got {errors.one_line(value)}"
    if name == "ignore":
        good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return "" if good else f"expected a list of places, got {errors.one_line(value)}"
    if name in _WORDS:
        words = " or ".join(f'"{word}"' for word in _WORDS[name])
        return "" if value in _WORDS[name] else f"expected {words}, got {errors.one_line(value)}"
    if not isinstance(value, str) or not value or "\0" in value:
        return f"expected a text, got {errors.one_line(value)}"
    if name == "max_size":
        try:
            _bytes(value)
        except (ValueError, KeyError, OverflowError):
            return f'expected a size such as "20 GB", got {errors.one_line(value)}'
    return ""
