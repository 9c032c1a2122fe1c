"""Let every Python on this machine read what every other has stored, in every format that both have.

``python -m tests.nightly versions [python ...]``; without arguments, every python3.11 to 3.13 that is found. To compare
versions of libraries, name the Pythons of two environments.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).parent.parent.parent
PROGRAM = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from kept.digest import Digest, digest_value
from kept.store import Store
top = Path(sys.argv[3])
store, key = Store(top / "store"), digest_value(("key", 1, 2.5, None, {"a": {1, 2}}))
record = {"seconds": 0.1 + 0.2, "name": "M\\u00fcller", "path": os.fsdecode(b"d\\xff"), "many": list(range(50))}
if sys.argv[2] == "write":
    (top / "folder" / "deep").mkdir(parents=True)
    (top / "folder" / "deep" / "file").write_bytes(b"content" * 1000)
    tree = store.put(top / "folder")
    store.publish(key, record | {"outputs": [{"digest": tree.hex, "size": tree.size, "tree": True}]})
found = store.lookup(key)
tree = Digest(found["outputs"][0]["digest"], found["outputs"][0]["size"])
store.restore(tree, top / "out", tree=True)
assert (top / "out" / "deep" / "file").read_bytes() == b"content" * 1000
assert {name: found[name] for name in record} == record
assert store.verify().findings == () and store.warnings == []
print(json.dumps([key, tree.hex]))
"""


# Writes a value in each format whose library is there, or reads each back: name → "as it was", or the named error.
VALUES = """
import json, sys, warnings
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from kept import errors, formats
from kept.store import Store
top, made, told = Path(sys.argv[3]), {}, {}
def npy():
    import numpy as np
    return np.arange(12.0).reshape(3, 4), np.array_equal
def table():
    import pandas as pd, pyarrow
    return pd.DataFrame({"a": range(3), "b": list("xyz"), "c": [0.5, None, 2]}), pd.DataFrame.equals
def estimator():
    import numpy as np, skops
    from sklearn.linear_model import LogisticRegression
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    return LogisticRegression().fit(x, y), lambda a, b: np.allclose(a.coef_, b.coef_)
plain = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
kinds = {"json": lambda: (plain, dict.__eq__), "npy": npy, "parquet": table, "skops": estimator,
         "pkl": lambda: ({("a", 1): {1, 2, 3}}, dict.__eq__)}
store = Store(top / "store")
place = top / "digests.json"
known = json.loads(place.read_text()) if sys.argv[2] == "read" else {}
for name, kind in kinds.items():
    try:
        value, same = kind()
    except ImportError:
        continue
    if sys.argv[2] == "write":
        with store.workshop() as shop:
            formats.save(value, formats.named(name), shop / "v")
            digest = store.put(shop / "v")
        known[name] = [digest.hex, digest.size]
    elif name in known:
        from kept.digest import Digest
        try:
            with warnings.catch_warnings(record=True):
                warnings.simplefilter("always")
                back = formats.load(name, store.path(Digest(*known[name])))
            told[name] = "as it was" if same(value, back) else "WRONG"
        except errors.KeptError as problem:
            told[name] = "refused: " + problem.what
place.write_text(json.dumps(known))
print(json.dumps(told))
"""


def answering(name: str) -> str | None:
    """Find a Python that answers, on the path or among those of pyenv, whose own command may refuse."""
    version = name.removeprefix("python")
    homes = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python")
    places = [shutil.which(name), *map(str, sorted(homes))]
    return next((place for place in places if place and _answers(place, "")), None)


def _answers(python: str, program: str) -> bool:
    return subprocess.run([python, "-I", "-c", program], check=False, capture_output=True).returncode == 0


def said(python: str, what: str, top: Path, program: str = PROGRAM) -> object:
    """Run one half of the exchange."""
    command = [python, "-I", "-c", program, str(TOP), what, str(top)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def values(pythons: list[str]) -> int:
    """Exchange values of every format; return how many came back wrong."""
    wrong, usable = 0, [python for python in pythons if _answers(python, "import numpy, cloudpickle")]
    for writer, reader in itertools.product(usable, repeat=2):
        with tempfile.TemporaryDirectory() as top:
            said(writer, "write", Path(top), VALUES)
            told = said(reader, "read", Path(top), VALUES)
        wrong += sum(text == "WRONG" for text in told.values())
        print(f"{writer} to {reader}: {', '.join(f'{name} {text}' for name, text in told.items())}")
    return wrong


def main(pythons: list[str]) -> int:
    """Exchange stores in all directions; return the number of pairs that disagree."""
    names = pythons or [f"python3.{minor}" for minor in (11, 12, 13)]
    wrong, found = 0, [*dict.fromkeys([sys.executable, *(path for path in map(answering, names) if path)])]
    for writer, reader in itertools.product(found, repeat=2):
        with tempfile.TemporaryDirectory() as top:
            try:
                wrong += said(writer, "write", Path(top)) != said(reader, "read", Path(top))
            except subprocess.CalledProcessError as problem:
                wrong += 1
                print(f"{writer} to {reader}: {problem.stderr[-500:]}")
    print(f"versions: {len(found)} Pythons, {wrong} pairs disagree")
    return min(wrong + values(found), 1)
