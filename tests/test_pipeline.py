"""A class body declares stages, a subclass a variant; nothing runs and nothing is read."""

import dataclasses
import enum
import functools
import importlib
import types
from pathlib import Path
from typing import NamedTuple

import pytest

from kept import KeptError, Pipeline, stage, swap
from kept.pipeline import File, Input, Options, bound, pipelines, stages, variants


@pytest.fixture(autouse=True)
def _own_names(monkeypatch):
    """Let each test declare pipelines of any name."""
    monkeypatch.setattr(variants, "_known", {})


class Digits(NamedTuple):
    X: list
    y: list


def read(path: Path) -> Digits: ...


def read_twice(path: Path, again: Path | None = None) -> Digits: ...


def scale(X, factor=1.0) -> list: ...


def train(X, y, epochs=1, rate=0.1) -> dict: ...


def fit(X, y, depth=3) -> dict: ...


def evaluate(model, X, y) -> float: ...


def ensemble(*models, weights=()) -> dict: ...


def gather(**parts) -> dict: ...


def anything(value) -> list: ...


def nothing() -> int: ...


def mnist():
    """Declare a pipeline of four stages."""

    class Mnist(Pipeline):
        """Digits."""

        digits = stage(read, Path("data/mnist.npz"))
        scaled = stage(scale, digits.X)
        model = stage(train, scaled, digits.y, epochs=2)
        accuracy = stage(evaluate, model, scaled, digits.y)

    return Mnist


def owners(pipeline):
    return {name: stage.task for name, stage in bound(pipeline).items()}


# ---- names


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("Mnist", "mnist"),
        ("MnistTf", "mnist_tf"),
        ("MnistSklearn", "mnist_sklearn"),
        ("MNIST", "mnist"),
        ("HTTPModel2", "http_model2"),
        ("Model2Big", "model2_big"),
        ("ResNet50", "res_net50"),
        ("already_snake", "already_snake"),
        ("A", "a"),
        ("_Private", "_private"),
    ],
)
def test_a_class_name_becomes_a_target(name, target):
    """Words are parted by underscores, runs of capitals stay together."""
    made = types.new_class(name, (Pipeline,))
    assert pipelines() == {target: made}


def test_a_class_keyword_names_the_target():
    """A name of one's own choosing wins; a subclass has its own again."""

    class Long(Pipeline, name="short"):
        one = stage(nothing)

    class Longer(Long):
        two = stage(nothing)

    assert list(pipelines()) == ["short", "longer"]
    assert owners(Longer) == {"one": "short:one", "two": "longer:two"}


def test_stages_are_named_by_their_attributes():
    """Task, path and files of a stage come from the class and the attribute, in the order of the class body."""
    digits, scaled, model, accuracy = stages(mnist())
    assert [s.task for s in (digits, scaled, model, accuracy)] == [
        "mnist:digits", "mnist:scaled", "mnist:model", "mnist:accuracy",
    ]  # fmt: skip
    assert digits.path == "mnist/digits"
    assert [a.stem for a in digits.artifacts] == ["mnist/digits/X", "mnist/digits/y"]
    assert [a.stem for a in accuracy.artifacts] == ["mnist/accuracy"]
    assert model.function_name == f"{__name__}.train"


def test_a_stage_knows_the_line_that_declared_it():
    """Messages point at the user's line, not at kept's."""
    first = mnist.__code__.co_firstlineno
    where = [s.where for s in stages(mnist())]
    assert [w.line - first for w in where] == [6, 7, 8, 9]
    assert {w.file for w in where} == {__file__}


def test_a_class_that_is_declared_again_replaces_itself():
    """A notebook cell that is run twice is no second pipeline."""
    assert mnist() is not mnist()
    assert len(pipelines()) == 1


def test_a_module_that_is_loaded_again_replaces_its_pipelines(tmp_path, monkeypatch):
    """Also where its lines have moved meanwhile, as when it is edited beside a notebook."""
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "from kept import Pipeline, stage\ndef one(): ...\n{}class Again(Pipeline):\n    one = stage(one)\n"
    place = tmp_path / "loaded_again.py"
    place.write_text(text.format(""))
    module = importlib.import_module("loaded_again")
    before = module.Again
    place.write_text(text.format("MORE = 1\n"))
    assert importlib.reload(module).Again is not before
    assert pipelines()["again"] is module.Again


# ---- wiring


def test_arguments_are_wired_by_parameter_name():
    """An artifact becomes an input, a path a file, anything else a parameter."""
    digits, scaled, model, accuracy = stages(mnist())
    assert digits.wires == {"path": File("data/mnist.npz")}
    assert scaled.wires == {"X": Input("mnist:digits", "X")}
    assert model.wires == {"X": Input("mnist:scaled", ""), "y": Input("mnist:digits", "y"), "epochs": 2}
    assert accuracy.upstream == ("mnist:model", "mnist:scaled", "mnist:digits")
    assert digits.upstream == ()


def test_a_whole_named_tuple_may_be_passed_on():
    """A reference without a field stands for all that the stage makes."""

    class Whole(Pipeline):
        digits = stage(read, Path("x"))
        copy = stage(anything, digits)

    assert bound(Whole)["copy"].wires == {"value": Input("whole:digits", "")}


def test_references_and_paths_may_stand_within_arguments():
    """Lists, tuples and dicts are looked through, at any depth; what has no reference in it is one parameter."""

    class Within(Pipeline):
        a = stage(nothing)
        b = stage(read, Path("x"))
        list_ = stage(anything, [a, b.X, 3])
        tuple_ = stage(anything, (a, Path("y")))
        dict_ = stage(anything, {"one": a, "two": {"deep": [b.y]}, "three": [1, 2]})
        plain = stage(anything, [1, {"two": (3,)}])

    found = {name: s.wires for name, s in bound(Within).items()}
    assert found["list_"] == {"value[0]": Input("within:a", ""), "value[1]": Input("within:b", "X"), "value[2]": 3}
    assert found["tuple_"] == {"value[0]": Input("within:a", ""), "value[1]": File("y")}
    assert found["dict_"] == {
        "value['one']": Input("within:a", ""),
        "value['two']['deep'][0]": Input("within:b", "y"),
        "value['three']": [1, 2],
    }
    assert found["plain"] == {"value": [1, {"two": (3,)}]}
    assert bound(Within)["dict_"].arguments["value"] == {
        "one": Input("within:a", ""),
        "two": {"deep": [Input("within:b", "y")]},
        "three": [1, 2],
    }
    assert bound(Within)["tuple_"].arguments["value"] == (Input("within:a", ""), File("y"))


def test_any_number_of_arguments_may_be_artifacts():
    """`*args` and `**kwargs` of a function take references like any other parameter."""

    class Many(Pipeline):
        a = stage(nothing)
        b = stage(nothing)
        both = stage(ensemble, a, b, weights=(1, 2))
        named = stage(gather, left=a, right=b, scale=3)

    wires = {name: s.wires for name, s in bound(Many).items()}
    assert wires["both"] == {
        "models[0]": Input("many:a", ""),
        "models[1]": Input("many:b", ""),
        "weights": (1, 2),
    }
    assert list(wires["named"].values()) == [Input("many:a", ""), Input("many:b", ""), 3]
    assert bound(Many)["both"].upstream == ("many:a", "many:b")


class Size(enum.Enum):
    SMALL = 1


@dataclasses.dataclass(frozen=True)
class Config:
    size: Size = Size.SMALL
    layers: tuple = (10, 10)


def test_parameters_may_be_any_plain_value():
    """What has a canonical form is taken as it is."""
    values = [None, 1, 0.5, "x", b"x", (1, 2), [1], {"a": {1, 2}}, Size.SMALL, Config(), nothing, Config, ..., 3 + 4j]

    class Plain(Pipeline):
        all = stage(ensemble, *values)

    assert bound(Plain)["all"].wires == {"models": tuple(values)}


def test_options_are_not_arguments():
    """What a stage asks of the engine stands beside its arguments, unless its function has a parameter of that name."""

    def own(env, seed):
        return env, seed

    class Asks(Pipeline):
        plain = stage(nothing)
        asks = stage(nothing, env=["LEVEL"], threads=2, gpu=1, seed=False)
        takes = stage(own, env="text", seed=3, threads=4)

    options = {name: s.options for name, s in bound(Asks).items()}
    assert options["plain"] == Options(env=(), threads=1, gpu=0, seed=True)
    assert options["asks"] == Options(env=("LEVEL",), threads=2, gpu=1, seed=False)
    assert options["takes"] == Options(threads=4)
    assert bound(Asks)["takes"].wires == {"env": "text", "seed": 3}


def test_stages_of_other_pipelines_may_be_used():
    """A pipeline takes what another one makes without being its variant."""
    Mnist = mnist()

    class Other(Pipeline):
        copy = stage(anything, Mnist.scaled)

    assert bound(Other)["copy"].wires == {"value": Input("mnist:scaled", "")}
    assert list(bound(Other)) == ["copy"]


# ---- variants


def test_a_variant_without_changes_has_the_stages_of_its_parent():
    """What is the same is built once: by the class that declares it."""
    Mnist = mnist()

    class Same(Mnist):
        pass

    assert owners(Same) == owners(Mnist)
    assert all(bound(Same)[name] is bound(Mnist)[name] for name in bound(Mnist))


def test_an_inherited_stage_follows_an_overridden_one():
    """References bind late, by name, as a method call does; what is upstream of the change stays shared."""
    Mnist = mnist()

    class Deep(Mnist):
        model = stage(fit, Mnist.scaled, Mnist.digits.y, depth=9)

    assert owners(Deep) == {
        "digits": "mnist:digits",
        "scaled": "mnist:scaled",
        "model": "deep:model",
        "accuracy": "deep:accuracy",
    }
    assert bound(Deep)["accuracy"].wires["model"] == Input("deep:model", "")
    assert bound(Deep)["accuracy"].wires["X"] == Input("mnist:scaled", "")
    assert bound(Mnist)["accuracy"].wires["model"] == Input("mnist:model", "")


def test_an_artifact_of_a_variant_is_that_variants_own():
    """Elsewhere, too, what a variant inherits is what it is in that variant, where it may follow an override."""
    Mnist = mnist()

    class Deep(Mnist):
        model = stage(fit, Mnist.scaled, Mnist.digits.y, depth=9)

    class Same(Deep):
        pass

    class Both(Pipeline):
        best = stage(ensemble, Mnist.accuracy, Deep.accuracy, Same.accuracy)
        digits = stage(ensemble, Mnist.digits.X, Deep.digits.X)

    assert bound(Both)["best"].upstream == ("mnist:accuracy", "deep:accuracy")
    assert bound(Both)["digits"].wires == {f"models[{i}]": Input("mnist:digits", "X") for i in (0, 1)}
    assert repr(Deep.accuracy) == "<artifact Deep.accuracy>"


def test_a_variant_is_compared_with_another_one():
    """In a variant the parent's name stands for its own artifact; a sibling's is the sibling's."""
    Mnist = mnist()

    class Deep(Mnist):
        model = stage(fit, Mnist.scaled, Mnist.digits.y, depth=9)

    class Wide(Mnist):
        scaled = stage(scale, Mnist.digits.X, factor=2.0)
        compared = stage(ensemble, Mnist.accuracy, Deep.accuracy)

    assert bound(Wide)["compared"].upstream == ("wide:accuracy", "deep:accuracy")


def test_an_artifact_of_another_variant_takes_the_place_of_an_own_one():
    """What follows it takes it from there."""
    Mnist = mnist()

    class Deep(Mnist):
        model = stage(fit, Mnist.scaled, Mnist.digits.y, depth=9)

    class Tested(Deep):
        pass

    class Other(Mnist):
        model = Tested.model

    class Last(Other):
        pass

    assert owners(Other) == owners(Last) | {"model": "deep:model"}
    assert owners(Other)["accuracy"] == "other:accuracy"
    assert bound(Other)["accuracy"].wires["model"] == Input("deep:model", "")
    assert bound(Last)["accuracy"] is bound(Other)["accuracy"]


def test_a_variant_of_a_variant_shares_what_it_can():
    """A grandchild has its parent's stages where those differ from the grandparent's."""
    Mnist = mnist()

    class Deep(Mnist):
        model = stage(fit, Mnist.scaled, Mnist.digits.y)

    class Deeper(Deep):
        report = stage(anything, Deep.accuracy)

    class Wide(Deep):
        scaled = stage(scale, Mnist.digits.X, factor=2.0)

    assert owners(Deeper) == {**owners(Deep), "report": "deeper:report"}
    assert owners(Wide) == {
        "digits": "mnist:digits",
        "scaled": "wide:scaled",
        "model": "wide:model",
        "accuracy": "wide:accuracy",
    }


def test_the_root_of_everything_may_be_overridden():
    """Then nothing is shared."""
    Mnist = mnist()

    class Fashion(Mnist):
        digits = stage(read, Path("data/fashion.npz"))

    assert set(owners(Fashion).values()) == {f"fashion:{name}" for name in bound(Mnist)}


def test_two_parents_give_one_child():
    """With several parents the order of inheritance decides, and what joins both belongs to the child."""

    class Top(Pipeline):
        left = stage(nothing)
        right = stage(nothing)
        join = stage(ensemble, left, right)
        only_left = stage(anything, left)

    class Left(Top):
        left = stage(anything, 1)

    class Right(Top):
        right = stage(anything, 2)

    class Both(Left, Right):
        pass

    assert owners(Both) == {
        "left": "left:left",
        "right": "right:right",
        "join": "both:join",
        "only_left": "left:only_left",
    }
    assert bound(Both)["join"].wires == {"models[0]": Input("left:left", ""), "models[1]": Input("right:right", "")}


def test_a_mixed_in_class_without_stages_does_no_harm():
    """Plain Python classes and attributes beside stages are no stages."""

    class Mixin:
        constant = 3

        def method(self):
            return 1

    class Mixed(Mixin, Pipeline):
        one = stage(nothing)
        text = "not a stage"

    assert list(bound(Mixed)) == ["one"]


def test_a_stage_may_be_taken_away():
    """A variant that sets a stage to None does without it, as a class does without a method."""
    Mnist = mnist()

    class Short(Mnist):
        accuracy = None

    assert list(bound(Short)) == ["digits", "scaled", "model"]


def test_a_stage_of_another_pipeline_may_be_taken_over():
    """The same attribute of another class is the same stage, built once."""
    Mnist = mnist()

    class Other(Pipeline):
        digits = Mnist.digits
        count = stage(anything, Mnist.digits.y)

    assert owners(Other) == {"digits": "mnist:digits", "count": "other:count"}


def test_a_chain_of_five_thousand_stages_is_bound():
    """Nothing recurses, so a pipeline is as long as its user likes; a variant of it is, too."""
    body = {"s0": stage(nothing)}
    for number in range(1, 5000):
        body[f"s{number}"] = stage(anything, body[f"s{number - 1}"])
    Long = types.new_class("Long", (Pipeline,), {}, lambda space: space.update(body))
    found = stages(Long)
    assert [s.name for s in found] == list(body)

    class Changed(Long):
        s0 = stage(nothing, seed=False)

    assert owners(Changed)["s4999"] == "changed:s4999"


def test_stages_come_after_what_they_need():
    """Whatever the order of declaration, stages can be built in the order in which they are given."""
    Mnist = mnist()

    class Late(Mnist):
        zoom = stage(nothing)
        digits = stage(read_twice, Path("x"), again=zoom)

    assert [s.name for s in stages(Late)] == ["zoom", "digits", "scaled", "model", "accuracy"]


# ---- swap


def test_swap_keeps_the_wiring_and_changes_the_function():
    """Inputs stay; parameters that the new function takes stay, others go; new ones are added."""
    Mnist = mnist()

    class Deep(Mnist):
        model = swap(Mnist.model, fit, depth=5)

    class Again(Mnist):
        model = swap(Mnist.model, train, rate=0.5)

    assert bound(Deep)["model"].function is fit
    assert bound(Deep)["model"].wires == {"X": Input("mnist:scaled", ""), "y": Input("mnist:digits", "y"), "depth": 5}
    assert bound(Again)["model"].wires == {**bound(Mnist)["model"].wires, "rate": 0.5}


def test_swap_replaces_parameters():
    """A parameter that is given wins over the one that was."""
    Mnist = mnist()

    class Longer(Mnist):
        model = swap(Mnist.model, train, epochs=9)

    assert bound(Longer)["model"].wires["epochs"] == 9


def test_swap_follows_an_overridden_input():
    """The wiring that is kept binds late, like any other."""
    Mnist = mnist()

    class Both(Mnist):
        scaled = swap(Mnist.scaled, scale, factor=2.0)
        model = swap(Mnist.model, fit)

    assert bound(Both)["model"].wires["X"] == Input("both:scaled", "")


def test_what_was_swapped_may_be_swapped():
    """A swap is a stage like any other."""
    Mnist = mnist()

    class One(Mnist):
        model = swap(Mnist.model, fit, depth=5)

    class Two(One):
        model = swap(One.model, train, epochs=3)

    assert bound(Two)["model"].wires == {
        "X": Input("mnist:scaled", ""),
        "y": Input("mnist:digits", "y"),
        "epochs": 3,
    }


def test_swap_may_wire_another_input():
    """What is given by name may be an artifact, too, and replaces what was wired."""
    Mnist = mnist()

    class Raw(Mnist):
        model = swap(Mnist.model, train, X=Mnist.digits.X)

    assert bound(Raw)["model"].wires["X"] == Input("mnist:digits", "X")


def test_swap_keeps_the_options_unless_it_has_its_own():
    """What a stage asks of the engine goes with its place in the pipeline."""

    class One(Pipeline):
        slow = stage(anything, 1, threads=4, env=["LEVEL"])

    class Two(One):
        slow = swap(One.slow, anything)

    class Three(One):
        slow = swap(One.slow, anything, threads=2)

    assert bound(Two)["slow"].options == bound(One)["slow"].options
    assert bound(Three)["slow"].options.threads == 2


def test_swap_keeps_any_number_of_inputs():
    """`*args` are wiring as well."""

    def best(*models, tries=1): ...

    class Many(Pipeline):
        a = stage(nothing)
        all = stage(ensemble, a, a, weights=(1,))

    class Best(Many):
        all = swap(Many.all, best, tries=2)

    assert bound(Best)["all"].wires == {
        "models[0]": Input("many:a", ""),
        "models[1]": Input("many:a", ""),
        "tries": 2,
    }


def test_a_function_without_the_field_that_is_used_does_not_fit():
    """A variant's function that returns something else is told with the line that swapped it in."""
    Mnist = mnist()

    with pytest.raises(KeptError, match="makes no artifact 'X'") as caught:

        class Other(Mnist):
            digits = stage(anything, Path("x"))

    assert "digits" in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [
        functools.partial(train, epochs=3),
        functools.lru_cache(train),
        types.MethodType(lambda self, X, y: X, object()),
        type("Trainer", (), {"__call__": lambda self, X, y: X})(),
    ],
    ids=["partial", "wrapped", "bound method", "instance"],
)
def test_whatever_can_be_called_can_be_a_stage(function):
    """Partials, wrapped functions, bound methods and callable instances are functions."""
    Mnist = mnist()

    class Called(Mnist):
        model = swap(Mnist.model, function)

    assert bound(Called)["model"].function is function
    assert set(bound(Called)["model"].wires) >= {"X", "y"}
