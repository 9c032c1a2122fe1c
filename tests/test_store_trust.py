"""Whom to trust with a store, and what others may have planted in it."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from store_pieces import HOUR, action, age, as_nobody, blob, environment, everything, key, overwrite, record_of

from kept import errors
from kept.digest import Digest
from kept.store import Fault, Store, disk


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


# ---- what others may have planted; as a user who could not harm the system if a link were followed


def planted(top):
    """Make a store with one record, and a canary outside it with the content of its blob."""
    store = Store(top / "store")
    digest = hold(store)
    canary = top / "canary"
    canary.write_bytes(b"x" * 1000)
    return store, digest, canary


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
import test_store_trust as tests
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
