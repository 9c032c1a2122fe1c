"""Cut the power under a store on ext4 and xfs, and count what is damaged or lost.

``python -m tests.nightly powercut [rounds]``; needs root and loop devices. The file system is a file of its own, in a
mount namespace of its own; FS_IOC_SHUTDOWN makes it forget what it has not written, as a power cut would.
"""

import contextlib
import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).parent.parent.parent
SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), linux/fs.h
NO_LOG_FLUSH = 2
WORKER = """
import os, sys, random
sys.path.insert(0, sys.argv[2])
from kept.store import Store
if sys.argv[3] == "careless":
    os.fsync = lambda fd: None
store, dice = Store(sys.argv[1]), random.Random()
while True:
    data = dice.randbytes(dice.randint(1, 60_000))
    digest = store.put_bytes(data)
    store.publish(digest.hex, {"outputs": [{"digest": digest.hex, "size": digest.size}]})
    print(digest.hex, flush=True)
"""


def round_on(image: Path, mount: Path, policy: str, seconds: float) -> tuple[int, int, int, int]:
    """Write until the power goes; return records acknowledged, blobs found, of them damaged, records lost.

    What is said after the power began to go says nothing: a sync of a folder that is under way then may succeed on xfs.
    """
    sys.path.insert(0, str(TOP))
    from kept.store import Fault, Store

    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
    shutil.rmtree(mount / "store", ignore_errors=True)
    os.sync()
    command = [sys.executable, "-I", "-c", WORKER, str(mount / "store"), str(TOP), policy]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
        time.sleep(seconds)
        fd = os.open(mount, os.O_RDONLY)
        acknowledged = _said(worker.stdout.fileno()).split()
        fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(fd)
        worker.send_signal(signal.SIGKILL)
    subprocess.run(["umount", str(mount)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
    store = Store(mount / "store")
    acknowledged = [key.decode() for key in acknowledged if len(key) == 64]
    lost = sum(store.lookup(key) is None for key in acknowledged)
    found = store.verify()
    damaged = sum(bool(f.fault & Fault.CORRUPT) and "/blobs/" in f.place for f in found.findings) + sum(
        "blob" in line for line in store.warnings
    )
    subprocess.run(["umount", str(mount)], check=True)
    return len(acknowledged), found.blobs, damaged, lost


def _said(fd: int) -> bytes:
    """Read what lies in a pipe by now."""
    os.set_blocking(fd, False)
    parts = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(fd, 1 << 16):
            parts.append(part)
    return b"".join(parts)


def main(rounds: int = 10) -> int:
    """Cut the power some times on each file system; return how many blobs were damaged or lost with fsync on."""
    if os.geteuid() != 0:
        print("powercut: skipped, only root may mount")
        return 0
    if "KEPT_UNSHARED" not in os.environ:
        again = [sys.executable, "-m", "tests.nightly", "powercut", str(rounds)]
        command = ["unshare", "--mount", "--propagation", "private", *again]
        return subprocess.run(command, cwd=TOP, check=False, env={**os.environ, "KEPT_UNSHARED": "1"}).returncode
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        mount = Path(folder) / "mount"
        mount.mkdir()
        for kind in ("ext4", "xfs"):
            if shutil.which(f"mkfs.{kind}") is None:
                print(f"powercut: {kind} skipped, mkfs.{kind} is not installed")
                continue
            image = Path(folder) / kind
            with open(image, "wb") as file:
                file.truncate(512 << 20)
            subprocess.run([f"mkfs.{kind}", "-q", str(image)], check=True)
            for policy in ("fsync", "careless"):
                rows = [round_on(image, mount, policy, random.uniform(0.4, 1.5)) for _ in range(rounds)]
                acknowledged, blobs, damaged, lost = map(sum, zip(*rows, strict=True))
                print(f"{kind} {policy}: {acknowledged} acknowledged, {blobs} blobs, {damaged} damaged, {lost} lost")
                bad += damaged + lost if policy == "fsync" else 0
    return min(bad, 1)
