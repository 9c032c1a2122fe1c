"""Tells the project's own modules from libraries."""

from __future__ import annotations

import functools
import importlib.util
import os
import site
import sys

_INSTALLED = frozenset({"site-packages", "dist-packages"})


@functools.cache
def _library_folders() -> tuple[str, ...]:
    import sysconfig  # by far the dearest import of all that only lists tasks

    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages() if hasattr(site, "getsitepackages") else [])
    folders.add(site.getusersitepackages() if hasattr(site, "getusersitepackages") else paths["stdlib"])
    return tuple(os.path.realpath(folder) + os.sep for folder in folders)


@functools.cache
def _own_folder() -> str:
    return os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep


def is_project(module: str) -> bool:
    """Say whether a module is the user's own source: neither built in, nor of the standard library, nor installed."""
    if module.partition(".")[0] in sys.stdlib_module_names or module == "__main__":
        return False
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None) if loaded is not None else _origin(module)
    if not file:
        return False
    place = os.path.realpath(file)
    if _INSTALLED & set(place.split(os.sep)):  # another environment's, on PYTHONPATH
        return False
    return not place.startswith((*_library_folders(), _own_folder()))


def _origin(module: str) -> str | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
    return spec.origin if spec is not None else None


def importable(thing: object) -> str | None:
    """Return "module:qualname" of one of the project's classes or functions, or None if it is not one found by name."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or not is_project(module):
        return None
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is thing else None
