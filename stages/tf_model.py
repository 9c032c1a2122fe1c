"""A small neural network in TensorFlow."""

# ruff: noqa: N803  X for a matrix of examples, as in every text of the field

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from stages.config import TrainerConfig
from stages.model import Classifier

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def train(X: NDArray[np.float32], y: NDArray[np.uint8], config: TrainerConfig) -> Annotated[Classifier, "keras"]:
    """Fit a network to images of shape (n, 28, 28) in 0..1 and labels of shape (n,); it predicts logits (n, 10).

    The same config gives the same bits. For that it seeds the random generators of the whole process.
    """
    import keras
    import tensorflow as tf

    # The names of layers count up in a process, and they are in the file: the second model would differ from the first.
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    layers = [
        keras.Input((28, 28), name="image"),
        keras.layers.Flatten(name="pixels"),
        keras.layers.Dense(10, activation="relu", name="hidden"),
        keras.layers.Dense(10, name="logits"),
    ]
    with tf.device("CPU:0"):  # a GPU adds in another order, that is other bits; ten neurons gain nothing by it
        network = keras.Sequential(layers, name="mnist")
        network.compile(
            optimizer=keras.optimizers.Adam(config.lr),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        network.fit(X, y, epochs=config.epochs, verbose=0)
    model: Classifier = network
    return model


def evaluate(model: Classifier, X: NDArray[np.float32], y: NDArray[np.uint8]) -> float:
    """Give the share of images, shape (n, 28, 28) in 0..1, whose highest logit is that of their label."""
    return float((predict(model, X) == y).mean())


def predict(model: Classifier, X: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Give the digit, shape (n,), that each image of shape (n, 28, 28) in 0..1 has the highest logit for."""
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(f"a Keras model is wanted, not {type(model).__name__}")
    logits: NDArray[np.float32] = model.predict(X, batch_size=1000, verbose=0)
    digits: NDArray[np.uint8] = logits.argmax(axis=1).astype("uint8")
    return digits
