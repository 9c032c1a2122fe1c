"""Keras models as .keras files."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from . import archive, origin
from .libraries import library
from .protocol import Unfit

_SUFFIX = ".keras"
_CONFIG, _ABOUT = "config.json", "metadata.json"
_PARTS = (
    "kept.parts"  # a key in metadata.json, which Keras does not read: what the project must define to load the model
)
_HINT = (
    "put @keras.saving.register_keras_serializable() on its own layers, losses and metrics, and use no lambdas;"
    ' or declare the format: Annotated[..., "pkl"]'
)


class Keras:
    """Models with their weights, optimizer and losses, read back in Keras' safe mode.

    The names of layers are part of a model and kept. Keras numbers them in each process (``dense_1``), so call
    ``fresh_names()`` before a stage runs: else the same stage gives other bytes depending on what ran before it.
    """

    def save(self, value: Any, path: Path) -> tuple[str, ...]:
        """Write ``value``; return the project's classes and functions that it is made of."""
        if not is_network(value):
            raise Unfit("it is not a Keras model", "return what the declared type says")
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
        return tuple(sorted(_noted(path)))

    def load(self, path: Path) -> Any:
        """Read a model; the project's modules that define parts of it are imported, lambdas are refused."""
        keras = library("keras", "keras")
        parts = {
            name: _found(place) for place, name in _noted(path).items() if origin.is_project(place.partition(":")[0])
        }
        if path.suffix == _SUFFIX:
            return keras.saving.load_model(path, custom_objects=parts, safe_mode=True)
        with tempfile.TemporaryDirectory(prefix="kept-") as folder:  # Keras goes by the suffix; blobs have none
            link = Path(folder, "model.keras")
            try:
                os.symlink(path.resolve(), link)
            except OSError:  # Windows without the privilege
                shutil.copyfile(path, link)
            return keras.saving.load_model(link, custom_objects=parts, safe_mode=True)


def is_network(value: Any) -> bool:
    """Say whether ``value`` is a model of Keras 3; nothing is imported to find out."""
    return any(
        kind.__module__.partition(".")[0] == "keras" and kind.__name__ == "Model" for kind in type(value).__mro__
    )


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
        about[_PARTS] = _own_parts(config)
        archive.renumber(config, "shared_object_id")
        texts = {_ABOUT: json.dumps(about, sort_keys=True).encode(), _CONFIG: json.dumps(config).encode()}
        members = [(name, name) for name in source.namelist()]
        archive.rewrite(source, target, members, texts)


def _own_parts(config: Any) -> dict[str, str]:
    """Return "module:qualname" → registered name of each of the project's classes and functions in a model's config."""
    keras = library("keras", "keras")
    parts: dict[str, str] = {}
    for item in archive.objects(config):
        name = item.get("registered_name")
        if item.get("class_name") == "function":  # Keras writes the registered name only: not where it is defined
            name = item.get("config")
        if not isinstance(name, str):
            continue
        place = origin.importable(keras.saving.get_registered_object(name))
        module = item.get("module")
        if place is None and isinstance(module, str) and origin.is_project(module):
            place = f"{module}:{item.get('class_name')}"
        if place is not None:
            parts[place] = name
    return parts


def _noted(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as source:
        noted: dict[str, str] = json.loads(source.read(_ABOUT)).get(_PARTS, {})
    return noted


def _found(place: str) -> Any:
    module, _, name = place.partition(":")
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
