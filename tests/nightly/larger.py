"""Keep, show and load an array that is larger than the memory its process may have.

``python -m tests.nightly larger [GiB]``, 3 without; as much is written to the temporary folder, twice as much where
blocks or names cannot be shared.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).parent.parent.parent
PROGRAM = """
import json, os, resource, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from kept import formats
from kept.store import Store
top, size = sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_DATA, (size // 8, size // 8))
try:
    np.ones(size // 8)
except MemoryError:
    pass
else:
    raise AssertionError("the limit is none")
array = np.memmap(top + "/sparse", np.float64, "w+", shape=size // 8)
array[-1] = 7.0
store = Store(top + "/store")
with store.workshop() as shop:
    saved = formats.save(array, formats.named("npy"), shop / "a.npy")
    digest = store.put(shop / "a.npy", (saved.written.stat, saved.written.digest))
store.restore(digest, top + "/artifacts/a.npy")
back = formats.load("npy", Store(store.root).path(digest))
shown = np.load(top + "/artifacts/a.npy", mmap_mode="r")
assert (back[-1], shown[-1], back.shape) == (7.0, 7.0, array.shape)
assert float(back[::512].sum()) == 0.0
assert Store(store.root).verify().findings == ()
print(json.dumps([digest.size, resource.getrusage(resource.RUSAGE_SELF).ru_utime]))
"""


def main(gib: float = 3) -> int:
    """Try it once; return 1 if it fails."""
    with tempfile.TemporaryDirectory() as top:
        there = os.statvfs(top)
        size = int(gib * 2**30) // 8 * 8
        if there.f_bavail * there.f_frsize < 4 * size:
            print("larger: skipped, the disk has no room for it")
            return 0
        command = [sys.executable, "-I", "-c", PROGRAM, str(TOP), top, str(size)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"larger: {done.stderr[-2000:]}")
        return 1
    held, seconds = json.loads(done.stdout)
    print(f"larger: {held / 2**30:.1f} GiB with {size / 8 / 2**30:.1f} GiB of memory, {seconds:.1f} s")
    return 0
