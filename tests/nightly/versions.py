"""Let every Python on this machine read what every other has stored.

``python -m tests.nightly versions [python ...]``; without arguments, every python3.11 to 3.13 that is found.
"""

import itertools
import json
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


def said(python: str, what: str, top: Path) -> object:
    """Run one half of the exchange."""
    command = [python, "-I", "-c", PROGRAM, str(TOP), what, str(top)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(pythons: list[str]) -> int:
    """Exchange stores in all directions; return the number of pairs that disagree."""
    names = pythons or [f"python3.{minor}" for minor in (11, 12, 13)]
    found = [path for path in map(shutil.which, names) if path]
    wrong = 0
    for writer, reader in itertools.product([*dict.fromkeys([sys.executable, *found])], repeat=2):
        with tempfile.TemporaryDirectory() as top:
            try:
                wrong += said(writer, "write", Path(top)) != said(reader, "read", Path(top))
            except subprocess.CalledProcessError as problem:
                wrong += 1
                print(f"{writer} to {reader}: {problem.stderr[-500:]}")
    print(f"versions: {len(found) + 1} Pythons, {wrong} pairs disagree")
    return min(wrong, 1)
