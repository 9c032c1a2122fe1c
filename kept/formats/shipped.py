"""The formats that come with kept: what each is for is known at once, how it works is loaded with the first value."""

from __future__ import annotations

import importlib
from functools import cached_property
from pathlib import Path
from typing import Any

from ..lean import dataclass


@dataclass(frozen=True)
class Shipped:
    """One of them, as its declaration; ``room`` and ``kind`` are the file and the class that save and load."""

    name: str
    suffix: str
    room: str
    kind: str
    types: tuple[str, ...] = ()
    safe: bool = False
    naming: bool = False  # whether it names what it writes by the store's algorithm

    @cached_property
    def _made(self) -> Any:
        return getattr(importlib.import_module(f".{self.room}", __package__), self.kind)()

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
# The second is the home of paths from Python 3.13 on.
_PLACES = tuple(f"{home}.{name}" for home in ("pathlib", "pathlib._local") for name in _PATHS)


def file(suffix: str = "") -> Shipped:
    """Return the format of files, or of files with a suffix: ``file.png``."""
    return Shipped(f"file{suffix}", suffix, "files", "File", _PLACES, safe=True)


_ARRAYS = ("numpy.ndarray", "numpy.memmap", "numpy.typing.NDArray")
SHIPPED = (
    Shipped("json", ".json", "plain", "Json", tuple(f"builtins.{name}" for name in _PLAIN), safe=True, naming=True),
    Shipped("npy", ".npy", "arrays", "Npy", _ARRAYS, safe=True, naming=True),
    Shipped("parquet", ".parquet", "tables", "Parquet", TABLES, safe=True),
    Shipped("skops", ".skops", "estimators", "Skops"),
    Shipped("keras", ".keras", "networks", "Keras"),
    file(),
    Shipped("pkl", ".pkl", "pickles", "Pkl"),
)
