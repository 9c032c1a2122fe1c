"""Logistic regression in scikit-learn."""

# ruff: noqa: N803  X for a matrix of examples, as in every text of the field

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from stages.config import TrainerConfig
from stages.model import Classifier

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def train(X: NDArray[np.float32], y: NDArray[np.uint8], config: TrainerConfig) -> Annotated[Classifier, "skops"]:
    """Fit a sparse linear model to images of shape (n, 28, 28) in 0..1 and labels of shape (n,); it predicts digits.

    config.epochs is the most passes that the solver makes: its loose tolerance ends it after four or so on all of
    MNIST, and it warns if the passes end first. config.lr has no counterpart: saga takes its step from the data.
    """
    from sklearn.linear_model import LogisticRegression

    # l1_ratio=1 is the L1 penalty; older scikit-learn than 1.8 would read it as L2, which pyproject.toml rules out.
    solver = LogisticRegression(l1_ratio=1, solver="saga", tol=0.1, max_iter=config.epochs, random_state=config.seed)
    model: Classifier = solver.fit(_rows(X), y)
    return model


def evaluate(model: Classifier, X: NDArray[np.float32], y: NDArray[np.uint8]) -> float:
    """Give the share of images, shape (n, 28, 28) in 0..1, that the model takes for their label."""
    return float((predict(model, X) == y).mean())


def predict(model: Classifier, X: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Give the digit, shape (n,), that the model takes each image of shape (n, 28, 28) in 0..1 for."""
    from sklearn.base import ClassifierMixin

    if not isinstance(model, ClassifierMixin):
        raise TypeError(f"a scikit-learn classifier is wanted, not {type(model).__name__}")
    digits: NDArray[np.uint8] = model.predict(_rows(X))
    return digits


def _rows(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay each image out as one row of pixels, without copying."""
    return X.reshape(len(X), -1)
