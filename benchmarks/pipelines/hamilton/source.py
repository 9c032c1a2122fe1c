"""Reads the examples: the digest of the file is an input, so that its content decides."""

import numpy as np
from work import examples as reading


def examples(path: str, digest: str) -> np.ndarray:
    return reading.examples(path)
