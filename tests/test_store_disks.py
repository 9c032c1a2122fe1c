"""Disks that are full, read-only or failing."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from store_pieces import (
    HOUR,
    action,
    age,
    as_nobody,
    blob,
    environment,
    everything,
    key,
    overwrite,
    planted,
    record_of,
    run_python,
)

from kept import errors
from kept.store import Fault, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "artifacts" / ".kept")


# ---- full disks


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", ["write", "fsync", "link", "mkdir"])
def test_a_full_disk_is_one_error_and_leaves_nothing(store, monkeypatch, code, call):
    """The error says what was needed and what is free; neither a part of a blob nor a temporary file remains."""
    store.put_bytes(b"first")
    before = everything(store.root)

    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(errors.StoreFull) as caught:
            store.put_bytes(b"hello" * 1000)
    facts = dict(caught.value.facts)
    assert facts["needed"] == "5.0 kB"
    assert facts["free"] != "unknown"
    after = everything(store.root)
    assert [p for p in after if p not in before and not (store.root / p).is_dir()] == []


def test_a_limit_on_file_sizes_is_a_full_store(tmp_path):
    """`ulimit -f` in a child: the big blob is refused, nothing of it stays, small ones still go in."""
    program = """
import os, resource, sys
from kept.store import Store
from kept import errors
store = Store(sys.argv[1])
store.put_bytes(b"before")
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    store.put_bytes(b"x" * (3 << 20))
except errors.StoreFull as full:
    print(full)
assert os.listdir(store.root / "tmp") == []
assert len(store.du().blobs) == 1
assert store.read(store.put_bytes(b"small")) == b"small"
"""
    said = run_python(program, tmp_path / "s")
    assert "no room left" in said
    assert "3.1 MB" in said


# ---- a store that cannot be written to


def test_hits_of_a_read_only_store_are_served(tmp_path):
    """By permission: hits come out, nothing is tried that would fail, and a write says what is the matter."""

    def work(top):
        store, digest, _ = planted(top)
        damaged = store.put_bytes(b"damaged")
        overwrite(blob(store, damaged), b"damageD")
        age(action(store, key("a")), 50 * HOUR)
        folders = [store.root, *(place for place in store.root.rglob("*") if place.is_dir())]
        for place in folders:
            place.chmod(0o555)
        try:
            read_only(Store(store.root), digest, damaged, top)
        finally:
            for place in folders:
                place.chmod(0o755)

    as_nobody(tmp_path, work)


def read_only(store, digest, damaged, top):
    assert store.lookup(key("a")) == record_of(digest)
    store.restore(digest, top / "out" / "x")
    assert (top / "out" / "x").read_bytes() == store.read(digest) == b"x" * 1000
    assert os.listdir(top / "out") == ["x"]
    assert store.warnings == []
    assert store.path(damaged) is None
    assert len(store.warnings) == 1
    with store.lock(key("a")), store.lock(key("new")):
        pass
    for write in (
        lambda: store.put_bytes(b"new"),
        lambda: store.publish(key("b"), record_of(digest)),
        lambda: store.workshop().__enter__(),
    ):
        with pytest.raises(errors.StoreReadOnly):
            write()
    assert not store.verify().exit_code & Fault.UNVERIFIABLE


def test_hits_of_a_store_mounted_read_only_are_served(tmp_path):
    """By mount, in a mount namespace of the test's own: the superuser meets a read-only store, too."""
    store, digest, _ = planted(tmp_path)
    damaged = store.put_bytes(b"damaged")
    overwrite(blob(store, damaged), b"damageD")
    program = """
import sys
from pathlib import Path
import test_store_disks as tests
from kept.digest import digest_bytes
from kept.store import Store
tests.read_only(Store(sys.argv[1]), digest_bytes(b"x" * 1000), digest_bytes(b"damaged"), Path(sys.argv[2]))
"""
    mount = f"mount --bind {store.root} {store.root} && mount -o remount,ro,bind {store.root}"
    in_namespace(mount, program, store.root, tmp_path)
    assert digest.size == 1000


def test_a_full_file_system_is_a_full_store(tmp_path):
    """One mebibyte, in a mount namespace of the test's own: nothing half-written stays, and a sweep makes room."""
    program = """
import os, sys
from kept import errors
from kept.store import Store
store = Store(sys.argv[1])
count = 0
try:
    while True:
        store.put_bytes(bytes([count]) * 100_000)
        count += 1
except errors.StoreFull as full:
    print(full)
assert 5 <= count <= 11, count
assert len(store.du().blobs) == count
assert os.listdir(store.root / "tmp") == []
assert store.verify().exit_code == 0
assert store.gc(grace_s=-10).blobs == count
store.put_bytes(b"x" * 100_000)
"""
    said = in_namespace(f"mount -t tmpfs -o size=1m,mode=755 none {tmp_path}", program, tmp_path / "store")
    assert "no room left" in said
    assert "100 kB" in said


def in_namespace(mount: str, program: str, *arguments: object) -> str:
    """Run a program where a mount is seen that nobody else sees; skip where that is not allowed."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only the superuser may mount")
    prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
    allowed = subprocess.run([*prefix, mount], check=False, capture_output=True)
    if allowed.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {allowed.stderr.decode().strip()}")
    surroundings = environment()
    surroundings["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent)
    command = [*prefix, f'{mount} && exec "$@"', "sh", sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(
        [*command, *map(str, arguments)], check=False, capture_output=True, text=True, env=surroundings
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
