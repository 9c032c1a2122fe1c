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
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, Optional, TypeVar

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


T = TypeVar("T")


class Box(NamedTuple, Generic[T]):
    held: T
    note: Annotated[Model, "skops"]


class Marked(Pair):
    extra: int = 3


class Nothing(NamedTuple):
    pass


def boxed() -> Box[int]: ...
def marked() -> Marked: ...
def nothing() -> Nothing: ...
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


def test_a_generic_named_tuple_is_one_whatever_it_is_subscribed_with(functions):
    """`-> Box[int]` makes the fields of Box."""
    found = returns(functions.boxed)
    assert (found.tuple_type, found.fields) == (functions.Box, ("held", "note"))
    assert found.types["note"] == "skops"


def test_a_subclass_of_a_named_tuple_has_its_declared_types(functions):
    """A mixin or a constant more: the fields are still declared where they were."""
    assert returns(functions.marked).types == returns(functions.pair).types
    assert returns(functions.marked).tuple_type is functions.Marked


def test_a_named_tuple_without_fields_is_one_value(functions):
    """Nothing could be made of nothing: it is kept whole."""
    found = returns(functions.nothing)
    assert (found.tuple_type, found.fields) == (None, ())


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


ELSEWHERE = """
from __future__ import annotations

import typing

def later():
    import heavylib as hl

if typing.TYPE_CHECKING:

    import shadowed as np
    # not the end of it
    from heavylib import (
        One,
        Two as Second,
    )
else:
    import heavylib.other

def first() -> hl.First: ...
def second() -> Second: ...
def third() -> np.Third: ...
"""


def test_imports_that_stand_elsewhere_are_found_too(tmp_path, monkeypatch):
    """Below `if typing.TYPE_CHECKING:` over several lines, with an else, and within a function."""
    (tmp_path / "heavylib").mkdir()
    (tmp_path / "heavylib" / "__init__.py").write_text("")
    (tmp_path / "heavylib" / "other.py").write_text("")
    (tmp_path / "imports_elsewhere.py").write_text(ELSEWHERE)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("imports_elsewhere")
    found = [returns(function).types[""] for function in (module.first, module.second, module.third)]
    assert found == ["heavylib.First", "heavylib.Two", "shadowed.Third"]
