"""Measures the pipeline of this repository: nothing to do, listing, explaining, one stage edited."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks import measuring
from benchmarks.measuring import Trial, interleaved, output, program, run, settled
from benchmarks.table import Row, difference, failed, ratio

ROOT = Path(__file__).parents[1]
TARGET = "mnist_sklearn"
OVERHEAD = 0.3  # seconds beside the stage itself
# Threads of BLAS wait for each other by turning round: what that takes is as long as the machine is busy.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
HEAVY = ("numpy", "pandas", "sklearn", "scipy", "skops", "joblib", "tensorflow", "keras", "torch", "polars", "pyarrow")

# The same tasks as a user of plain doit writes them; it is only listed, never run.
PLAIN = '''"""The tasks of MNIST in plain doit."""

from stages import sklearn_model, tf_model
from stages.config import TrainerConfig
from stages.data import import_mnist, normalize

OUT = "artifacts/"
DATA = ["stages/data.py"]
MODELS = {"mnist_tf": (tf_model, TrainerConfig(epochs=1)), "mnist_sklearn": (sklearn_model, TrainerConfig())}


def subtask(name, function, inputs, outputs, doc, **params):
    return {
        "name": name,
        "doc": doc,
        "actions": [(function, [], params)],
        "file_dep": inputs,
        "targets": [OUT + path for path in outputs],
    }


def task_mnist():
    """MNIST digits, imported and scaled."""
    digits = ["mnist/digits/" + name + ".npy" for name in ("X_train", "y_train", "X_test", "y_test")]
    scaled = ["mnist/scaled/" + name + ".npy" for name in ("X_train", "X_test")]
    yield subtask("digits", import_mnist, [*DATA, "data/mnist.npz"], digits, "Read the digits.")
    yield subtask("scaled", normalize, [*DATA, OUT + digits[0], OUT + digits[2]], scaled, "Scale images.")


def variant(name):
    module, config = MODELS[name]
    source = module.__name__.replace(".", "/") + ".py"
    images, labels = OUT + "mnist/scaled/X_", OUT + "mnist/digits/y_"
    model, accuracy = name + "/model.bin", name + "/accuracy.json"
    inputs = [source, images + "train.npy", labels + "train.npy"]
    yield subtask("model", module.train, inputs, [model], "Train.", config=config)
    inputs = [source, OUT + model, images + "test.npy", labels + "test.npy"]
    yield subtask("accuracy", module.evaluate, inputs, [accuracy], "Evaluate.")


def task_mnist_tf():
    """A small neural network in TensorFlow."""
    yield from variant("mnist_tf")


def task_mnist_sklearn():
    """Logistic regression in scikit-learn: same pipeline, other functions."""
    yield from variant("mnist_sklearn")


def task_mnist_predictions():
    """What each model takes the test digits for."""
    for name, (module, _) in MODELS.items():
        inputs = [OUT + name + "/model.bin", OUT + "mnist/scaled/X_test.npy"]
        yield subtask(name[6:], module.predict, inputs, ["mnist_predictions/" + name[6:] + ".npy"], "Predict.")


def task_report():
    """Compare the variants."""
    inputs = [OUT + name + "/accuracy.json" for name in MODELS]
    return {"actions": ["cat %(dependencies)s"], "file_dep": inputs, "targets": [OUT + "report.txt"]}
'''

# What each edited stage costs without any tool: read the inputs, call, write the outputs.
CALLS = {
    "normalize": """
import numpy as np
from stages.data import normalize
digits = "artifacts/mnist/digits/"
made = normalize(*(np.load(digits + name + ".npy", mmap_mode="r") for name in ("X_train", "X_test")))
for name, array in made._asdict().items():
    np.save("called_" + name + ".npy", array)
""",
    "evaluate": """
import json
import numpy as np
import skops.io
from stages.sklearn_model import evaluate
path = "artifacts/mnist_sklearn/model.skops"
model = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
images = np.load("artifacts/mnist/scaled/X_test.npy", mmap_mode="r")
made = evaluate(model, images, np.load("artifacts/mnist/digits/y_test.npy"))
with open("called.json", "w") as file:
    json.dump(made, file)
""",
}
# Each edit changes the code and, in normalize, no byte of the result: nothing after it runs.
EDITS = {
    "normalize": ("stages/data.py", "np.divide(X_train, 255,", "np.divide(X_train, 255 + 0 * {count},"),
    "evaluate": ("stages/sklearn_model.py", "== y).mean())", "== y).mean()) + {count} * 1e-9"),
}
# Notes in a file which of these names a process imports, whether or not it captures its output or ends by itself.
WATCH = """
import os, sys
from importlib.machinery import PathFinder

class Watch:
    file = os.open(os.environ["IMPORTED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    heavy = set({heavy!r})

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in cls.heavy and PathFinder.find_spec(name) is not None:
            cls.heavy.discard(name)
            os.write(cls.file, (name + "\\n").encode())

sys.meta_path.insert(0, Watch)
"""


def project(folder: Path, images: int | None) -> Path:
    """Copy the pipeline to a new folder, with the first so many images, or all of them."""
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dodo.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "data").mkdir()
    if images is None:
        shutil.copy(ROOT / "data" / "mnist.npz", folder / "data")
    else:
        import numpy as np

        with np.load(ROOT / "data" / "mnist.npz") as archive:
            np.savez(folder / "data" / "mnist.npz", **{name: archive[name][:images] for name in archive.files})
    return folder


def rows(
    folder: Path, rounds: int, *, images: int | None = None, edits: Iterable[str] = ("normalize", "evaluate")
) -> Iterator[Row]:
    """Measure all lines of the table that speak of MNIST."""
    here = project(folder / "mnist", images)
    plain = folder / "plain_mnist"
    shutil.copytree(here / "stages", plain / "stages")
    (plain / "dodo.py").write_text(PLAIN)
    shutil.copy(here / "pyproject.toml", plain)  # doit reads it whenever there is one
    empty = folder / "empty"
    empty.mkdir()
    (empty / "dodo.py").write_text("")
    doit, kept = program("doit"), program("kept")
    output([*doit, TARGET], here)
    trials: dict[str, Trial] = {
        "empty": lambda: run(doit, empty),
        "doit": lambda: run([*doit, TARGET], here),
        "python": lambda: run([sys.executable, "-c", "pass"], here),
        "kept": lambda: run([*kept, TARGET], here),
        "plain list": lambda: run([*doit, "list"], plain),
        "list": lambda: run([*doit, "list"], here),
        "why": lambda: run([*doit, "why", TARGET], here),
        "why all": lambda: run([*doit, "why"], here, codes=(0, 1)),  # 1: something would be built
    }
    took = settled(trials, 3 * rounds)
    yield ratio(f"MNIST, nothing to do: `doit {TARGET}`", 1.15, took["doit"], took["empty"], "`doit`, empty dodo.py")
    yield ratio(f"MNIST, nothing to do: `kept {TARGET}`", 2, took["kept"], took["python"], "`python -c pass`")
    listed = "plain doit's list of the same tasks"
    yield ratio("MNIST: `doit list`", 1.3, took["list"], took["plain list"], listed)
    yield ratio(f"MNIST: `doit why {TARGET}`, up to date", 1.3, took["why"], took["plain list"], listed)
    yield ratio("MNIST: `doit why`, half never built", 1.3, took["why all"], took["plain list"], listed)
    for name in edits:
        yield from _edited(here, name, rounds)


def _edited(here: Path, name: str, rounds: int) -> Iterator[Row]:
    """Edit a stage again and again; say what the run costs beside the stage, and what it imports needlessly."""
    file, old, new = EDITS[name]
    path, counts = here / file, iter(range(1, 1000))
    text = path.read_text()
    command = [*program("doit"), TARGET]
    called = here / f"call_{name}.py"
    called.write_text("import sys\nsys.path.insert(0, '.')\n" + CALLS[name])

    def edit() -> None:
        assert old in text, f"{file} does not hold {old}"
        path.write_text(text.replace(old, new.format(count=next(counts))))

    def rerun() -> Trial:
        edit()
        return run(command, here, more=ONE_THREAD)

    try:
        edit()
        told = output(command, here)
        if "1 built" not in told:
            raise RuntimeError(told)
        costs = interleaved(
            {"ours": rerun, "call": lambda: run([sys.executable, str(called)], here, more=ONE_THREAD)}, rounds
        )
        work = f"MNIST, `{name}` edited: beside the stage"
        yield difference(work, OVERHEAD, costs["ours"], costs["call"], "loading, calling, saving")
        edit()
        ours, needed = _imported(command, here), _imported([sys.executable, str(called)], here)
        more = sorted(ours - needed)
        what = f"run: {', '.join(sorted(ours)) or 'none'}; stage: {', '.join(sorted(needed)) or 'none'}"
        work = f"MNIST, `{name}` edited: heavy imports needless to it"
        yield Row(work, "none", ", ".join(more) or "none", not more, "", what)
    except RuntimeError as problem:
        yield failed(f"MNIST, `{name}` edited", "", str(problem))
    path.write_text(text)


def _imported(command: list[str], here: Path) -> set[str]:
    """Return which heavy libraries a command imports, in any of its processes."""
    watch = here.parent / "watch"
    watch.mkdir(exist_ok=True)
    (watch / "sitecustomize.py").write_text(WATCH.format(heavy=HEAVY))
    noted = here.parent / "imported"
    noted.write_text("")
    more: Mapping[str, str] = {"IMPORTED": str(noted), "PYTHONPATH": f"{watch}:{measuring.TREE}"}
    run(command, here, more=more)
    return set(noted.read_text().split())
