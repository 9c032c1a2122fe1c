"""What the stage of training calls."""

import numpy as np


class Solver:
    """Ridge regression, solved at once."""

    def __init__(self, ridge: float) -> None:
        self.ridge = ridge

    def solve(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the weights."""
        return np.linalg.solve(x.T @ x + self.ridge * np.eye(x.shape[1]), x.T @ y)
