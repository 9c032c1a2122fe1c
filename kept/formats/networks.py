"""Keras models as .keras files."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import archive, origin
from .protocol import Unfit

_CONFIG, _ABOUT = "config.json", "metadata.json"
_HINT = 'build it of serialisable layers, or declare the format: Annotated[..., "pkl"]'


class Keras:
    """Models with their weights, optimizer and losses, read back in Keras' safe mode.

    The names of layers are part of a model and kept. Keras numbers them in each process (``dense_1``), so call
    ``fresh_names()`` before a stage runs: else the same stage gives other bytes depending on what ran before it.
    """

    name, suffix = "keras", ".keras"

    def save(self, value: Any, path: Path) -> tuple[str, ...]:
        """Write ``value``; return the project's classes and functions that it is made of."""
        raw = path.with_name(path.name + ".raw.keras")
        try:
            value.save(raw)
            canonical(raw, path)
            back = self.load(path)
        except OSError:
            raise
        except Exception as problem:  # noqa: BLE001  # custom layers raise anything
            raise Unfit(f"Keras cannot keep it: {type(problem).__name__}: {_first_line(problem)}", _HINT) from None
        finally:
            raw.unlink(missing_ok=True)
        if type(back) is not type(value) or not _same_weights(value, back):
            raise Unfit("it would not come back the same from Keras", _HINT)
        with zipfile.ZipFile(path) as source:
            return tuple(sorted({f"{module}:{name}" for module, name, _ in _own_parts(source)}))

    def load(self, path: Path) -> Any:
        """Read a model; the project's modules that define parts of it are imported, lambdas are refused."""
        keras = importlib.import_module("keras")
        with zipfile.ZipFile(path) as source:
            parts = {registered: _found(module, name) for module, name, registered in _own_parts(source)}
        if path.suffix == self.suffix:
            return keras.saving.load_model(path, custom_objects=parts, safe_mode=True)
        with tempfile.TemporaryDirectory(prefix="kept-") as folder:  # Keras goes by the suffix; blobs have none
            link = Path(folder, "model.keras")
            try:
                os.symlink(path.resolve(), link)
            except OSError:  # Windows without the privilege
                shutil.copyfile(path, link)
            return keras.saving.load_model(link, custom_objects=parts, safe_mode=True)


def fresh_names() -> None:
    """Let Keras, if it is loaded, number the names of new layers from the start; models that exist stay as they are."""
    naming = sys.modules.get("keras.src.utils.naming")
    reset = getattr(naming, "reset_uids", None)
    if reset is not None:
        reset()


def canonical(raw: Path, target: Path) -> None:
    """Rewrite what Keras wrote without times and memory addresses; plain Keras reads it as before."""
    with zipfile.ZipFile(raw) as source:
        about = json.loads(source.read(_ABOUT))
        about.pop("date_saved", None)
        config = json.loads(source.read(_CONFIG))
        archive.renumber(config, "shared_object_id")
        texts = {_ABOUT: json.dumps(about, sort_keys=True).encode(), _CONFIG: json.dumps(config).encode()}
        members = [(name, name) for name in source.namelist()]
        archive.rewrite(source, target, members, texts)


def _own_parts(source: zipfile.ZipFile) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and registered name of each of the project's classes and functions in a model."""
    for item in archive.objects(json.loads(source.read(_CONFIG))):
        module = item.get("module")
        name = item.get("config") if item.get("class_name") == "function" else item.get("class_name")
        if isinstance(module, str) and isinstance(name, str) and origin.is_project(module):
            yield module, name, str(item.get("registered_name") or name)


def _found(module: str, name: str) -> Any:
    thing: Any = importlib.import_module(module)
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


def _same_weights(one: Any, other: Any) -> bool:
    import numpy as np

    left, right = one.get_weights(), other.get_weights()
    return len(left) == len(right) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(map(np.asarray, left), map(np.asarray, right), strict=True)
    )


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [""])[0]
