"""scikit-learn estimators as .skops files."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

from . import archive
from .arrays import padded, without_padding
from .libraries import library
from .protocol import Unfit

# Beside what skops trusts itself: classes that these packages define, found by name *in* them. skops' own list of
# untrusted types is what a file asks for, so it is never passed back as the answer.
_CLASSES_OF = ("sklearn.", "scipy.sparse.", "scipy.stats.", "scipy.interpolate.", "numpy.random.", "numpy.ma.")
_ALSO = ("numpy.dtype", "numpy.mean", "numpy.median")  # what some estimators hold; all three only make numbers
_FUNCTIONS_OF = (
    "sklearn.metrics.",
    "sklearn.feature_selection.",
    "sklearn.preprocessing.",
    "sklearn.cluster.",
)  # scorers and the like
_NEVER = ("externals", "tests", "testing", "datasets")

_SCHEMA = "schema.json"
_ADDRESS = (
    "_stop_words_id"  # an id() that text vectorizers of scikit-learn remember, to skip a check; no other is known
)


class Skops:
    """Estimators and pipelines of scikit-learn, read back without running code of the file's choosing."""

    def save(self, value: Any, path: Path) -> None:
        """Write ``value``; parts that are neither of scikit-learn, scipy, numpy nor plain do not fit."""
        skops = library("skops.io", "skops")
        raw = path.with_name(path.name + ".raw")
        try:
            skops.dump(value, raw)
            canonical(raw, path)
            back = self.load(path)
            again = path.with_name(path.name + ".again")
            skops.dump(back, raw)
            canonical(raw, again)
            same = again.read_bytes() == path.read_bytes()
            again.unlink()
        except (Unfit, OSError):
            raise
        except Exception as problem:  # noqa: BLE001  # skops raises whatever a part of the estimator does
            raise Unfit(f"skops cannot keep it: {type(problem).__name__}: {problem}", _HINT) from None
        finally:
            raw.unlink(missing_ok=True)
        if not same or _held(back) != _held(value):
            raise Unfit("it would not come back the same from skops", _HINT)

    def load(self, path: Path) -> Any:
        """Read an estimator whose types are all allowed."""
        skops = library("skops.io", "skops")
        asked = skops.get_untrusted_types(file=path)
        refused = sorted(name for name in asked if not allowed(name))
        if refused:
            raise Unfit(f"it holds {', '.join(refused)}, which is not of scikit-learn, scipy or numpy", _HINT)
        return skops.load(path, trusted=asked)


def _held(value: Any) -> set[object] | None:
    """Return what skops flattens of all that a value holds: an enum to its number; None if nobody can look."""
    found: set[object] = {type(value)}

    class Seeing(pickle.Pickler):
        def persistent_id(self, thing: Any) -> None:
            kind = type(thing)
            if isinstance(thing, str | int | float) and kind not in _PLAIN and kind.__module__ != "numpy":
                found.add(kind)
            elif kind.__module__.startswith("numpy.ma"):
                found.add(repr(getattr(thing, "fill_value", None)))

    try:  # arrays are left where they are; the rest is written and forgotten
        Seeing(io.BytesIO(), protocol=5, buffer_callback=lambda _: None).dump(value)
    except Exception:  # noqa: BLE001  # whatever a part of the estimator does
        return None
    return found


_PLAIN = (str, int, float, bool)
_HINT = 'declare the format: Annotated[..., "pkl"]'


def allowed(name: str) -> bool:
    """Say whether a type that skops does not trust by itself may be made from a file."""
    if name in _ALSO:
        return True
    if not name.startswith((*_CLASSES_OF, *_FUNCTIONS_OF)) or any(
        part.strip("_") in _NEVER for part in name.split(".")
    ):
        return False
    module, _, attribute = name.rpartition(".")
    try:
        thing = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return False
    home = str(getattr(thing, "__module__", "")) + "."
    if inspect.isclass(thing):
        return home.startswith(_CLASSES_OF)
    return inspect.isfunction(thing) and home.startswith(_FUNCTIONS_OF)


def canonical(raw: Path, target: Path) -> None:
    """Rewrite what skops wrote without memory addresses and times; plain skops reads it as before.

    An address says that two places hold one object. Places that share keep a number, counted in order of appearance.
    Texts, numbers and types lose it: whether equal ones are one object is chance. Sets are sorted.
    """
    with zipfile.ZipFile(raw) as source:
        schema = json.loads(source.read(_SCHEMA))
        for item in archive.objects(schema):
            if item.get("__loader__") in ("JsonNode", "TypeNode"):
                item.pop("__id__", None)
            elif item.get("__loader__") == "SetNode":
                item["content"] = sorted(item["content"], key=_without_addresses)
            if isinstance(item.get(_ADDRESS), dict):
                item[_ADDRESS]["content"] = "0"
        archive.renumber(schema, "__id__")
        names = _rename_members(schema)
        members = [*names.items(), (_SCHEMA, _SCHEMA)]
        texts = {new: data for old, new in names.items() if (data := _without_padding(source, old))}
        archive.rewrite(source, target, members, {**texts, _SCHEMA: json.dumps(schema, indent=1).encode()})


def _without_padding(source: zipfile.ZipFile, member: str) -> bytes:
    """Return a member anew if it is an array with chance bytes between its fields, as trees have them; else nothing."""
    from numpy.lib import format as npy

    if not member.endswith(".npy"):
        return b""
    with source.open(member) as file:
        head = file.read(1 << 12)
        if b"'V" not in head and b"'|V" not in head:  # padding is written as a nameless field
            return b""
    with source.open(member) as file:
        array = npy.read_array(file, allow_pickle=False)
    if not padded(array.dtype):
        return b""
    written = io.BytesIO()
    npy.write_array(written, without_padding(array), allow_pickle=False)
    return written.getvalue()


def _rename_members(schema: Any) -> dict[str, str]:
    names: dict[str, str] = {}
    for item in archive.objects(schema):
        file = item.get("file")
        if "__loader__" in item and isinstance(file, str):
            item["file"] = names.setdefault(file, f"{len(names)}{Path(file).suffix}")
    return names


def _without_addresses(tree: Any) -> str:
    copy = json.loads(json.dumps(tree))
    for item in archive.objects(copy):
        item.pop("__id__", None)
    return json.dumps(copy, sort_keys=True)
