"""The pipeline with joblib.Memory: a script, whose functions are remembered by code and arguments."""

import hashlib
import json
import sys
from pathlib import Path

from joblib import Memory
from work import descended, examples, weights
from work.error import error
from work.features import features
from work.scaled import scaled

memory = Memory(".cache", verbose=0)


@memory.cache(ignore=["path"])
def read(path, digest):
    return examples.examples(path)


if __name__ == "__main__":
    variant = sys.argv[1]
    path = Path("data/numbers.npy")
    ridge = json.loads(Path("params.json").read_text())["ridge"]
    learn = {"a": weights.weights, "b": descended.weights}[variant]
    table = read(str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    table = memory.cache(features)(memory.cache(scaled)(table))
    made = memory.cache(error)(memory.cache(learn)(table, ridge), table)
    Path(f"error_{variant}.json").write_text(json.dumps(made))
