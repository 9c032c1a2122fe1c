"""The pipeline in plain doit: what a stage depends on is listed, the modules with its code too."""

import json
from pathlib import Path

import numpy as np
from doit.tools import config_changed
from work import descended, weights
from work.error import error
from work.examples import examples
from work.features import features
from work.scaled import scaled

DOIT_CONFIG = {"default_tasks": ["error:a"]}
RIDGE = json.loads(Path("params.json").read_text())["ridge"]


def run(function, inputs, output, **params):
    """Load, call, save."""
    arguments = [np.load(path) if path.startswith("build/") else path for path in inputs]
    made = function(*arguments, **params)
    Path("build").mkdir(exist_ok=True)
    if output.endswith(".json"):
        Path(output).write_text(json.dumps(made))
    else:
        np.save(output, made)


def task(function, inputs, output, code, **params):
    return {
        "actions": [(run, [function, inputs, output], params)],
        "file_dep": [*inputs, *code],
        "targets": [output],
        "uptodate": [config_changed({name: repr(value) for name, value in params.items()})],
    }


def task_examples():
    return task(examples, ["data/numbers.npy"], "build/examples.npy", ["work/examples.py"])


def task_scaled():
    code = ["work/scaled.py", "work/scaling.py"]
    return task(scaled, ["build/examples.npy"], "build/scaled.npy", code)


def task_features():
    code = ["work/features.py", "work/settings.py"]
    return task(features, ["build/scaled.npy"], "build/features.npy", code)


def task_weights():
    variants = {
        "a": (weights.weights, ["work/weights.py", "work/solver.py"]),
        "b": (descended.weights, ["work/descended.py"]),
    }
    for name, (function, code) in variants.items():
        yield {"name": name, **task(function, ["build/features.npy"], f"build/weights_{name}.npy", code, ridge=RIDGE)}


def task_error():
    for name in "ab":
        inputs = [f"build/weights_{name}.npy", "build/features.npy"]
        yield {"name": name, **task(error, inputs, f"build/error_{name}.json", ["work/error.py"])}
