"""Writes a small picture as PNG: https://www.w3.org/TR/png-3/."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIDE = 96  # pixels at most: a report shows thumbnails
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels → grey, grey and alpha, RGB, RGBA


def is_picture(shape: tuple[int, ...]) -> bool:
    """Say whether an array of this shape can be shown: (height, width) or (height, width, 1 to 4)."""
    return (len(shape) == 2 or (len(shape) == 3 and shape[2] in _COLOUR_TYPES)) and min(shape) > 0


def data_uri(image: NDArray[Any]) -> str:
    """Write an image of shape (height, width) or (height, width, 1 to 4) as a data URI.

    Bytes are taken as they are; of other numbers the smallest is black and the largest is white.
    """
    step = -(-max(image.shape[:2]) // _SIDE)
    data = _png(_as_bytes(image[::step, ::step]))
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    import numpy as np

    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    plain = np.nan_to_num(image.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = plain.min(), plain.max()
    return np.ascontiguousarray(np.rint((plain - low) * (255 / (high - low or 1.0)))).astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    height, width = pixels.shape[:2]
    colour = _COLOUR_TYPES[pixels.shape[2] if pixels.ndim == 3 else 1]
    lines = b"".join(b"\0" + line.tobytes() for line in pixels.reshape(height, -1))  # each begins with its filter: none
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines, 9)) + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
