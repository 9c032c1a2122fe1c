"""Reads the points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recipes.marks import mark

if TYPE_CHECKING:
    import numpy as np

TEST_SHARE = 0.25


class Rows(NamedTuple):
    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def read_points(path: Path) -> Rows:
    """Read points and labels; the last ones are for the test."""
    import numpy as np

    mark("rows")
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    X, y = table[:, :2], table[:, 2].astype(np.int64)
    split = round(len(table) * (1 - TEST_SHARE))
    return Rows(X[:split], y[:split], X[split:], y[split:])
