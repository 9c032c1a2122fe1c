"""Fourth stage: learn by solving."""

import numpy as np

from work.notes import note
from work.solver import Solver


def weights(features: np.ndarray, ridge: float) -> np.ndarray:
    """Return one weight per column."""
    note("W")
    return Solver(ridge).solve(features[:, :-1], features[:, -1])
