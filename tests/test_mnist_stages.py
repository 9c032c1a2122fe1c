"""The stages of the MNIST pipeline, called as the plain functions they are."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from stages import sklearn_model, tf_model
from stages.config import TrainerConfig
from stages.data import import_mnist, normalize

ROOT = Path(__file__).parents[1]
Digits = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def wants(*libraries: str) -> list[pytest.MarkDecorator]:
    """Skip a test where a library is not installed, without importing it."""
    absent = [library for library in libraries if importlib.util.find_spec(library) is None]
    return [pytest.mark.skipif(bool(absent), reason=f"needs {', '.join(absent)}")]


VARIANTS = [
    pytest.param(sklearn_model, id="sklearn", marks=wants("sklearn")),
    pytest.param(tf_model, id="tf", marks=wants("tensorflow")),
]


@pytest.fixture(scope="module")
def digits() -> Digits:
    """Scale all digits; read-only, as a stage gets them from the store."""
    mnist = import_mnist(ROOT / "data" / "mnist.npz")
    scaled = normalize(mnist.X_train, mnist.X_test)
    whole = (scaled.X_train, mnist.y_train, scaled.X_test, mnist.y_test)
    for array in whole:
        array.flags.writeable = False
    return whole


@pytest.fixture(scope="module")
def few(digits: Digits) -> Digits:
    """Take the first 1000 digits to train on and 500 to test with."""
    X, y, X_test, y_test = digits
    return X[:1000], y[:1000], X_test[:500], y_test[:500]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_learns_from_a_few_digits(variant, few: Digits):
    """A thousand digits are enough for most of the others; accuracy is a plain float, so JSON can hold it."""
    X, y, X_test, y_test = few
    accuracy = variant.evaluate(variant.train(X, y, TrainerConfig()), X_test, y_test)
    assert type(accuracy) is float
    assert 0.7 < accuracy < 0.95


@pytest.mark.parametrize("variant", VARIANTS)
def test_predictions_are_digits_and_make_the_accuracy(variant, few: Digits):
    """One digit for each image, of the type of the labels; the accuracy is the share of those that are right."""
    X, y, X_test, y_test = few
    model = variant.train(X, y, TrainerConfig())
    predictions = variant.predict(model, X_test)
    assert (predictions.dtype, predictions.shape) == (y_test.dtype, y_test.shape)
    assert variant.evaluate(model, X_test, y_test) == (predictions == y_test).mean()


def bits(model) -> list[bytes]:
    """Give the bytes of all that a model has learned."""
    arrays = model.get_weights() if hasattr(model, "get_weights") else [model.coef_, model.intercept_]
    return [np.asarray(array).tobytes() for array in arrays]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_seed_decides_the_model(variant, few: Digits):
    """One configuration gives the same bits again, later in the same process too; another seed gives others."""
    X, y = few[:2]
    config = TrainerConfig(epochs=10, seed=3)
    first, again, other = (bits(variant.train(X, y, c)) for c in (config, config, replace(config, seed=4)))
    assert first == again
    assert first != other


@pytest.mark.filterwarnings("ignore:The max_iter was reached")  # as it should be here
@pytest.mark.parametrize("variant", VARIANTS)
def test_epochs_are_used(variant, few: Digits):
    """Two passes over the data give another model than one."""
    X, y = few[:2]
    one, two = (variant.train(X, y, TrainerConfig(epochs=epochs)) for epochs in (1, 2))
    assert bits(one) != bits(two)


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_the_learning_rate_is_used(variant, few: Digits):
    """A network that may take larger steps ends elsewhere."""
    X, y = few[:2]
    slow, fast = (variant.train(X, y, TrainerConfig(epochs=1, lr=lr)) for lr in (0.001, 0.01))
    assert bits(slow) != bits(fast)
    assert slow.get_config() == fast.get_config(), "names count up"


@pytest.mark.parametrize("variant", VARIANTS)
def test_evaluate_wants_a_model_of_its_library(variant, few: Digits):
    """What another library trained is refused by name, where mypy cannot see the difference."""

    class Stranger:
        def predict(self, images: np.ndarray, /) -> np.ndarray:
            return images

    with pytest.raises(TypeError, match="wanted, not Stranger"):
        variant.evaluate(Stranger(), few[2], few[3])


def test_a_configuration_cannot_be_changed():
    """It is part of what decides a model, so it stays what it was when the pipeline was declared."""
    with pytest.raises(FrozenInstanceError):
        TrainerConfig().epochs = 2  # type: ignore[misc]  # the error is what is tested


def test_stages_do_not_know_the_engine():
    """No file of stages/ imports kept, so its functions can be used, tested and moved without it."""
    files = sorted((ROOT / "stages").glob("*.py"))
    trees = {file.name: ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for file in files}
    names = {
        (file, alias if isinstance(node, ast.Import) else node.module)
        for file, nodes in trees.items()
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in [name.name for name in node.names]
    }
    assert files
    assert {(file, name) for file, name in names if name and name.split(".")[0] == "kept"} == set()


def test_importing_the_stages_imports_no_library():
    """`doit list` imports them all, and must not wait for TensorFlow, scikit-learn or NumPy."""
    code = (
        "import sys; from stages import config, data, model, sklearn_model, tf_model;"
        "print([name for name in ('numpy', 'sklearn', 'tensorflow', 'keras') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "config", "low", "high"),
    [
        pytest.param(*VARIANTS[0].values, TrainerConfig(), 0.92, 0.93, id="sklearn", marks=VARIANTS[0].marks),
        pytest.param(*VARIANTS[1].values, TrainerConfig(epochs=1), 0.90, 0.925, id="tf", marks=VARIANTS[1].marks),
    ],
)
def test_accuracy_on_all_digits(variant, config: TrainerConfig, low: float, high: float, digits: Digits):
    """Trained and tested on all of MNIST, both variants reach what the literature says of such models."""
    X, y, X_test, y_test = digits
    assert low <= variant.evaluate(variant.train(X, y, config), X_test, y_test) <= high
