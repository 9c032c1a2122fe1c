"""The pipeline without any tool: what the right result is."""

import json
import sys

from work import descended, weights
from work.error import error
from work.examples import examples
from work.features import features
from work.scaled import scaled

if __name__ == "__main__":
    learn = {"a": weights.weights, "b": descended.weights}[sys.argv[1]]
    with open("params.json") as file:
        ridge = json.load(file)["ridge"]
    table = features(scaled(examples("data/numbers.npy")))
    print(json.dumps(error(learn(table, ridge), table)))
