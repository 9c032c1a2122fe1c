"""What a function says that it returns is read without importing what only type checkers import."""

import importlib
import sys

import pytest

from kept import formats
from kept.pipeline import returns

SOURCE = """
from __future__ import annotations

import collections
import functools
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Optional

if TYPE_CHECKING:
    import heavylib
    import heavylib.arrays as hla
    import heavylib.deep.down
    from heavylib.models import Model, Other as Alias
    from nowhere import Gone


class Own:
    def __init__(self, x: int) -> None: ...


class Pair(NamedTuple):
    X: hla.Array
    y: list[int]
    score: float
    model: Annotated[Model, "skops"]
    any: Any


def heavy() -> heavylib.Array: ...
def aliased() -> hla.Array: ...
def dotted() -> heavylib.deep.down.Array: ...
def imported() -> Model: ...
def renamed() -> Alias: ...
def unknown() -> NeverImported: ...
def subscribed() -> hla.Array[int, hla.Shape]: ...
def own() -> Own: ...
def nested() -> collections.OrderedDict[str, int]: ...
def plain() -> float: ...
def text() -> str: ...
def listed() -> list[Model]: ...
def mapped() -> dict[str, hla.Array]: ...
def none() -> None: ...
def annotated() -> Annotated[hla.Array, "zarr"]: ...
def annotated_otherwise() -> Annotated[hla.Array, 3]: ...
def annotated_twice() -> Annotated[hla.Array, 3, ".pt", "later"]: ...
def optional() -> Optional[Model]: ...
def union() -> Model | None: ...
def plain_union() -> int | str: ...
def anything() -> Any: ...
def unsaid(): ...
def broken() -> 1 / 0: ...
def pair() -> Pair: ...
def pair_as_text() -> "Pair": ...
def computed() -> (lambda: 3): ...


@functools.wraps(pair)
def wrapped(*args): ...


partial = functools.partial(pair)


class Callable:
    def __call__(self) -> Model: ...

    def method(self) -> float: ...


instance = Callable()
method = instance.method
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    """Give a module whose annotations name libraries that are not there."""
    folder = tmp_path_factory.mktemp("returns")
    (folder / "declares_returns.py").write_text(SOURCE)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("declares_returns")
    sys.path.remove(str(folder))
    del sys.modules["declares_returns"]


@pytest.mark.parametrize(
    ("name", "dotted"),
    [
        ("heavy", "heavylib.Array"),
        ("aliased", "heavylib.arrays.Array"),
        ("dotted", "heavylib.deep.down.Array"),
        ("imported", "heavylib.models.Model"),
        ("renamed", "heavylib.models.Other"),
        ("subscribed", "heavylib.arrays.Array"),
        ("own", "declares_returns.Own"),
        ("nested", "collections.OrderedDict"),
        ("plain", "builtins.float"),
        ("text", "builtins.str"),
        ("listed", "builtins.list"),
        ("mapped", "builtins.dict"),
        pytest.param("none", "builtins.None"),
        ("annotated", "zarr"),
        ("annotated_otherwise", "heavylib.arrays.Array"),
        ("annotated_twice", ".pt"),
        ("instance", "heavylib.models.Model"),
        ("method", "builtins.float"),
        ("Own", "declares_returns.Own"),
    ],
)
def test_a_declared_type_is_named(functions, name, dotted):
    """A dotted name, as the user's imports give it; the text of Annotated wins."""
    found = returns(getattr(functions, name))
    assert found.types == {"": dotted}
    assert found.fields == ()


@pytest.mark.parametrize("name", ["optional", "union", "plain_union", "anything", "unsaid", "broken", "computed"])
def test_where_only_the_value_can_tell_nothing_is_declared(functions, name):
    """Unions, Any and no annotation at all settle no format."""
    declared = returns(getattr(functions, name)).types[""]
    assert declared is None or formats.for_annotation(declared) is None


@pytest.mark.parametrize("name", ["pair", pytest.param("pair_as_text"), "wrapped", "partial"])
def test_a_named_tuple_makes_an_artifact_a_field(functions, name):
    """Each field has its own declared type, resolved where the tuple is defined."""
    found = returns(getattr(functions, name))
    assert found.tuple_type is functions.Pair
    assert found.fields == ("X", "y", "score", "model", "any")
    assert found.types == {
        "X": "heavylib.arrays.Array",
        "y": "builtins.list",
        "score": "builtins.float",
        "model": "skops",
        "any": "typing.Any",
    }


def test_nothing_was_imported_for_it(functions):
    """A library that does not exist is never looked for."""
    for name in vars(functions):
        if callable(getattr(functions, name)) and not name.startswith("_"):
            returns(getattr(functions, name))
    assert not [name for name in sys.modules if name.startswith(("heavylib", "nowhere"))]


def test_a_function_without_its_module_says_what_it_can():
    """A function made by exec, in a notebook say, has no source to look imports up in."""
    space = {"__name__": "made_by_exec"}
    exec("from __future__ import annotations\ndef f() -> np.ndarray: ...\ndef g() -> int: ...", space)
    assert returns(space["f"]).types == {"": "np.ndarray"}
    assert returns(space["g"]).types == {"": "builtins.int"}


def test_an_unhashable_callable_is_read_as_well():
    """A callable need not be hashable."""

    class Unhashable:
        __hash__ = None

        def __call__(self) -> int: ...

    assert returns(Unhashable()).types == {"": "builtins.int"}
