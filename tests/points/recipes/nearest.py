"""Trains and evaluates: the nearest centroid."""

from __future__ import annotations

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


def centre(rows, shrink, floor=0.0):
    return rows.mean(axis=0) * (1 - shrink) + floor


def evaluate(model: Model, test: np.ndarray, labels: np.ndarray, digits: int = 6) -> float:
    """Return the share of the labels that the model finds."""
    mark("accuracy")
    return round(float(model.score(test, labels)), digits)
