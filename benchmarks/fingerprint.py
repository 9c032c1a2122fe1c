"""What a fingerprint costs, on about a hundred files of scikit-learn as if they were the project.

Cold, warm and after one edit, beside what others take of the same function: its source text (joblib, and a digest of
``inspect.getsource``), or its pickle by cloudpickle. Before that, the four stages of a variant of this repository's
own pipeline. Run: ``python benchmarks/fingerprint.py``
"""

import hashlib
import inspect
import json
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kept.digest import Memo
from kept.fingerprint import fingerprint

PACKAGES = ("linear_model", "ensemble", "tree", "metrics", "preprocessing", "model_selection", "utils")
FILES = 100
STAGES = """from skl.linear_model._logistic import LogisticRegression
def train(X, y): return LogisticRegression().fit(X, y)
"""

TOP = Path(__file__).resolve().parents[1]
VARIANT = ("data:import_mnist", "data:normalize", "sklearn_model:train", "sklearn_model:evaluate")
OWN = """import sqlite3, sys, time  # SQLite is loaded by whatever asks the memory first
from kept.digest import Memo
from kept.fingerprint import fingerprint
root, where, *functions = sys.argv[1:]
def made():
    start = time.process_time()
    memo = Memo(where)
    for one in functions:
        fingerprint("stages." + one, root=root, memo=memo)
    memo.close()
    return (time.process_time() - start) * 1000
print(made(), sorted(made() for _ in range(21))[10])
"""


def own(memory):
    """Time the fingerprints of a variant's stages, opening the memory included: first in a process, and again."""
    command = [sys.executable, "-c", OWN, TOP, memory / "own.db", *VARIANT]
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    runs = []
    for _ in range(9):
        out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        runs.append([float(word) for word in out.split()])
    return [statistics.median(column) for column in zip(*runs[1:], strict=True)]


def copied(root):
    """Copy scikit-learn's sources under another name; return how many files and lines there are."""
    import sklearn

    source = Path(sklearn.__file__).parent
    files = [
        *sorted(source.glob("*.py")),
        *(file for name in PACKAGES for file in sorted((source / name).glob("*.py"))),
    ]
    lines = 0
    for file in files[:FILES]:
        text = file.read_text().replace("from sklearn", "from skl").replace("import sklearn", "import skl")
        target = root / "skl" / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        lines += text.count("\n")
    (root / "stages.py").write_text(STAGES)
    return min(len(files), FILES), lines


def timed(work, repeat=1):
    """Return the shortest of several runs, in milliseconds, and the last result."""
    best, result = float("inf"), None
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        best = min(best, (time.perf_counter() - start) * 1000)
    return best, result


def others():
    """Time what other tools take of an imported function, the import apart."""
    import cloudpickle
    from joblib.func_inspect import get_func_code
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression.fit
    return {
        "joblib.func_inspect": timed(lambda: get_func_code(fit), 5)[0],
        "getsource + sha256": timed(lambda: hashlib.sha256(inspect.getsource(fit).encode()).hexdigest(), 5)[0],
        "cloudpickle.dumps": timed(lambda: cloudpickle.dumps(fit, pickle.HIGHEST_PROTOCOL), 5)[0],
    }


def import_cost():
    """Time the import that all others need first, in a fresh process."""
    code = "import time; t = time.perf_counter(); import sklearn.linear_model; print((time.perf_counter() - t) * 1000)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def ours(root, memory):
    """Time our own fingerprint: cold, warm, after an edit of one file."""
    memo = Memo(memory / "memo.db")

    def made():
        return fingerprint("stages:train", root=root, memo=memo)

    cold, found = timed(made)
    time.sleep(2.1)  # younger files are not trusted by their times
    made()
    warm, again = timed(made, 20)
    assert again == found
    edited = root / "skl" / "linear_model" / "_base.py"
    edited.write_text(edited.read_text() + "\nNEW = 1\n")
    one, _ = timed(made)
    return {"cold": cold, "warm": warm, "one edit": one}, found


def main():
    """Print a table, and the same as JSON on the last line."""
    folder = Path(tempfile.mkdtemp())
    try:
        first, again = own(folder)
        print(
            f"four stages of a variant of MNIST, nothing changed: {first:.2f} ms in a new process, {again:.2f} ms again"
        )
        root = folder / "project"
        count, lines = copied(root)
        sys.path.insert(0, str(root))
        times, found = ours(root, folder)
        print(f"{count} files, {lines} lines; {len(found.files)} in the closure, {len(found.parts)} parts")
        rows = {**{f"kept, {name}": value for name, value in times.items()}, **others()}
        imported = import_cost()
        for name, value in rows.items():
            extra = "" if name.startswith("kept") else f"  (after an import of {imported:.0f} ms)"
            print(f"{name:<22} {value:10.2f} ms  x{value / times['warm']:8.1f} of warm{extra}")
        print(json.dumps({**rows, "import": imported}))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
