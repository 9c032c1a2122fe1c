"""The pipeline in kept: a class, and a variant of it."""

import json
from pathlib import Path

from work import descended, weights
from work.error import error
from work.examples import examples
from work.features import features
from work.scaled import scaled

from kept import Pipeline, stage, swap

ridge = json.loads(Path("params.json").read_text())["ridge"]


class A(Pipeline):
    """Learns by solving."""

    examples = stage(examples, Path("data/numbers.npy"))
    scaled = stage(scaled, examples)
    features = stage(features, scaled)
    weights = stage(weights.weights, features, ridge=ridge)
    error = stage(error, weights, features)


class B(A):
    """Learns by descending."""

    weights = swap(A.weights, descended.weights, ridge=ridge)
