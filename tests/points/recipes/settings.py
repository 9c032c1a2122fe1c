"""Says how a model is trained."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Training:
    shrink: float = 0.1
    distance: str = "euclid"
