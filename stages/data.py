"""MNIST digits: read from one file, scaled for training."""

# ruff: noqa: N803  X for a matrix of examples, as in every text of the field

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MnistFileError(ValueError):
    """The file is not MNIST in the layout of Keras; its text names the file and what is wrong with it."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class Mnist(NamedTuple):
    """Images of shape (n, 28, 28), 0 is paper and 255 is ink; labels of shape (n,), 0 to 9."""

    X_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    X_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]


class Scaled(NamedTuple):
    """Images of shape (n, 28, 28), 0.0 is paper and 1.0 is ink."""

    X_train: NDArray[np.float32]
    X_test: NDArray[np.float32]


def import_mnist(path: Path) -> Mnist:
    """Read the digits from an .npz file with x_train, y_train, x_test, y_test (full MNIST: 60000 and 10000).

    Raises MnistFileError if the file is missing, damaged or holds anything else.
    """
    try:
        arrays = _read(path)
    except FileNotFoundError:
        raise MnistFileError(path, "no such file; it comes with the repository: git checkout data/mnist.npz") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as problem:
        raise MnistFileError(path, f"damaged or not an .npz file ({problem})") from None
    names = [name.lower() for name in Mnist._fields]
    if missing := set(names) - set(arrays):
        raise MnistFileError(path, f"lacks {', '.join(sorted(missing))}")
    mnist = Mnist(*(arrays[name] for name in names))
    for images, labels in (("X_train", "y_train"), ("X_test", "y_test")):
        _check(path, images, getattr(mnist, images), labels, getattr(mnist, labels))
    return mnist


def normalize(X_train: NDArray[np.uint8], X_test: NDArray[np.uint8]) -> Scaled:
    """Scale images of 0..255 to 0..1.

    float32, because all 256 values stay apart in it, both trainers compute in it, and float64 would be
    twice the bytes (376 MB) to store, digest and load.
    """
    import numpy as np

    return Scaled(np.divide(X_train, 255, dtype=np.float32), np.divide(X_test, 255, dtype=np.float32))


def _read(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Load all arrays of an .npz file, whatever they are."""
    import numpy as np

    with zipfile.ZipFile(path):  # what is no zip file np.load takes for a pickle, and its message says so
        pass
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def _check(path: Path, images: str, X: NDArray[np.uint8], labels: str, y: NDArray[np.uint8]) -> None:
    """Refuse what would train without complaint but is not digits: other shapes, types or labels."""
    if X.ndim != 3 or X.shape[1:] != (28, 28) or not len(X):
        raise MnistFileError(path, f"{images.lower()} has shape {X.shape}, not (n, 28, 28)")
    if y.shape != (len(X),):
        raise MnistFileError(path, f"{labels.lower()} has shape {y.shape}, not ({len(X)},) for {len(X)} images")
    for name, array in ((images, X), (labels, y)):
        if array.dtype != "uint8":
            raise MnistFileError(path, f"{name.lower()} is {array.dtype}, not uint8")
    if y.max() > 9:
        raise MnistFileError(path, f"{labels.lower()} holds {y.max()}, which is no digit")
