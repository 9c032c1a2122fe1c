"""The pipeline in pytask: values in a catalog, the module of a stage as a dependency; LISTED adds what it calls."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pytask import DataCatalog, Product, PythonNode, task
from work import descended, weights
from work.error import error
from work.examples import examples
from work.features import features
from work.scaled import scaled

catalog = DataCatalog()
here = Path(__file__).parent
RIDGE = json.loads((here / "params.json").read_text())["ridge"]


def code(own, *called):
    """Return the files of code that a stage depends on."""
    return [here / "work" / f"{name}.py" for name in ([own, *called] if "LISTED" in os.environ else [own])]


@task
def task_examples(
    path: Path = here / "data" / "numbers.npy", modules: list[Path] = code("examples")
) -> Annotated[np.ndarray, catalog["examples"]]:
    return examples(str(path))


@task
def task_scaled(
    examples: Annotated[np.ndarray, catalog["examples"]], modules: list[Path] = code("scaled", "scaling")
) -> Annotated[np.ndarray, catalog["scaled"]]:
    return scaled(examples)


@task
def task_features(
    scaled: Annotated[np.ndarray, catalog["scaled"]], modules: list[Path] = code("features", "settings")
) -> Annotated[np.ndarray, catalog["features"]]:
    return features(scaled)


VARIANTS = {"a": (weights.weights, code("weights", "solver")), "b": (descended.weights, code("descended"))}
for name, (function, files) in VARIANTS.items():

    @task(id=name)
    def task_weights(
        features: Annotated[np.ndarray, catalog["features"]],
        ridge: Annotated[float, PythonNode(value=RIDGE, hash=True)],
        learn: Any = function,
        modules: list[Path] = files,
    ) -> Annotated[np.ndarray, catalog[f"weights_{name}"]]:
        return learn(features, ridge)

    @task(id=name)
    def task_error(
        weights: Annotated[np.ndarray, catalog[f"weights_{name}"]],
        features: Annotated[np.ndarray, catalog["features"]],
        modules: list[Path] = code("error"),
        result: Annotated[Path, Product] = here / f"error_{name}.json",
    ) -> None:
        result.write_text(json.dumps(error(weights, features)))
