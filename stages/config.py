"""What can be turned about a training run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainerConfig:
    """How a model is trained.

    epochs: passes over the training set; a solver that sees itself converge may stop earlier.
    lr: learning rate of Adam; a solver that computes its own step ignores it.
    seed: decides initial weights and the order of examples, so equal configurations give equal models.
    """

    epochs: int = 10
    lr: float = 0.001
    seed: int = 0
