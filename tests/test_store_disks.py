"""Disks that are full, read-only or failing."""

import errno
import os

import pytest
from store_pieces import (
    everything,
    run_python,
)

from kept import errors
from kept.store import Store


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
