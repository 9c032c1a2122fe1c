"""Trains and evaluates: the nearest centroid."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from recipes.marks import mark
from recipes.models import Centroids, Model
from recipes.settings import Training

if TYPE_CHECKING:
    import numpy as np


def train(train: np.ndarray, labels: np.ndarray, training: Training) -> Centroids:
    """Find the centre of each label."""
    import numpy as np

    mark("model")
    centres = np.stack([centre(train[labels == label], training.shrink) for label in np.unique(labels)])
    return Centroids(centres, training.distance)


def shrunk(rows, shrink, floor, power=1.0):
    return rows.mean(axis=0) * (1 - shrink) * power + floor


centre = functools.partial(shrunk, floor=0.0)


def evaluate(model: Model, test: np.ndarray, labels: np.ndarray, digits: int = 6) -> float:
    """Return the share of the labels that the model finds."""
    import numpy as np

    mark("accuracy")
    return float(np.round(model.score(test, labels), digits))
