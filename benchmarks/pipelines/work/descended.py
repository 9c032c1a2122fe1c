"""Fourth stage, its other variant: learn by descending."""

import numpy as np

from work.notes import note


def weights(features: np.ndarray, ridge: float) -> np.ndarray:
    """Return one weight per column."""
    note("D")
    x, y = features[:, :-1], features[:, -1]
    found = np.zeros(x.shape[1])
    for _ in range(50):
        found -= 0.01 / len(x) * (x.T @ (x @ found - y) + ridge * found)
    return found
