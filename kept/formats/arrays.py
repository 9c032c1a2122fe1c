"""numpy arrays as .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..digest import Algorithm
from .protocol import Unfit, Written
from .writing import Digesting


class Npy:
    """Arrays without Python objects; they come back memory-mapped and read-only.

    A memory-mapped array is read from disk only where it is used, however large it is. It is a plain ``ndarray``.
    Layout is kept as C or Fortran order; the strides of a slice are not.
    """

    def save(self, value: Any, path: Path, algorithm: Algorithm = "sha256") -> Written:
        """Write ``value``, named by ``algorithm``; objects, subclasses and dtypes that .npy cannot name do not fit."""
        import numpy as np

        kind = type(value)
        if kind not in (np.ndarray, np.memmap):  # matrices and masked arrays mean more than their bytes
            hint = "return numpy.asarray(...) of it" if isinstance(value, (np.ndarray, np.generic, list, tuple)) else ""
            raise Unfit(f"{kind.__module__}.{kind.__qualname__} would come back as a plain array", hint)
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise Unfit(
                f"its dtype {array.dtype} holds Python objects",
                'give it a dtype of numbers or of fixed-width text, or declare the format: Annotated[..., "pkl"]',
            )
        if not _named_by_its_description(array.dtype):
            raise Unfit(f"its dtype {array.dtype!r} would come back as another")
        written = _write(without_padding(array), path, algorithm)
        try:
            back = self.load(path)  # reads the header only
        except ValueError as problem:  # numpy writes longer headers than it reads
            raise Unfit(f"it would not be read back: {problem}") from None
        if back.shape != array.shape:
            raise Unfit(f"its shape {array.shape} would come back as {back.shape}")
        return written

    def load(self, path: Path) -> Any:
        """Map the array that a file holds, read-only; ValueError if the file is not exactly that array."""
        import numpy as np

        # Not numpy.load: it looks at the first bytes and reads archives and pickles too.
        mapped = np.lib.format.open_memmap(path, mode="r")
        if path.stat().st_size != mapped.offset + mapped.nbytes:
            raise ValueError("the file is not as long as its array")
        return np.asarray(mapped)


def _write(array: Any, path: Path, algorithm: Algorithm) -> Written:
    """Write in the oldest version of .npy that can name the dtype, as numpy does, which warns of all but the first."""
    for version in ((1, 0), (2, 0), (3, 0)):
        try:
            with Digesting(path, algorithm) as file:
                _write_version(array, version, file)
        except (UnicodeEncodeError, ValueError) as problem:
            if version == (3, 0):
                raise Unfit(f"it cannot be written: {problem}") from None
        else:
            return file.written()
    raise AssertionError("the last version is written or refused")


def _write_version(array: Any, version: tuple[int, int], file: Digesting) -> None:
    """Write as ``numpy.save`` does, but from where the array lies: numpy would copy it on its way to our file."""
    import numpy as np
    from numpy.lib import format as npy

    flags, headers = array.flags, {(1, 0): npy.write_array_header_1_0, (2, 0): npy.write_array_header_2_0}
    if version not in headers or not (flags.c_contiguous or flags.f_contiguous) or not array.nbytes:
        npy.write_array(file, array, version=version, allow_pickle=False)
        return
    headers[version](file, npy.header_data_from_array_1_0(array))
    file.write(memoryview((array if flags.c_contiguous else array.T).reshape(-1).view(np.uint8)))


def padded(dtype: Any) -> bool:
    """Say whether items of a dtype have bytes that mean nothing: between the fields, or behind 80 bits of a float."""
    if dtype.subdtype is not None:
        return padded(dtype.subdtype[0])
    if dtype.char in "gG":
        return _bits_of_80(dtype)
    if not dtype.fields:
        return False
    parts = [field[0] for field in dtype.fields.values()]
    return sum(part.itemsize for part in parts) != dtype.itemsize or any(map(padded, parts))


def _bits_of_80(dtype: Any) -> bool:
    import numpy as np

    return bool(np.finfo(dtype.newbyteorder("=")).nmant == 63)


def without_padding(array: Any) -> Any:
    """Return ``array`` with zeros where what lies in its items is chance."""
    import numpy as np

    if not padded(array.dtype):
        return array
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    if array.dtype.names is None:
        clean = array.copy(order="F" if fortran else "C")
        pieces = (clean.T if fortran else clean).reshape(-1).view(np.uint8).reshape(-1, np.dtype("g").itemsize)
        pieces[:, slice(10, None) if array.dtype.isnative else slice(0, -10)] = 0  # x86 alone has these, little-endian
        return clean
    clean = np.zeros(array.shape, array.dtype, order="F" if fortran else "C")  # zeros_like zeroes the fields only
    for name in array.dtype.names or ():
        clean[name] = without_padding(array[name])
    return clean


def _named_by_its_description(dtype: Any) -> bool:
    from numpy.lib import format as npy

    if dtype.metadata is not None or (dtype.names is not None and dtype.isalignedstruct):
        return False  # neither is written
    parts = [field[0] for field in dtype.fields.values()] if dtype.fields else []
    if dtype.subdtype is not None:
        parts.append(dtype.subdtype[0])
    if not all(map(_named_by_its_description, parts)):
        return False
    try:
        back = npy.descr_to_dtype(npy.dtype_to_descr(dtype))
        return bool(back == dtype) and back.type is dtype.type  # a record is equal to a void
    except (TypeError, ValueError, UserWarning):
        return False
