"""The formats that come with kept: what each is for is known at once, how it works is loaded with the first value."""

from __future__ import annotations

import importlib
from functools import cached_property
from pathlib import Path
from typing import Any


class Shipped:
    """One of them, as its declaration; ``room`` and ``kind`` are the file and the class that save and load."""

    def __init__(
        self, name: str, suffix: str, room: str, kind: str, types: tuple[str, ...] = (), *, safe: bool = False
    ) -> None:
        self.name, self.suffix, self.types, self.safe = name, suffix, types, safe
        self._room, self._kind = room, kind
        # While they write, these name the bytes by the store's algorithm.
        self.naming = name in ("json", "npy")

    @cached_property
    def _made(self) -> Any:
        return getattr(importlib.import_module(f".{self._room}", __package__), self._kind)()

    def save(self, value: Any, path: Path, *algorithm: str) -> Any:
        """Write ``value``, as its class says."""
        return self._made.save(value, path, *algorithm)

    def load(self, path: Path) -> Any:
        """Read a value back."""
        return self._made.load(path)


_PLAIN = ("bool", "int", "float", "str", "list", "dict", "None", "NoneType")
_PATHS = ("Path", "PosixPath", "WindowsPath")
TABLES = (
    *("pandas.DataFrame", "pandas.core.frame.DataFrame", "pandas.Series", "pandas.core.series.Series"),
    *("polars.DataFrame", "polars.dataframe.frame.DataFrame", "pyarrow.Table", "pyarrow.lib.Table"),
)
_PLACES = tuple(
    f"{module}.{name}" for module in ("pathlib", "pathlib._local") for name in _PATHS
)  # _local: Python 3.13

SHIPPED = (
    Shipped("json", ".json", "plain", "Json", tuple(f"builtins.{name}" for name in _PLAIN), safe=True),
    Shipped("npy", ".npy", "arrays", "Npy", ("numpy.ndarray", "numpy.memmap", "numpy.typing.NDArray"), safe=True),
    Shipped("parquet", ".parquet", "tables", "Parquet", TABLES, safe=True),
    Shipped("skops", ".skops", "estimators", "Skops"),
    Shipped("keras", ".keras", "networks", "Keras"),
    Shipped("file", "", "files", "File", _PLACES, safe=True),
    Shipped("pkl", ".pkl", "pickles", "Pkl"),
)


def file(suffix: str) -> Shipped:
    """Return the format of files with a suffix: ``file.png``."""
    return Shipped(f"file{suffix}", suffix, "files", "File", _PLACES, safe=True)
