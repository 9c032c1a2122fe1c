"""Whom to trust with a store, and what others may have planted in it."""

import os
import stat
from pathlib import Path

import pytest
from store_pieces import action, key, record_of

from kept import errors
from kept.digest import Digest
from kept.store import Fault, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "artifacts" / ".kept")


def hold(store) -> Digest:
    """Put one blob and its record."""
    digest = store.put_bytes(b"x" * 1000)
    store.publish(key("a"), record_of(digest))
    return digest


def test_a_new_store_is_private_under_any_umask(tmp_path):
    """Also under umask 002, and where something else of ours has made the folder first."""
    before = os.umask(0o002)
    try:
        (tmp_path / "second").mkdir()
        for name in ("first", "second"):
            store = Store(tmp_path / name)
            store.publish(key("a"), record_of(store.put_bytes(b"x")))
            assert stat.S_IMODE(store.root.stat().st_mode) == 0o755
            assert store.private
            store.require_private()
    finally:
        os.umask(before)


@pytest.mark.parametrize("part", ["", "actions", "blobs", "shard"])
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_a_store_that_others_can_write_is_not_private(store, part, mode):
    """It can be read; code from it is refused with the way out."""
    digest = hold(store)
    place = action(store, key("a")).parent if part == "shard" else store.root / part
    place.chmod(mode)
    assert not store.private
    with pytest.raises(errors.StoreNotPrivate, match="chmod -R go-w"):
        store.require_private()
    assert store.read(digest)
    assert store.lookup(key("a")) is not None
    assert store.verify().exit_code == Fault.UNTRUSTED


def test_a_store_of_another_user_is_not_private(store, monkeypatch):
    """Whoever owns the folder decides what is in it."""
    hold(store)
    monkeypatch.setattr(os, "geteuid", lambda: store.root.stat().st_uid + 1)
    assert not store.private
    assert store.verify().exit_code == Fault.UNTRUSTED


def test_a_shared_store_gives_its_folders_to_the_group(tmp_path):
    """Setgid and group-writable, as its root was made on purpose; the umask does not take that away."""
    before = os.umask(0o022)
    try:
        store = Store(tmp_path / "shared")
        store.root.mkdir()
        store.root.chmod(0o2775)
        store.put_bytes(b"x")
    finally:
        os.umask(before)
    folders = [store.root, *(p for p in store.root.rglob("*") if p.is_dir())]
    assert {stat.S_IMODE(p.stat().st_mode) for p in folders} == {0o2775}
    assert len(folders) == 7


def test_the_root_may_be_a_link_to_another_disk(tmp_path):
    """People keep large stores elsewhere."""
    (tmp_path / "big").mkdir()
    (tmp_path / ".kept").symlink_to(tmp_path / "big")
    store = Store(tmp_path / ".kept")
    assert store.read(store.put_bytes(b"x")) == b"x"
    assert store.private
    assert Path(tmp_path / "big" / "version").exists()
