"""Whom to trust with a store, and what others may have planted in it."""

import os
import socket
import stat
from pathlib import Path

import pytest
from store_pieces import (
    HOUR,
    action,
    age,
    as_nobody,
    blob,
    everything,
    hold,
    key,
    overwrite,
    planted,
    record_of,
)

from kept import errors
from kept.store import Fault, Store, disk


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "artifacts" / ".kept")


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


# ---- what others may have planted; as a user who could not harm the system if a link were followed


def test_a_link_in_the_place_of_a_blob_is_not_followed(tmp_path):
    """Not even if the file it leads to has the right content: it is set aside, and the file stays as it is."""

    def work(top):
        store, digest, canary = planted(top)
        place = blob(store, digest)
        place.unlink()
        place.symlink_to(canary)
        assert not store.holds(digest)
        assert store.path(digest) is None
        assert canary.read_bytes() == b"x" * 1000
        assert store.put_bytes(b"x" * 1000) == digest
        assert not place.is_symlink()
        assert canary.stat().st_nlink == 1

    as_nobody(tmp_path, work)


def test_reading_opens_no_link(tmp_path):
    """The direct test of O_NOFOLLOW: with size and content right, nothing else would notice."""

    def work(top):
        store, digest, canary = planted(top)
        place = blob(store, digest)
        place.unlink()
        place.symlink_to(canary)
        with pytest.raises(disk.PlantedError), disk.opened(str(place)):
            pass
        with pytest.raises(errors.BlobMissing):
            store.read(digest)
        record = action(store, key("a"))
        record.rename(top / "record")
        record.symlink_to(top / "record")
        assert store.lookup(key("a")) is None
        assert (top / "record").exists()

    as_nobody(tmp_path, work)


def test_writing_opens_no_link(tmp_path):
    """A name in tmp/ that somebody has guessed is never written through."""

    def work(top):
        store, _, canary = planted(top)
        guess = store.root / "tmp" / "guessed"
        guess.symlink_to(canary)
        store._layout.spare = lambda: str(guess)
        with pytest.raises(FileExistsError):
            store.put_bytes(b"new")
        assert canary.read_bytes() == b"x" * 1000

    as_nobody(tmp_path, work)


@pytest.mark.parametrize("name", ["tmp", "blobs", "actions", "locks", "quarantine"])
def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path, name):
    """Nothing is written into, or removed from, where it leads."""

    def work(top):
        store, _, _ = planted(top)
        elsewhere = top / "elsewhere"
        (store.root / name).rename(elsewhere)
        (store.root / name).symlink_to(elsewhere)
        before = everything(elsewhere)
        with pytest.raises(errors.KeptError, match="foreign"):
            Store(store.root).put_bytes(b"new")
        with pytest.raises(errors.KeptError, match="foreign"):
            Store(store.root).lock(key("a")).__enter__()
        assert everything(elsewhere) == before

    as_nobody(tmp_path, work)


@pytest.mark.parametrize("kind", ["blobs", "actions"])
def test_a_link_in_the_place_of_a_shard_is_refused(tmp_path, kind):
    """The folders in between are looked at, too: before a write, a move and a sweep."""

    def work(top):
        store, digest, _ = planted(top)
        shard = (blob(store, digest) if kind == "blobs" else action(store, key("a"))).parent
        elsewhere = top / "elsewhere"
        shard.rename(elsewhere)
        shard.symlink_to(elsewhere)
        for place in elsewhere.iterdir():
            overwrite(place, b"damaged")
            age(place, 50 * HOUR)
        before = everything(elsewhere)
        assert store.path(digest) is None or kind == "actions"
        assert store.lookup(key("a")) is None
        with pytest.raises(errors.KeptError, match="foreign"):
            hold(store)
        store.gc(grace_s=-10)
        store.verify(repair=True)
        store.withdraw(key("a"))
        assert everything(elsewhere) == before

    as_nobody(tmp_path, work)


def test_what_is_no_file_is_set_aside(tmp_path):
    """A pipe, a socket or a folder under a blob's name makes no reader wait or fail."""

    def work(top):
        store, digest, _ = planted(top)
        place = blob(store, digest)
        for plant in (os.mkfifo, os.mkdir, listen):
            os.unlink(place)
            plant(place)
            assert store.path(digest) is None
            assert not os.path.lexists(place)
            hold(store)
        record = action(store, key("a"))
        record.unlink()
        os.mkfifo(record)
        assert store.lookup(key("a")) is None

    as_nobody(tmp_path, work)


def listen(place):
    """Make a socket there; its name may be too long, so by a shorter way."""
    shard = os.open(place.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{shard}/{place.name}")
    os.close(shard)


def test_a_sweep_removes_links_not_what_they_lead_to(tmp_path):
    """Links in tmp/, and in the folders there, are removed as links."""

    def work(top):
        store, _, _ = planted(top)
        (top / "precious").mkdir()
        (top / "precious" / "file").write_text("precious")
        shop = store.root / "tmp" / "1-old"
        shop.mkdir()
        (shop / "link").symlink_to(top / "precious")
        (store.root / "tmp" / "2-link").symlink_to(top / "precious")
        for place in (shop / "link", shop, store.root / "tmp" / "2-link"):
            age(place, 50 * HOUR)
        assert store.gc().leftovers == 2
        assert (top / "precious" / "file").read_text() == "precious"
        assert os.listdir(store.root / "tmp") == []

    as_nobody(tmp_path, work)
