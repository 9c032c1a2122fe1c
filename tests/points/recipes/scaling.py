"""Scales the points."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from recipes import limits
from recipes.decorators import rounded
from recipes.lengths import to_metres
from recipes.marks import mark

if TYPE_CHECKING:
    import numpy as np

EPSILON = 1e-9
UNUSED = 7


class Scaled(NamedTuple):
    train: np.ndarray
    test: np.ndarray


def normalise(X_train: np.ndarray, X_test: np.ndarray) -> Scaled:
    """Scale each column to mean 0 and spread 1."""
    mark("scaled")
    mean, spread = moments(X_train)
    scale = functools.partial(scaled, mean=mean, spread=spread)
    return Scaled(scale(X_train), scale(X_test))


def moments(rows):
    return rows.mean(axis=0), rows.std(axis=0) + EPSILON


@rounded(9)
def scaled(rows, mean, spread):
    return to_metres(rows - mean).clip(-limits.LARGEST, limits.LARGEST) / spread


def unused(rows):
    return rows + UNUSED
