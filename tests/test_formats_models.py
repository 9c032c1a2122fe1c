"""Models come back the same, equal models give equal bytes, and no file makes more than is allowed."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import kept
from kept import errors, formats
from kept.formats import estimators

ROOT = pathlib.Path(kept.__file__).parent.parent


def run(program, folder, seed):
    """Run a program in a fresh process with its own hash seed; return what it printed."""
    environment = os.environ | {
        "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]),
        "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0",
    }  # fmt: skip
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


ESTIMATORS = """
import hashlib, pathlib
import numpy as np
from kept import formats
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4)); y = (X[:, 0] > 0).astype(int)
models = [
    make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y),
    RandomForestClassifier(5, random_state=0).fit(X, y),
    GradientBoostingClassifier(n_estimators=3, random_state=0).fit(X, y),
    HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(X, y),
    SVC().fit(X, y),
    KNeighborsClassifier().fit(X, y),
    CountVectorizer(token_pattern="[a-z]+", stop_words=["a", "the"]).fit(["the cat", "a dog"]),
    make_column_transformer((OneHotEncoder(), [0]), (StandardScaler(), [1])).fit([["a", 1], ["b", 2]]),
]
for number, model in enumerate(models):
    path, saved = formats.save_by_value(model, pathlib.Path(f"{number}"))
    print(saved.format, saved.kind, hashlib.sha256(path.read_bytes()).hexdigest())
"""


def test_an_estimator_has_the_same_bytes_in_any_process(tmp_path, monkeypatch):
    """Neither addresses, times, the hash seed nor what lies between fields gets into the file."""
    pytest.importorskip("skops")
    monkeypatch.chdir(tmp_path)
    first, second = (run(ESTIMATORS, tmp_path, seed) for seed in ("1", "2"))
    assert first == second
    assert {line.split()[0] for line in first.splitlines()} == {"skops"}


def data():
    X = np.random.default_rng(0).normal(size=(100, 3))
    return X, (X[:, 0] > 0).astype(int)


def test_plain_skops_reads_our_file(tmp_path):
    """The file is rewritten, yet it stays a file that any tool of that format opens."""
    sio = pytest.importorskip("skops.io")
    from sklearn.linear_model import LogisticRegression

    X, y = data()
    model = LogisticRegression().fit(X, y)
    path, _ = formats.save_by_value(model, tmp_path / "v")
    with zipfile.ZipFile(path) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
    for back in (sio.load(path), formats.load("skops", path)):
        assert np.array_equal(back.predict_proba(X), model.predict_proba(X))


def test_sharing_inside_an_estimator_survives(tmp_path):
    """Addresses are dropped only where nothing shares them."""
    pytest.importorskip("skops")
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    shared = StandardScaler()
    formats.save(Pipeline([("a", shared), ("b", shared)]), formats.named("skops"), tmp_path / "v")
    back = formats.load("skops", tmp_path / "v")
    assert back[0] is back[1]


class Solver(str):
    """A str of somebody's own, which skops would write as a plain one."""

    __slots__ = ()


@pytest.mark.parametrize(
    "params",
    [
        {"max_iter": signal.SIGINT},
        {"solver": Solver("lbfgs")},
        {"class_weight": {0: signal.SIGINT, 1: 1}},
        {"tol": np.ma.array([1, 2], mask=[0, 1], fill_value=9)},
    ],
)
def test_what_skops_would_flatten_is_refused(tmp_path, params):
    """An enum in a parameter is no number: such an estimator is pickled, and comes back as it was."""
    pytest.importorskip("skops")
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(**params)
    with pytest.raises(errors.DoesNotFit, match="would not come back the same"):
        formats.save(model, formats.named("skops"), tmp_path / "v")
    path, saved = formats.save_by_value(model, tmp_path / "w")
    back = formats.load(saved.format, path)
    assert saved.format == "pkl"
    assert repr(back.get_params()) == repr(model.get_params())


def test_numbers_of_numpy_in_an_estimator_stay_so(tmp_path):
    """They are no plain numbers, and skops keeps them."""
    pytest.importorskip("skops")
    from sklearn.linear_model import LogisticRegression

    formats.save(LogisticRegression(C=np.float64(2), max_iter=np.int64(5)), formats.named("skops"), tmp_path / "v")
    back = formats.load("skops", tmp_path / "v")
    assert (type(back.C), type(back.max_iter)) == (np.float64, np.int64)


def test_code_in_an_estimator_is_refused(tmp_path):
    """A function of anybody else's is not of scikit-learn: declared it is told, by value it is pickled."""
    sio = pytest.importorskip("skops.io")
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(errors.DoesNotFit, match=r"posix.system|nt.system"):
        formats.save(FunctionTransformer(os.system), formats.named("skops"), tmp_path / "v")
    assert formats.save_by_value(FunctionTransformer(os.system), tmp_path / "v")[1].format == "pkl"
    sio.dump(FunctionTransformer(os.system), tmp_path / "evil")
    with pytest.raises(errors.KeptError, match="not of scikit-learn"):
        formats.load("skops", tmp_path / "evil")


@pytest.mark.parametrize(
    ("name", "yes"),
    [
        ("sklearn.tree._tree.Tree", True),
        ("sklearn.metrics._classification.accuracy_score", True),
        ("numpy.dtype", True),
        ("sklearn.datasets._base.load_files", False),
        ("sklearn.externals._numpydoc.docscrape.Reader", False),
        ("sklearn.utils._testing.SkipTest", False),
        ("sklearn.base.warnings", False),
        ("sklearn.metrics._base.combinations", False),
        ("sklearn.nowhere.X", False),
        ("numpy.f2py.run_main", False),
        ("posix.system", False),
        ("builtins.eval", False),
        ("stages.model.Mine", False),
    ],
)
def test_the_allow_list(name, yes):
    """Classes that the libraries define themselves, and the functions by which models score; not all below a prefix."""
    pytest.importorskip("sklearn")
    assert estimators.allowed(name) is yes


def test_without_skops(tmp_path, monkeypatch):
    """An optional library: estimators are then pickled by value; where it was declared the message says what to do."""
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(errors.DoesNotFit, match="pip install skops"):
        formats.save(LogisticRegression(), formats.named("skops"), tmp_path / "v", "a/b")
    assert formats.save_by_value(LogisticRegression(), tmp_path / "v")[1].format == "pkl"
    (tmp_path / "w").write_bytes(b"")
    with pytest.raises(errors.KeptError, match="pip install skops") as told:
        formats.load("skops", tmp_path / "w")
    assert not isinstance(told.value, errors.Damaged)


LAYERS = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x

@keras.saving.register_keras_serializable("mine")
def my_loss(truth, found):
    return keras.ops.mean((keras.ops.mean(found, axis=-1) - keras.ops.cast(truth, "float32")) ** 2)
"""

NETWORKS = """
import hashlib, pathlib
import keras, numpy as np
from kept import formats, errors
import layers_of_mine as mine

X = np.random.default_rng(0).normal(size=(64, 4)).astype("f4"); y = (X[:, 0] > 0).astype("i4")

def make(*layers, loss="sparse_categorical_crossentropy"):
    keras.utils.set_random_seed(0)
    formats.fresh_names()
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, "relu"), keras.layers.Dense(2)])
    model.compile("adam", loss=loss)
    model.fit(X, y, verbose=0)
    return model

place = pathlib.Path.cwd()
for name, model in {"plain": make(), "again": make(), "mine": make(mine.Twice(), loss=mine.my_loss)}.items():
    saved = formats.save(model, formats.named("keras"), place / name)
    back = formats.load("keras", place / name)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), back.get_weights(), strict=True))
    assert model.evaluate(X, y, verbose=0) == back.evaluate(X, y, verbose=0)
    print(name, saved.kind, saved.classes, hashlib.sha256((place / name).read_bytes()).hexdigest())
assert (place / "plain").read_bytes() == (place / "again").read_bytes()
(place / "plain").rename(place / "plain.keras")
keras.saving.load_model(place / "plain.keras")

model = make(keras.layers.Lambda(lambda x: x))
try:
    formats.save(model, formats.named("keras"), place / "no")
except errors.DoesNotFit as told:
    assert "register_keras_serializable" in told.hint
print(formats.save_by_value(model, place / "no")[1].format)
print(formats.summary(make()))
data = (place / "mine").read_bytes()
for length in (0, 10, len(data) // 2, len(data) - 10):
    (place / "cut").write_bytes(data[:length])
    try:
        formats.load("keras", place / "cut")
    except errors.Damaged:
        continue
    raise AssertionError(length)
"""


@pytest.mark.slow
def test_a_network_has_the_same_bytes_in_any_process(tmp_path, monkeypatch):
    """Training twice gives one file; plain Keras reads it, with equal weights; its own layers are imported for it."""
    pytest.importorskip("keras")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers_of_mine.py").write_text(LAYERS)
    first, second = (run(NETWORKS, tmp_path, seed) for seed in ("1", "2"))
    assert first == second
    lines = first.splitlines()
    assert "('layers_of_mine:Twice', 'layers_of_mine:my_loss')" in lines[2]
    assert lines[3] == "pkl"
    assert "('dense', 'Dense (?, 3)')" in lines[4]
    elsewhere = (
        "import pathlib\nfrom kept import formats\nprint(formats.load('keras', pathlib.Path('mine')).layers[0].name)"
    )
    assert run(elsewhere, tmp_path, "3").strip() == "twice"
