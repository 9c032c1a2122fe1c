"""The pipeline in Hamilton: functions whose parameters name what they need; a variant is another module."""

import hashlib
import json
import sys
from pathlib import Path

import source
from hamilton import driver
from work import descended, error, features, scaled, weights

if __name__ == "__main__":
    variant = sys.argv[1]
    path = Path("data/numbers.npy")
    inputs = {
        "path": str(path),
        "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
        "ridge": json.loads(Path("params.json").read_text())["ridge"],
    }
    learn = {"a": weights, "b": descended}[variant]
    built = driver.Builder().with_modules(source, scaled, features, learn, error).with_cache().build()
    made = built.execute(["error"], inputs=inputs)["error"]
    Path(f"error_{variant}.json").write_text(json.dumps(made))
