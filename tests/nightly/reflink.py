"""Restore by sharing blocks on a file system that can: xfs, in a file of its own.

``python -m tests.nightly reflink``; needs root, loop devices and mkfs.xfs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).parent.parent.parent
PROGRAM = """
import os, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np
from kept import formats
from kept.store import Store
top = sys.argv[2]
store = Store(top + "/store")
with store.workshop() as shop:
    saved = formats.save(np.random.default_rng(0).random(40_000_000), formats.named("npy"), shop / "a.npy")
    digest = store.put(shop / "a.npy", (saved.written.stat, saved.written.digest))
before, began = os.statvfs(top).f_bfree, time.perf_counter()
store.restore(digest, top + "/artifacts/a.npy")
took, used = time.perf_counter() - began, (before - os.statvfs(top).f_bfree) * os.statvfs(top).f_frsize
assert not os.path.samefile(store.path(digest), top + "/artifacts/a.npy")
assert used < digest.size / 10, used
with open(top + "/artifacts/a.npy", "r+b") as file:  # written in place, it harms no blob
    file.seek(-1, 2)
    file.write(b"!")
assert Store(store.root).verify().findings == ()
os.unlink(top + "/artifacts/a.npy")
store.restore(digest, top + "/artifacts/a.npy")
print(f"reflink: {digest.size / 1e6:.0f} MB restored in {took * 1000:.1f} ms, {used:,} bytes of disk")
"""


def main() -> int:
    """Try it once; return 1 if blocks are not shared."""
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        print("reflink: skipped, it needs root and mkfs.xfs")
        return 0
    if "KEPT_UNSHARED" not in os.environ:
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "tests.nightly", "reflink"]
        return subprocess.run(command, cwd=TOP, check=False, env={**os.environ, "KEPT_UNSHARED": "1"}).returncode
    with tempfile.TemporaryDirectory() as folder:
        image, mount = Path(folder) / "xfs", Path(folder) / "mount"
        mount.mkdir()
        with open(image, "wb") as file:
            file.truncate(2 << 30)
        subprocess.run(["mkfs.xfs", "-q", str(image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
        try:
            command = [sys.executable, "-I", "-c", PROGRAM, str(TOP), str(mount)]
            return subprocess.run(command, check=False).returncode
        finally:
            subprocess.run(["umount", str(mount)], check=True)
