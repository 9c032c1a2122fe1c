"""The pipeline in redun: functions as tasks; LISTED names what they call in hash_includes."""

import json
import os

from redun import File, task
from work import descended, weights
from work.error import error
from work.examples import examples
from work.features import features
from work.scaled import scaled
from work.scaling import rescale
from work.settings import POWER
from work.solver import Solver

redun_namespace = "five"


def called(*values):
    """Return what a task takes into its hash beside its own code."""
    return list(values) if "LISTED" in os.environ else []


scaled = task(name="scaled", namespace="five", hash_includes=called(rescale))(scaled)
features = task(name="features", namespace="five", hash_includes=called(POWER))(features)
solved = task(name="weights_a", namespace="five", hash_includes=called(Solver.solve))(weights.weights)
descended = task(name="weights_b", namespace="five")(descended.weights)
error = task(name="error", namespace="five")(error)


@task()
def read(file: File):
    return examples(file.path)


@task()
def write(value: float, path: str) -> File:
    file = File(path)
    file.write(json.dumps(value))
    return file


@task()
def main(variant: str, ridge: float) -> File:
    table = features(scaled(read(File("data/numbers.npy"))))
    learn = {"a": solved, "b": descended}[variant]
    return write(error(learn(table, ridge), table), f"error_{variant}.json")
