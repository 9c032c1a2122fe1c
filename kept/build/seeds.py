"""Seeds the generators that a stage may draw from."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping

from ..fingerprint.libraries import hyphened

_SEEDED = ("numpy", "torch", "keras", "polars")


def plant(seed: int | None, libraries: Collection[str]) -> None:
    """Seed every generator that the stage may draw from, from the project's seed.

    A stage may draw from a library that it does not name, by a method of what it is given: those that are loaded count.
    Never from the action key: a changed parameter or a harmless edit must not change the dice, or neither comparisons
    nor early cutoff would work.
    """
    if seed is None:
        return
    import random

    random.seed(seed)
    libraries = {*libraries, *(name for name in _SEEDED if sys.modules.get(name) is not None)}
    if "numpy" in libraries:
        import numpy as np

        np.random.seed(seed % 2**32)
    if "torch" in libraries:
        import torch  # type: ignore[import-not-found, unused-ignore]  # optional, and without types

        torch.manual_seed(seed)
    if "keras" in libraries:
        import keras

        keras.utils.set_random_seed(seed % 2**32)
    if "polars" in libraries:
        import polars as pl

        pl.set_random_seed(seed % 2**32)


def seeding(libraries: Mapping[str, str]) -> tuple[str, ...]:
    """Name the libraries whose generators a stage may draw from, going by the libraries that its code names."""
    named = set(map(hyphened, libraries))
    found = []
    if named & {"numpy", "scipy", "pandas", "scikit-learn"}:
        found.append("numpy")
    if "torch" in named:
        found.append("torch")
    if named & {"keras", "tensorflow", "tensorflow-cpu"}:
        found.append("keras")
    if "polars" in named:
        found.append("polars")
    return tuple(found)
