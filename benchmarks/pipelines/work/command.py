"""The stages as commands, for tools that run commands: ``python -m work.command scaled EXAMPLES SCALED``."""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    module, *inputs, output = sys.argv[1:]
    function = getattr(import_module(f"work.{module}"), "weights" if module == "descended" else module)
    arguments = inputs if module == "examples" else [np.load(path) for path in inputs if path.endswith(".npy")]
    params = json.loads(Path("params.json").read_text()) if function.__name__ == "weights" else {}
    made = function(*arguments, **params)
    Path(output).parent.mkdir(exist_ok=True)
    if output.endswith(".json"):
        Path(output).write_text(json.dumps(made))
    else:
        np.save(output, made)
