"""Everything else, pickled."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

from .origin import importable
from .protocol import Unfit

_READ_BACK_BELOW = 256 << 20  # bytes: a larger pickle is not read back to check it, memory may not hold it twice


class Pkl:
    """Any value, by cloudpickle: importable classes by name, those of ``__main__`` and lambdas with their code.

    Reading a pickle runs code. Its bytes are the same for the same value with these exceptions, none of which pickle
    can mend: sets of str (their order follows PYTHONHASHSEED), functions defined in ``__main__`` or in place (their
    file and lines are inside), and values built with other sharing of equal parts.
    """

    def save(self, value: Any, path: Path) -> tuple[str, ...]:
        """Write ``value``; return the project's classes and functions that the pickle names."""
        import cloudpickle

        named: dict[str, None] = {}

        class Recording(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
            """Notes what the pickle refers to, where a scan of its bytes would walk every number in it."""

            def reducer_override(self, thing: Any) -> Any:
                if isinstance(thing, memoryview | io.TextIOWrapper):
                    raise _changed(thing)
                if unread := _unread(thing):
                    kind = type(thing).__name__
                    raise Unfit(f"a {kind} is a plan to read rows, which stays the same when its files change", unread)
                for candidate in (thing, type(thing)):
                    if callable(candidate) and (name := importable(candidate)) is not None:
                        named[name] = None
                return super().reducer_override(thing)

        try:
            with path.open("wb") as file:
                Recording(file, protocol=5).dump(value)
        except (OSError, Unfit):
            raise
        except RecursionError:
            raise Unfit("it is nested too deeply to be pickled") from None
        except Exception as problem:  # noqa: BLE001  # __reduce__ and __getstate__ are the user's and raise anything
            hint = HINTS.get(type(value).__name__, _HINT)
            raise Unfit(f"it cannot be pickled: {type(problem).__name__}: {problem}", hint) from None
        self._check(path)
        return tuple(sorted(named))

    def load(self, path: Path) -> Any:
        """Unpickle; only ``formats.load`` calls this, after deciding that the file is trusted."""
        with path.open("rb") as file:
            return pickle.load(file)

    def _check(self, path: Path) -> None:
        if path.stat().st_size >= _READ_BACK_BELOW:
            return
        try:
            self.load(path)
        except Exception as problem:  # noqa: BLE001  # as above, for __setstate__
            raise Unfit(f"its pickle cannot be read back: {type(problem).__name__}: {problem}", _HINT) from None


def _unread(thing: object) -> str:
    """Return the hint for what names files that it reads later: its pickle stays the same when they change."""
    kinds = (f"{kind.__module__}.{kind.__name__}" for kind in type(thing).__mro__)
    return next((_PLANS[kind] for kind in kinds if kind in _PLANS), "")


def _changed(thing: object) -> Unfit:
    """Refuse what cloudpickle would make into something else."""
    if isinstance(thing, memoryview):
        return Unfit("a memoryview would come back as bytes", "return bytes(...) of it")
    return Unfit("an open file would come back as text in memory", "return what it holds, or its pathlib.Path")


HINTS = {
    "LazyFrame": "return rows.collect()",
    "generator": "return list(...) of what it yields",
    "async_generator": "collect what it yields in a plain function",
    "coroutine": "a stage is not awaited: write a plain function that calls asyncio.run(...)",
}
_HINT = "return plain data, or add a format for its type with kept.formats.register"
_PLANS = {
    "polars.lazyframe.frame.LazyFrame": HINTS["LazyFrame"],
    "pyarrow._dataset.Dataset": "return rows.to_table()",
    "pyarrow._dataset.Fragment": "return rows.to_table()",
}
