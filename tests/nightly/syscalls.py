"""Kill a real process at, and fail, its n-th system call of each kind, with strace.

``python -m tests.nightly syscalls``; needs strace. Unlike the crash test in tests/ this sees what goes past Python's
``os`` as well, and the process really dies.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).parent.parent.parent
CALLS = [
    *("openat", "write", "fsync", "link", "rename", "unlink", "mkdir", "rmdir", "chmod", "utimensat", "ftruncate"),
    *("copy_file_range", "flock", "newfstatat", "getdents64", "read", "lseek", "ioctl", "pwrite64", "close"),
]
ERRORS = {"write": "ENOSPC", "openat": "EMFILE", "fsync": "EIO", "link": "ENOSPC", "mkdir": "ENOSPC", "read": "EIO"}
BEGIN = "/kept-begin"  # looked for, in vain: marks in the trace where the store's work begins
PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(TOP)!r})
from kept import errors
from kept.digest import Digest, digest_bytes
from kept.store import Store, digest_folder
import fcntl, socket
key, one, two = "a" * 64, b"one" * 50000, b"two" * 10
def outputs(*digests):
    return {{"outputs": [{{"name": "o", "digest": d.hex, "size": d.size}} for d in digests]}}
def job(top):
    store = Store(top + "/store")
    with store.lock(key):
        record = store.lookup(key)
        if record is None:
            with store.workshop() as shop:
                (shop / "f").mkdir()
                (shop / "f" / "one").write_bytes(one)
                (shop / "f" / "two").write_bytes(two)
                tree = store.put(shop / "f")
                record = store.publish(key, {{"outputs": [{{"digest": tree.hex, "size": tree.size, "tree": True}}]}})
        output = record["outputs"][0]
        store.restore(Digest(output["digest"], output["size"]), top + "/target", tree=True)
    store.publish("b" * 64, outputs(store.put_bytes(b"b")))
    store.withdraw("b" * 64)
    store.gc([key], grace_s=-10)
if __name__ == "__main__":
    os.access({BEGIN!r}, 0)
    try:
        job(sys.argv[1])
    except (OSError, errors.KeptError) as problem:
        sys.exit(3)
"""
LOOK = """
import sys
sys.path.insert(0, sys.argv[2])
import job
from pathlib import Path
top = Path(sys.argv[1])
store = job.Store(top / "store")
found = store.verify()
assert found.findings == (), found.findings
assert store.warnings == [], store.warnings
assert list(store.root.glob("quarantine/*")) == []
names = sorted(p.name for p in (top / "target").glob("*")) if (top / "target").exists() else []
assert names in ([], ["old"], ["one", "two"]), names
if names == ["one", "two"]:
    assert (top / "target" / "one").read_bytes() == job.one and (top / "target" / "two").read_bytes() == job.two
job.job(sys.argv[1])
assert sorted(p.name for p in (top / "target").glob("*")) == ["one", "two"]
assert (top / "target" / "one").read_bytes() == job.one
assert store.lookup(job.key) is not None
assert store.verify().findings == ()
"""


def traced(work: Path, *options: str) -> subprocess.CompletedProcess:
    """Run the job under strace on a fresh folder."""
    top = work / "top"
    shutil.rmtree(top, ignore_errors=True)
    (top / "target").mkdir(parents=True)
    (top / "target" / "old").write_text("old")
    command = ["strace", "-f", "-qq", *options, sys.executable, "-I", str(work / "job.py"), str(top)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})


def before(work: Path, call: str) -> tuple[int, int]:
    """Count the calls of one kind before the store's work begins, and in all."""
    trace = work / "trace"
    done = traced(work, "-o", str(trace), "-e", f"trace={call},access,faccessat,faccessat2")
    assert done.returncode == 0, done.stderr
    lines = trace.read_text().splitlines()
    begin = next(n for n, line in enumerate(lines) if BEGIN in line)
    mine = [n for n, line in enumerate(lines) if f" {call}(" in f" {line.split(maxsplit=1)[-1]}"]
    return sum(n < begin for n in mine), len(mine)


def main() -> int:
    """Go through all calls; return the number of points after which something was wrong."""
    if shutil.which("strace") is None:
        print("syscalls: skipped, strace is not installed")
        return 0
    points = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "job.py").write_text(PROGRAM)
        for call in CALLS:
            first, last = before(work, call)
            faults = ["signal=SIGKILL", *([f"error={ERRORS[call]}"] if call in ERRORS else [])]
            for n in range(first + 1, last + 1):
                for fault in faults:
                    done = traced(
                        work, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={n}"
                    )
                    points += 1
                    look = subprocess.run(
                        [sys.executable, "-I", "-c", LOOK, str(work / "top"), str(work)],
                        check=False,
                        capture_output=True,
                        text=True,
                    )
                    killed = done.returncode not in (0, 3)
                    if look.returncode or (killed and "KILL" not in fault):
                        wrong += 1
                        print(f"{call} {fault} {n}: {done.returncode} {done.stderr[-500:]} {look.stderr[-800:]}")
            print(f"{call}: {last - first} calls", flush=True)
    print(f"syscalls: {points} points, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(), 1))
