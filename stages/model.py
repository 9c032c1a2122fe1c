"""What every trainer of digits returns, whatever library it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Classifier(Protocol):
    """A fitted model of ten digits.

    Variants share this type, so that one can stand where another stood and a type checker still refuses
    an array or a number in its place.
    """

    def predict(self, images: NDArray[np.float32], /) -> NDArray[Any]:
        """Give one answer per image: its ten scores (Keras) or its digit (scikit-learn)."""
