"""What libraries keep for a whole process: what one stage sets there, the next one would find."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, NamedTuple

from ..fingerprint import loading


class _Library(NamedTuple):
    options: Callable[[Any], Mapping[str, Any]]  # of the module, by name
    set: Callable[[Any, str, Any], object]


@contextlib.contextmanager
def put_back() -> Iterator[None]:
    """Put the options of libraries back as they were before, or as the import that loaded them meanwhile left them.

    Not so where a module of the project was imported: what a module sets counts for whoever imports it later, too.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for name in _LIBRARIES.keys() & sys.modules.keys():
        _note(found, name)
    noticing, before = _Noticing(found), loading.count()
    sys.meta_path.insert(0, noticing)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # it is gone
            sys.meta_path.remove(noticing)
        for name, options in found.items() if loading.count() == before else ():
            _put(name, options)


def _note(found: dict[str, Mapping[str, Any]], name: str) -> None:
    with _whatever_it_says():
        found[name] = _LIBRARIES[name].options(sys.modules[name])


def _put(name: str, options: Mapping[str, Any]) -> None:
    with _whatever_it_says():
        library, module = _LIBRARIES[name], sys.modules[name]
        now = library.options(module)
        for option, value in options.items():
            if now[option] is not value:
                with _whatever_it_says():
                    if now[option] != value:
                        library.set(module, option, value)


@contextlib.contextmanager
def _whatever_it_says() -> Iterator[None]:
    """Go on where a library is half loaded, or calls an option deprecated."""
    with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
        yield


class _Noticing:
    """Notes the options of a library when its import has ended."""

    def __init__(self, found: dict[str, Mapping[str, Any]]) -> None:
        self.found = found

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _LIBRARIES else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def noticed(module: ModuleType) -> None:
            load(module)
            _note(self.found, name)

        spec.loader.exec_module = noticed  # type: ignore[method-assign]  # of the loader of this one module
        return spec


def _functions(**tellers: str) -> _Library:
    """Return options that functions of a library set, each with the one that tells it."""
    return _Library(
        lambda module: {sets: getattr(module, tells)() for sets, tells in tellers.items() if hasattr(module, tells)},
        lambda module, sets, value: getattr(module, sets)(value),
    )


def _style(matplotlib: Any) -> dict[str, Any]:
    """Return all but the backend: windows may be open in it."""
    return {name: value for name, value in matplotlib.rcParams.copy().items() if name != "backend"}


def _close(pyplot: Any, _: str, kept: list[int]) -> None:
    """Close the figures that a stage has left open: the next one would draw into the last of them."""
    for number in set(pyplot.get_fignums()).difference(kept):
        pyplot.close(number)


def _flat(options: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


_LIBRARIES = {
    "jax": _Library(lambda jax: dict(jax.config.values), lambda jax, name, value: jax.config.update(name, value)),
    "keras.config": _functions(set_floatx="floatx", set_epsilon="epsilon", set_image_data_format="image_data_format"),
    "keras.src.backend.common.global_state": _Library(
        # keras.config.dtype_policy() would settle it for a stage that sets its floatx after that.
        lambda state: {"dtype_policy": state.get_global_attribute("dtype_policy")},
        lambda state, name, policy: state.set_global_attribute(name, policy),
    ),
    "matplotlib": _Library(_style, lambda matplotlib, name, value: matplotlib.rcParams.update({name: value})),
    "matplotlib.pyplot": _Library(lambda pyplot: {"figures": pyplot.get_fignums()}, _close),
    "multiprocessing": _Library(
        lambda multiprocessing: {"method": multiprocessing.get_start_method(allow_none=True)},
        lambda multiprocessing, _, method: multiprocessing.set_start_method(method, force=True),
    ),
    "pandas": _Library(
        lambda pandas: dict(_flat(pandas.options.d)), lambda pandas, name, value: pandas.set_option(name, value)
    ),
    "sklearn": _Library(
        lambda sklearn: sklearn.get_config(), lambda sklearn, name, value: sklearn.set_config(**{name: value})
    ),
    "tensorflow": _Library(
        lambda tensorflow: {"eagerly": tensorflow.config.functions_run_eagerly()},
        lambda tensorflow, _, eagerly: tensorflow.config.run_functions_eagerly(eagerly),
    ),
    "torch": _functions(
        set_default_device="get_default_device",
        set_default_dtype="get_default_dtype",
        set_float32_matmul_precision="get_float32_matmul_precision",
        set_grad_enabled="is_grad_enabled",
        set_num_threads="get_num_threads",
        use_deterministic_algorithms="are_deterministic_algorithms_enabled",
    ),
}
