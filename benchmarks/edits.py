"""What is done to the five stages before they are built again, and which of them then have to run.

R reads, S scales, F makes features, W and D learn in two ways, E measures the error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Edit:
    """One case: what is changed, and what has to run then."""

    name: str
    change: Callable[[Path], None]
    runs: str
    variant: str = "a"
    undo: Callable[[Path], None] | None = None  # what is done after it, and built without being counted


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Return what replaces a text in a file; ValueError if it is not there."""

    def change(folder: Path) -> None:
        text = (folder / file).read_text()
        if old not in text:
            raise ValueError(f"{file} does not hold {old}")
        (folder / file).write_text(text.replace(old, new))

    return change


def ridge(value: float) -> Callable[[Path], None]:
    """Return what sets the parameter."""
    return lambda folder: (folder / "params.json").write_text(json.dumps({"ridge": value})) and None


def numbers(folder: Path, seed: int = 1) -> None:
    """Write the examples."""
    import numpy as np

    drawn = np.random.default_rng(seed).normal(size=(2000, 12))
    drawn[:, -1] += drawn[:, 0] * 2 + drawn[:, 1] ** 2
    (folder / "data").mkdir(exist_ok=True)
    np.save(folder / "data" / "numbers.npy", drawn)


def nothing(folder: Path) -> None:
    """Change nothing."""


def _touched(folder: Path) -> None:
    os.utime(folder / "data" / "numbers.npy")


def _replacing(name: str, file: str, old: str, new: str, runs: str) -> Edit:
    """Return an edit of code that is undone, lest what it left stale is found again in the cases after it."""
    return Edit(name, replaced(file, old, new), runs, undo=replaced(file, new, old))


HELPER = ("work/scaling.py", "column.std() + 0.5", "column.std() + 0.25")
# Each begins where the one before ended.
EDITS = (
    Edit("nothing", nothing, ""),
    Edit("a comment in a stage", replaced("work/scaled.py", "    columns", "    # all of them\n    columns"), ""),
    Edit(
        "a function beside a stage",
        replaced("work/features.py", "def features", "def _unused() -> None:\n    pass\n\n\ndef features"),
        "",
    ),
    Edit(
        "a stage, with the same result",
        replaced("work/scaled.py", "np.stack(columns, axis=1)", "np.stack(columns).T.copy()"),
        "S",
    ),
    Edit("a helper in another module", replaced(*HELPER), "SFWE"),
    Edit("the helper, back", replaced(HELPER[0], HELPER[2], HELPER[1]), ""),
    _replacing("a constant in another module", "work/settings.py", "POWER = 2", "POWER = 3", "FWE"),
    _replacing(
        "a method of a class in another module", "work/solver.py", "self.ridge * np", "9 * self.ridge * np", "WE"
    ),
    Edit("a file of data, touched", _touched, ""),
    Edit("a file of data", lambda folder: numbers(folder, 2), "RSFWE"),
    Edit("a parameter", ridge(5.0), "WE"),
    Edit("the parameter, back", ridge(1.0), ""),
    Edit("the other variant asked for", nothing, "DE", "b"),
    Edit("the first variant again", nothing, ""),
)


def verdict(edit: Edit, ran: str, right: bool) -> str:
    """Say how many stages ran of how many had to, and what is wrong with that."""
    needless = max(0, len(ran) - len(edit.runs))
    count = f"{len(ran)}/{len(edit.runs)}"
    if not right:
        return f"{count} **stale**"
    return f"{count} needless" if needless else count
