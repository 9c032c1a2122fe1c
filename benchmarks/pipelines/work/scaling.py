"""What the stage of scaling calls."""

import numpy as np


def rescale(column: np.ndarray) -> np.ndarray:
    """Return a column of mean 0 and width 1."""
    return (column - column.mean()) / (column.std() + 0.5)
